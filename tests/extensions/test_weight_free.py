"""Preprocessors without weights against slow ones written from their descriptions, tolerance 0."""

import cv2
import numpy as np
import pytest

from extensions.preprocessors import BUILT_IN
from pipelines.plugins import RESOLUTION, Given, Hook, Plugins, Slider
from tests.extensions import slow_maps
from tests.helpers.preprocessors import NoTools

PLUGINS = Plugins(preprocessors=BUILT_IN)


def detect(key: str, picture: np.ndarray, a: float = 0.5, b: float = 0.5, **more) -> np.ndarray:
    """The map at a resolution of 64 unless another is given."""
    asked = {"resolution": 64, "seed": 0, "tools": NoTools(), **more}
    given = Given(picture=picture, a=a, b=b, **asked)
    return PLUGINS.find_preprocessor(key).run(given).pixels


def scene(height: int = 64, width: int = 64, seed: int = 0) -> np.ndarray:
    """Dark strokes on coloured, noisy ground."""
    rng = np.random.default_rng(seed)
    picture = rng.integers(120, 256, (1, 1, 3)) + rng.normal(0, 12, (height, width, 3))
    picture[10:14, 5:60] *= 0.2
    picture[20:, 30:33, :2] *= 0.3
    picture[40:50, 8:20] = rng.integers(0, 256, 3)
    return picture.clip(0, 255).astype(np.uint8)


def assert_same(actual: np.ndarray, expected: np.ndarray) -> None:
    assert actual.dtype == np.uint8
    assert len(np.unique(actual)) > 1, "a map of one colour shows nothing"
    assert actual.tolist() == expected.tolist()


@pytest.mark.parametrize("key", ["none", "tile_colorfix", "tile_colorfix+sharp", "reference_only"])
def test_some_maps_are_the_picture(key: str):
    assert_same(detect(key, scene(30, 65), a=8.0), scene(30, 65))


def test_invert():
    assert_same(detect("invert", scene(30, 65)), slow_maps.invert(scene(30, 65)))


@pytest.mark.parametrize(("low", "high"), [(100, 200), (1, 255), (20, 30)])
def test_canny_is_opencvs_on_the_colours(low: float, high: float):
    expected = cv2.Canny(scene(), low, high)
    assert_same(detect("canny", scene(), low, high), np.dstack([expected] * 3))


def test_canny_sees_edges_between_colours_of_one_lightness():
    picture = np.zeros((64, 64, 3), np.uint8)
    picture[:, :32, 0], picture[:, 32:, 1] = 200, 102
    assert len(np.unique(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))) == 1
    assert detect("canny", picture, 100, 200)[32].max() == 255


@pytest.mark.parametrize("level", [60, 90, 127])
def test_threshold(level: int):
    assert_same(detect("threshold", scene(), level), slow_maps.threshold(scene(), level))


def test_threshold_is_exclusive():
    assert detect("threshold", np.full((64, 64, 3), 127, np.uint8), 127).max() == 0


@pytest.mark.parametrize("sigma", [0.5, 9.0, 64])
def test_blur_gaussian_is_opencvs(sigma: float):
    expected = cv2.GaussianBlur(scene(), (0, 0), sigma)
    assert_same(detect("blur_gaussian", scene(), sigma), expected)


def test_the_least_blur_changes_nothing():
    assert_same(detect("blur_gaussian", scene(), 0.01), scene())


def test_a_blur_does_not_repeat_the_edges_first():
    picture = scene(64, 80)
    expected = cv2.GaussianBlur(picture, (0, 0), 20.0)
    assert_same(detect("blur_gaussian", picture, 20.0), expected)


@pytest.mark.parametrize("level", [1, 32, 63.5])
def test_scribble_xdog(level: float):
    assert_same(detect("scribble_xdog", scene(), level), slow_maps.scribble_xdog(scene(), level))


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_lineart_standard(seed: int):
    picture = scene(seed=seed)
    assert_same(detect("lineart_standard", picture), slow_maps.lineart_standard(picture))


def test_lineart_standard_of_a_plain_picture_is_black():
    assert detect("lineart_standard", np.full((64, 64, 3), 200, np.uint8)).max() == 0


@pytest.mark.parametrize("seed", [0, 12345, 2**32 - 1])
@pytest.mark.parametrize("size", [(64, 64), (64, 300)], ids=str)
def test_shuffle_is_what_numpys_global_generator_would_give(seed: int, size: tuple[int, int]):
    picture = scene(*size)
    assert_same(detect("shuffle", picture, seed=seed), slow_maps.shuffle(picture, seed))


def test_shuffles_seed_wraps_and_the_global_generator_is_left_alone():
    state = np.random.get_state(legacy=False)
    assert (detect("shuffle", scene(), seed=2**32 + 5) == detect("shuffle", scene(), seed=5)).all()
    assert (detect("shuffle", scene(), seed=5) != detect("shuffle", scene(), seed=6)).any()
    assert str(np.random.get_state(legacy=False)) == str(state)


