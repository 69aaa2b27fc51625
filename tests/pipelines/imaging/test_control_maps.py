"""Control maps brought to size: each kind by its rule, against the slow rules at tolerance 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.control.units import ControlResizeMode
from pipelines.errors import InvalidPicture
from pipelines.imaging.control_maps import FITTERS, fit_map
from pipelines.imaging.geometry import Size
from pipelines.imaging.thin_lines import has_thin_lines
from tests.helpers.examples import examples
from tests.pipelines.imaging.slow_control_maps import slow_fit

JUST = ControlResizeMode.just_resize
CROP = ControlResizeMode.crop_and_resize
FILL = ControlResizeMode.resize_and_fill
SIDES = st.integers(1, 20)


def walk(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """One white line of a pixel on black."""
    lines = np.zeros((height, width), np.uint8)
    y, x = int(rng.integers(height)), int(rng.integers(width))
    for _ in range(height + width):
        lines[y, x] = 255
        y = (y + int(rng.integers(-1, 2))) % height
        x = (x + int(rng.integers(0, 2))) % width
    return lines


def boxes(rng: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Thick white shapes on black."""
    shapes = np.zeros((height, width), np.uint8)
    for _ in range(2):
        y, x = int(rng.integers(height)), int(rng.integers(width))
        shapes[y : y + height // 2 + 1, x : x + width // 2 + 1] = 255
    return shapes


def a_map(kind: str, height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    if kind == "line":
        return np.dstack([walk(rng, height, width)] * 3)
    if kind == "shape":
        return np.dstack([boxes(rng, height, width)] * 3)
    if kind == "segments":
        palette = rng.integers(0, 256, (5, 3), np.uint8)
        return palette[boxes(rng, height, width) // 128 + walk(rng, height, width) // 100]
    photo = rng.integers(0, 256, (height, width, 4), np.uint8)
    return photo if kind == "inpaint" else photo[..., :3].copy()


@examples(80)
@given(
    st.sampled_from(["line", "shape", "segments", "photo", "inpaint"]),
    *(SIDES,) * 4,
    st.integers(0, 999),
    st.sampled_from(ControlResizeMode),
)
def test_a_map_is_fitted_exactly_as_described(
    kind: str,
    height: int,
    width: int,
    new_height: int,
    new_width: int,
    seed: int,
    mode: ControlResizeMode,
):
    pixels = a_map(kind, height, width, seed)
    pixels.flags.writeable = False
    fitted = fit_map(pixels, Size(new_width, new_height), mode)
    assert fitted.dtype == np.uint8
    assert fitted.shape == (new_height, new_width, pixels.shape[2])
    assert fitted.tolist() == slow_fit(pixels, new_width, new_height, mode.value).tolist()


def test_every_mode_has_a_function():
    assert set(FITTERS) == set(ControlResizeMode)


@pytest.mark.parametrize("mode", ControlResizeMode)
def test_a_map_of_the_right_size_is_the_same_in_another_array(mode: ControlResizeMode):
    pixels = a_map("photo", 9, 7, 1)
    fitted = fit_map(pixels, Size(7, 9), mode)
    assert fitted.tolist() == pixels.tolist()
    assert not np.shares_memory(fitted, pixels)


def test_the_alpha_of_a_map_of_the_right_size_becomes_hard_too():
    pixels = np.full((1, 4, 4), 9, np.uint8)
    pixels[0, :, 3] = 0, 127, 128, 255
    assert fit_map(pixels, Size(4, 1), JUST)[0, :, 3].tolist() == [0, 0, 255, 255]


@pytest.mark.parametrize("size", [Size(64, 64), Size(200, 150), Size(17, 31)], ids=str)
def test_a_drawing_in_flat_colours_gets_no_new_ones(size: Size):
    pixels = a_map("segments", 40, 30, 3)
    colours = {tuple(pixel) for pixel in pixels.reshape(-1, 3).tolist()}
    assert len(colours) > 2
    fitted = fit_map(pixels, size, JUST)
    assert {tuple(pixel) for pixel in fitted.reshape(-1, 3).tolist()} <= colours


@pytest.mark.parametrize(("kind", "size"), [("line", 100), ("line", 20), ("shape", 100)])
def test_black_and_white_stays_black_and_white(kind: str, size: int):
    fitted = fit_map(a_map(kind, 40, 40, 3), Size(size, size), JUST)
    assert set(np.unique(fitted)) == {0, 255}


def test_a_line_of_one_pixel_stays_thin_when_enlarged():
    lines = np.zeros((48, 48, 3), np.uint8)
    lines[10, 4:44] = lines[4:44, 30] = 255
    fitted = fit_map(lines, Size(192, 192), JUST)
    across, down = fitted[:, 60, 0], fitted[100, :, 0]
    assert (np.count_nonzero(across), np.count_nonzero(down)) == (1, 1)
    assert abs(int(across.argmax()) - 42) <= 2
    assert abs(int(down.argmax()) - 122) <= 2


def test_a_stroke_of_many_pixels_keeps_its_width():
    strokes = np.zeros((48, 48, 3), np.uint8)
    strokes[20:28] = 255
    assert has_thin_lines(strokes) is False
    assert np.count_nonzero(fit_map(strokes, Size(96, 96), JUST)[:, 40, 0]) == 16


def test_two_colours_that_are_no_black_and_white_are_filtered():
    pixels = np.full((8, 8, 3), 40, np.uint8)
    pixels[:, 4:] = 200
    assert len(np.unique(fit_map(pixels, Size(31, 31), JUST))) > 2


def test_199_colours_are_flat_and_200_are_a_photograph():
    levels = np.zeros((10, 20, 3), np.uint8)
    levels[..., 0] = np.minimum(np.arange(200), 198).reshape(10, 20)
    enlarged = fit_map(levels, Size(41, 21), JUST)
    assert set(np.unique(enlarged)) <= set(np.unique(levels))
    levels[9, 19, 1] = 7  # the two hundredth
    enlarged = fit_map(levels, Size(41, 21), JUST)
    assert not set(np.unique(enlarged[..., 1])) <= {0, 7}


def test_crop_and_resize_cuts_both_sides_alike():
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, :, 0] = np.arange(30) * 8
    assert fit_map(pixels, Size(10, 10), CROP)[0, :, 0].tolist() == [x * 8 for x in range(10, 20)]


def test_resize_and_fill_surrounds_the_map_with_its_borders_median():
    pixels = np.full((4, 8, 3), (10, 20, 30), np.uint8)
    pixels[1:3, 1:7] = 255
    pixels[0, 0] = 0
    fitted = fit_map(pixels, Size(8, 8), FILL)
    assert fitted[2:6].tolist() == pixels.tolist()
    assert (fitted[:2] == (10, 20, 30)).all()
    assert (fitted[6:] == (10, 20, 30)).all()


def test_resize_and_fill_of_an_inpaint_map_is_outpainting():
    pixels = np.zeros((4, 8, 4), np.uint8)
    fitted = fit_map(pixels, Size(8, 8), FILL)
    assert fitted[2:6, :, 3].max() == 0
    assert fitted[:2, :, 3].min() == fitted[6:, :, 3].min() == 255


def test_a_map_that_would_be_enlarged_beyond_reason_is_refused():
    with pytest.raises(InvalidPicture, match="1x8000 would have to be enlarged to 4096x32768000"):
        fit_map(np.zeros((8000, 1, 3), np.uint8), Size(4096, 64), CROP)
