"""From a unit to its map: which picture, which crop, which resolution, in which size."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipelines.control.maps import prepare_units, shown_map
from pipelines.control.menus import ControlMenus
from pipelines.control.planned import PreparedUnit
from pipelines.control.runner import PreprocessorRunner
from pipelines.control.units import ControlResizeMode, ControlUnit
from pipelines.errors import InvalidPicture, MissingWeights
from pipelines.imaging.control_maps import fit_map
from pipelines.imaging.geometry import Size
from pipelines.imaging.inpaint import prepare_inpaint
from pipelines.plan import Plan
from pipelines.requests import (
    Inpaint,
    InpaintArea,
    MaskMode,
    ResizeBy,
    ResizeMode,
    ResizeTo,
    Seeds,
)
from tests.helpers.control import Counted, NoTools, canny, control_plan, menus_for
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.pipelines.control.slow_sources import slow_cut, slow_pixel_perfect, slow_repaint_mask

MODES = [
    (ControlResizeMode.just_resize, ResizeMode.just_resize),
    (ControlResizeMode.crop_and_resize, ResizeMode.crop_and_resize),
    (ControlResizeMode.resize_and_fill, ResizeMode.resize_and_fill),
]


@pytest.fixture
def count() -> Counted:
    return Counted()


@pytest.fixture
def menus(tmp_path: Path, count: Counted) -> ControlMenus:
    return menus_for(tmp_path, count=count)


def unit(**changes: Any) -> ControlUnit:
    return ControlUnit(**{"index": 0, "preprocessor": "none", "model": "canny", **changes})


def prepared(menus: ControlMenus, *units: ControlUnit, **parts: Any) -> tuple[PreparedUnit, ...]:
    return prepare_units(control_plan(menus, units, **parts), PreprocessorRunner(NoTools()))


def alone(menus: ControlMenus, made: ControlUnit, **parts: Any) -> PreparedUnit:
    (one,) = prepared(menus, made, **parts)
    return one


def strokes(width: int, height: int, *boxes: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", (width, height))
    for box in boxes:
        ImageDraw.Draw(mask).rectangle(box, fill=255)
    return mask


def shares(image: Image.Image) -> np.ndarray:
    return np.asarray(image).astype(np.float32) / np.float32(255)


def test_a_map_is_made_from_the_jobs_picture_and_given_in_shares_of_one(menus: ControlMenus):
    picture = noise()
    one = alone(menus, canny(), init_image=picture)
    assert one.pixels.dtype == np.float32
    assert np.array_equal(one.pixels, (255 - np.asarray(picture)).astype(np.float32) / 255)
    assert_same_picture(one.detected, Image.fromarray(255 - np.asarray(picture)))
    assert one.resolution == 512
    assert one.mask is None
    assert one.region is None


def test_the_preprocessor_is_given_the_units_values(menus: ControlMenus, count: Counted):
    made = canny(resolution=768, threshold_a=5, threshold_b=6)
    alone(menus, made, seeds=Seeds(seed=7))
    (given,) = count.given
    assert (given.resolution, given.a, given.b, given.seed) == (768, 5.0, 6.0, 7)
    assert given.mask is None
    assert not given.picture.flags.writeable


def test_a_unit_with_a_picture_of_its_own_looks_at_that(menus: ControlMenus):
    own = noise(seed=3)
    assert_same_picture(alone(menus, unit(images=(own,))).pictures[0], own)


@pytest.mark.parametrize("own", [True, False])
def test_transparent_pictures_lie_on_white(menus: ControlMenus, own: bool):
    clear = Image.new("RGBA", (64, 64), (9, 9, 9, 0))
    source = {"init_image": gradient() if own else clear}
    settings = {"img2img_background_color": "#000000"}
    made = unit(images=(clear,) if own else ())
    assert alone(menus, made, settings=settings, **source).pixels.min() == 1.0


@pytest.mark.parametrize(("mode", "tab"), [*MODES, (MODES[0][0], ResizeMode.latent_upscale)])
def test_the_jobs_picture_is_fitted_as_the_tab_says(
    menus: ControlMenus, mode: ControlResizeMode, tab: ResizeMode
):
    picture, size = noise(40, 20), Size(64, 96)
    other = unit(resize_mode=ControlResizeMode.resize_and_fill)
    one = alone(
        menus, other, init_image=picture, resize_mode=tab, size=ResizeTo(width=64, height=96)
    )
    assert np.array_equal(one.pixels, fit_map(np.asarray(picture), size, mode) / np.float32(255))


@pytest.mark.parametrize(("mode", "_"), MODES)
def test_a_units_own_picture_is_fitted_as_the_unit_says(
    menus: ControlMenus, mode: ControlResizeMode, _: ResizeMode
):
    picture, size = noise(40, 20), Size(64, 64)
    one = alone(
        menus, unit(images=(picture,), resize_mode=mode), resize_mode=ResizeMode.just_resize
    )
    assert np.array_equal(one.pixels, fit_map(np.asarray(picture), size, mode) / np.float32(255))


def test_a_map_is_as_large_as_whole_latents(menus: ControlMenus):
    one = alone(menus, unit(), init_image=noise(101, 75), size=ResizeBy(scale=1.5))
    assert one.pixels.shape == (112, 144, 3)


@pytest.mark.parametrize("mode", ControlResizeMode)
@pytest.mark.parametrize("size", [(100, 100), (37, 91), (64, 63)])
def test_pixel_perfect_follows_picture_and_size(
    menus: ControlMenus, mode: ControlResizeMode, size: tuple[int, int]
):
    made = canny(pixel_perfect=True, images=(noise(*size),), resize_mode=mode)
    one = alone(menus, made, size=ResizeTo(width=104, height=64))
    fills = mode is ControlResizeMode.resize_and_fill
    assert one.resolution == slow_pixel_perfect(Size(*size), Size(104, 64), fills=fills)


def test_pixel_perfect_looks_at_the_size_of_whole_latents(menus: ControlMenus, count: Counted):
    made = canny(pixel_perfect=True)
    one = alone(menus, made, init_image=noise(100, 100), size=ResizeBy(scale=1.03))
    assert one.resolution == count.given[0].resolution == 96


def test_several_units_are_prepared_in_order(menus: ControlMenus):
    pictures = [noise(seed=seed) for seed in range(3)]
    units = (unit(images=tuple(pictures[:2])), unit(index=1, images=(pictures[2],)))
    found = prepared(menus, *units)
    assert [one.pictures for one in found] == [(picture,) for picture in pictures]


def test_an_ip_adapter_is_shown_all_its_pictures(menus: ControlMenus):
    pictures = (noise(seed=1), noise(seed=2))
    assert alone(menus, unit(preprocessor="clip", images=pictures)).pictures == pictures


# What is drawn on a unit's picture


def test_strokes_take_the_place_of_the_picture(menus: ControlMenus):
    drawn = strokes(64, 64, (10, 10, 30, 12))
    one = alone(menus, unit(images=(noise(),), mask=drawn))
    assert_same_picture(one.pictures[0], drawn.convert("RGB"))


@pytest.mark.parametrize("level", [0, 5, 250, 255])
def test_a_drawing_of_nothing_or_of_everything_is_none(menus: ControlMenus, level: int):
    drawn = Image.new("L", (64, 64), level)
    assert_same_picture(alone(menus, unit(images=(noise(),), mask=drawn)).pictures[0], noise())


def test_the_setting_leaves_strokes_out(menus: ControlMenus):
    one = alone(
        menus,
        unit(images=(noise(),), mask=strokes(64, 64, (10, 10, 30, 12))),
        settings={"controlnet_ignore_noninpaint_mask": True},
    )
    assert_same_picture(one.pictures[0], noise())


@pytest.mark.parametrize("mode", ControlResizeMode)
def test_what_is_drawn_for_an_ip_adapter_stays_on_its_picture(
    menus: ControlMenus, mode: ControlResizeMode
):
    picture, drawn = noise(60, 20), strokes(60, 20, (10, 5, 30, 12))
    made = unit(preprocessor="clip", images=(picture,), mask=drawn, resize_mode=mode)
    one = alone(menus, made, size=ResizeTo(width=64, height=128))
    assert_same_picture(one.pictures[0], picture)
    assert one.hidden is not None
    assert_same_picture(one.hidden, drawn)
    assert one.mask is None


def test_for_inpainting_what_is_drawn_is_the_mask(menus: ControlMenus):
    drawn = strokes(64, 64, (8, 8, 23, 31))
    one = alone(menus, unit(preprocessor="inpaint_only", images=(noise(),), mask=drawn))
    assert one.mask is not None
    assert np.array_equal(one.mask, np.asarray(drawn) / 255)
    assert np.array_equal(one.pixels, shares(noise()))
    assert one.detected.mode == "RGBA"
    levels = np.where(np.asarray(drawn) > 0, 127, 255)
    assert np.array_equal(np.asarray(one.detected.getchannel("A")), levels)


# The job's own mask


@pytest.mark.parametrize("mode", MaskMode)
def test_the_jobs_mask_goes_to_inpainting_inverted_and_blurred_as_the_job_has_it(
    menus: ControlMenus, mode: MaskMode
):
    inpaint = Inpaint(mask=strokes(64, 64, (20, 20, 40, 40)), blur_x=3, blur_y=5, mode=mode)
    one = alone(menus, unit(preprocessor="inpaint_global_harmonious"), inpaint=inpaint)
    assert one.mask is not None
    assert np.array_equal(one.mask, slow_repaint_mask(inpaint) > 127)


def test_without_a_mask_nothing_is_to_be_repainted(menus: ControlMenus):
    one = alone(menus, unit(preprocessor="inpaint_only"))
    assert one.mask is not None
    assert not one.mask.any()


def test_the_jobs_mask_is_nothing_to_a_picture_of_the_units_own(menus: ControlMenus):
    inpaint = Inpaint(mask=strokes(64, 64, (20, 20, 40, 40)))
    made = unit(preprocessor="inpaint_global_harmonious", images=(noise(),))
    one = alone(menus, made, inpaint=inpaint)
    assert one.mask is not None
    assert not one.mask.any()


def test_an_ip_adapter_does_not_take_the_jobs_mask(menus: ControlMenus, count: Counted):
    alone(menus, unit(preprocessor="clip"), inpaint=Inpaint(mask=Image.new("L", (64, 64), 255)))
    assert count.given[0].mask is not None
    assert not count.given[0].mask.any()


def test_strokes_of_inpaint_sketch_are_part_of_the_picture(menus: ControlMenus):
    painted = gradient()
    ImageDraw.Draw(painted).rectangle((20, 20, 40, 40), fill="#ff0000")
    mask = strokes(64, 64, (20, 20, 40, 40))
    inpaint = Inpaint(mask=mask, painted=painted, blur_x=0, blur_y=0)
    one = alone(menus, unit(), init_image=gradient(), inpaint=inpaint)
    assert_same_picture(one.pictures[0], painted)


# Only masked


def only_masked(**changes: Any) -> Inpaint:
    values = {"mask": strokes(64, 48, (30, 20, 40, 30)), "blur_x": 2, "blur_y": 1, "padding": 3}
    return Inpaint(**{**values, "area": InpaintArea.only_masked, **changes})


SIZE = ResizeTo(width=72, height=96)
JOB: dict[str, Any] = {"init_image": noise(64, 48), "size": SIZE}


@pytest.mark.parametrize("mode", MaskMode)
def test_the_picture_is_cut_as_the_network_sees_the_jobs_own(menus: ControlMenus, mode: MaskMode):
    inpaint = only_masked(mode=mode)
    one = alone(menus, unit(), inpaint=inpaint, **JOB)
    picture: Image.Image = JOB["init_image"]
    masked = prepare_inpaint(picture, inpaint, Size(SIZE.width, SIZE.height))
    assert_same_picture(one.pictures[0], masked.init_image)
    slow = slow_cut(picture, inpaint, Size(SIZE.width, SIZE.height), ResizeMode.just_resize)
    assert_same_picture(one.pictures[0], slow)
    assert np.array_equal(one.pixels, shares(slow))


@pytest.mark.parametrize(("mode", "tab"), MODES)
def test_a_units_own_picture_is_laid_over_the_whole_and_cut_alike(
    menus: ControlMenus, mode: ControlResizeMode, tab: ResizeMode
):
    inpaint, own, region = only_masked(), noise(30, 41, seed=2), noise(50, 20, seed=3, channels=1)
    made = unit(images=(own,), resize_mode=mode, region=region)
    one = alone(menus, made, inpaint=inpaint, **JOB)
    size = Size(SIZE.width, SIZE.height)
    assert_same_picture(one.pictures[0], slow_cut(own, inpaint, size, tab))
    assert one.region is not None
    assert np.array_equal(one.region, shares(slow_cut(region, inpaint, size, tab)))


def test_the_mask_is_cut_with_its_picture(menus: ControlMenus):
    inpaint = only_masked()
    one = alone(menus, unit(preprocessor="inpaint_global_harmonious"), inpaint=inpaint, **JOB)
    whole = Image.fromarray(slow_repaint_mask(inpaint).astype(np.uint8))
    cut = slow_cut(whole, inpaint, Size(SIZE.width, SIZE.height), ResizeMode.just_resize)
    assert one.mask is not None
    assert np.array_equal(one.mask, np.asarray(cut) > 127)


@pytest.mark.parametrize(
    ("made", "inpaint"),
    [
        (unit(crop_to_mask=False), only_masked()),
        (unit(preprocessor="reference_only"), only_masked()),
        (unit(), only_masked(area=InpaintArea.whole_picture)),
    ],
)
def test_the_whole_picture_is_shown_where_there_is_no_crop(
    menus: ControlMenus, made: ControlUnit, inpaint: Inpaint
):
    one = alone(menus, made, inpaint=inpaint, **JOB)
    assert_same_picture(one.pictures[0], JOB["init_image"])


def test_pixel_perfect_looks_at_the_crop(menus: ControlMenus):
    one = alone(menus, canny(pixel_perfect=True), inpaint=only_masked(), **JOB)
    assert one.resolution == SIZE.width


# Region masks


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_a_region_is_its_first_channel_in_its_own_size(menus: ControlMenus, mode: str):
    region = strokes(20, 10, (0, 0, 9, 9))
    one = alone(menus, unit(region=region.convert(mode)))
    assert one.region is not None
    assert np.array_equal(one.region, shares(region))


# Refusals, progress, repetition


def test_missing_weights_are_refused_in_the_units_name(menus: ControlMenus):
    with pytest.raises(MissingWeights, match=r"^ControlNet Unit 2: net\.safetensors is not") as no:
        prepared(menus, canny(2, preprocessor="depth"))
    assert no.value.weights.name == "nets"


def test_a_crop_too_narrow_is_refused_in_the_units_name(menus: ControlMenus):
    mask = strokes(2000, 2, (0, 0, 1999, 0))
    inpaint = only_masked(mask=mask, padding=0, blur_x=0, blur_y=0)
    with pytest.raises(InvalidPicture, match=r"^ControlNet Unit 0: "):
        prepared(menus, unit(), inpaint=inpaint, init_image=noise(2000, 2))


def test_progress_names_the_preprocessor(menus: ControlMenus):
    said: list[str] = []
    plan = control_plan(menus, [unit(), canny(1)])
    prepare_units(plan, PreprocessorRunner(NoTools()), stage=said.append)
    assert said == ["Running preprocessor canny"]


def test_a_second_click_runs_no_preprocessor(menus: ControlMenus, count: Counted):
    runner = PreprocessorRunner(NoTools())

    def click(picture: Image.Image) -> Plan:
        plan = control_plan(menus, [canny(), canny(1, images=(noise(),))], init_image=picture)
        prepare_units(plan, runner)
        return plan

    click(gradient())
    assert len(count.given) == 2
    click(gradient())
    assert len(count.given) == 2
    click(noise(seed=9))
    assert len(count.given) == 3


def test_what_is_random_is_made_afresh_and_repeatable(menus: ControlMenus, count: Counted):
    runner = PreprocessorRunner(NoTools())
    made = unit(preprocessor="shuffle")
    maps = [
        prepare_units(control_plan(menus, [made], seeds=Seeds(seed=seed)), runner)[0].pixels
        for seed in (1, 1, 2)
    ]
    assert len(count.given) == 3
    assert np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])


@pytest.mark.parametrize(
    ("seeds", "expected"),
    [
        (Seeds(seed=5, variation_seed=7, variation_strength=0.1), 12),
        (Seeds(seed=5, variation_seed=7), 5),
        (Seeds(seed=2**32 + 3), 3),
    ],
)
def test_randomness_comes_from_the_jobs_seeds(
    menus: ControlMenus, count: Counted, seeds: Seeds, expected: int
):
    alone(menus, unit(preprocessor="shuffle"), seeds=seeds)
    assert count.given[0].seed == expected


def test_a_map_without_opacity_is_shown_as_it_is():
    pixels = np.asarray(noise())
    assert_same_picture(shown_map(pixels), noise())