@pytest.mark.parametrize("size", [(128, 192), (130, 200)], ids=str)
def test_the_colour_grid(size: tuple[int, int]):
    picture = scene(*size)
    grid = detect("color", picture, resolution=size[0])
    assert_same(grid, slow_maps.color_grid(picture))
    assert len(np.unique(grid.reshape(-1, 3), axis=0)) <= 6


@pytest.mark.parametrize("exponent", [0.1, 1.0, 2.0])
def test_recolor(exponent: float):
    picture = scene(30, 65)
    luminance = slow_maps.recolor_luminance(picture, exponent)
    intensity = slow_maps.recolor_intensity(picture, exponent)
    assert_same(detect("recolor_luminance", picture, exponent), luminance)
    assert_same(detect("recolor_intensity", picture, exponent), intensity)


def test_recolor_without_gamma_keeps_every_level():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=-1)
    assert_same(detect("recolor_intensity", ramp, 1.0), ramp)


def test_tile_resample_divides_both_sides():
    picture = scene(64, 66)
    assert_same(detect("tile_resample", picture, 2.0), slow_maps.halved(picture))
    assert detect("tile_resample", picture, 1.5).shape == (42, 44, 3)


@pytest.mark.parametrize("rate", [1.0, 1.09])
def test_tile_resample_leaves_the_picture_alone_at_low_rates(rate: float):
    assert_same(detect("tile_resample", scene(30, 65), rate), scene(30, 65))


@pytest.mark.parametrize("key", ["inpaint", "inpaint_only"])
def test_an_inpaint_map_is_the_picture_and_its_mask(key: str):
    picture, mask = scene(30, 65), scene(30, 65, seed=1)[..., 0]
    pixels = detect(key, picture, mask=mask)
    assert_same(pixels[..., :3], picture)
    assert_same(pixels[..., 3], mask)


def test_without_a_mask_nothing_is_to_be_repainted():
    assert detect("inpaint", scene(), mask=None)[..., 3].max() == 0


NO_SLIDERS: tuple[Slider, ...] = ()
VARIATION = Slider(label="Variation", default=8, minimum=3, maximum=32, step=1)
GAMMA = Slider(label="Gamma Correction", default=1.0, minimum=0.1, maximum=2.0, step=0.001)
FIDELITY = Slider(
    label="Style Fidelity (only for Balanced mode)", default=0.5, minimum=0, maximum=1, step=0.01
)


@pytest.mark.parametrize(
    ("label", "hook", "resized", "sliders"),
    [
        ("none", Hook.none, False, NO_SLIDERS),
        ("invert (from white bg & black line)", Hook.none, False, NO_SLIDERS),
        (
            "canny",
            Hook.none,
            True,
            (
                Slider(label="Low Threshold", default=100, minimum=1, maximum=255, step=1),
                Slider(label="High Threshold", default=200, minimum=1, maximum=255, step=1),
            ),
        ),
        (
            "threshold",
            Hook.none,
            True,
            (Slider(label="Binarization Threshold", default=127, minimum=0, maximum=255, step=1),),
        ),
        (
            "blur_gaussian",
            Hook.none,
            True,
            (Slider(label="Sigma", default=9, minimum=0.01, maximum=64, step=0.01),),
        ),
        (
            "scribble_xdog",
            Hook.none,
            True,
            (Slider(label="XDoG Threshold", default=32, minimum=1, maximum=64, step=0.01),),
        ),
        ("lineart_standard (from white bg & black line)", Hook.none, True, NO_SLIDERS),
        ("shuffle", Hook.none, True, NO_SLIDERS),
        ("t2ia_color_grid", Hook.none, True, NO_SLIDERS),
        ("recolor_luminance", Hook.recolor_luminance, False, (GAMMA,)),
        ("recolor_intensity", Hook.recolor_intensity, False, (GAMMA,)),
        (
            "tile_resample",
            Hook.none,
            False,
            (Slider(label="Down Sampling Rate", default=1, minimum=1, maximum=8, step=0.01),),
        ),
        ("tile_colorfix", Hook.tile_colorfix, False, (VARIATION,)),
        (
            "tile_colorfix+sharp",
            Hook.tile_colorfix_sharp,
            False,
            (VARIATION, Slider(label="Sharpness", default=1, minimum=0, maximum=2, step=0.01)),
        ),
        ("reference_only", Hook.reference_only, False, (FIDELITY,)),
        ("reference_adain", Hook.reference_adain, False, (FIDELITY,)),
        ("reference_adain+attn", Hook.reference_adain_attn, False, (FIDELITY,)),
        ("inpaint_global_harmonious", Hook.none, False, NO_SLIDERS),
        ("inpaint_only", Hook.inpaint_only, False, NO_SLIDERS),
    ],
)
def test_what_the_page_draws_for_each(
    label: str, hook: Hook, resized: bool, sliders: tuple[Slider, ...]
):
    preprocessor = PLUGINS.find_preprocessor(label)
    assert preprocessor.label == label
    assert preprocessor.hook is hook
    assert preprocessor.resolution == (RESOLUTION if resized else None)
    assert preprocessor.sliders == sliders
    assert preprocessor.needs_model is not label.startswith("reference_")
    assert preprocessor.takes_mask is label.startswith(("inpaint_", "ip-adapter"))
    assert preprocessor.cached is (label != "shuffle")
