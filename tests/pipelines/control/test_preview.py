"""The preview of a unit and the HTTP route's detection: one map, without a job."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from pipelines.control.maps import prepare_units
from pipelines.control.menus import ControlMenus
from pipelines.control.preview import Preview, detect, preview_unit
from pipelines.control.runner import PreprocessorRunner
from pipelines.control.units import ControlResizeMode, ControlUnit
from pipelines.errors import InvalidPicture, InvalidRequest, MissingWeights, UserError
from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode, ResizeTo
from pipelines.settings import Settings
from tests.helpers.control import Counted, NoTools, canny, control_plan, menus_for
from tests.helpers.images import assert_same_picture, gradient, noise


@pytest.fixture
def count() -> Counted:
    return Counted()


@pytest.fixture
def menus(tmp_path: Path, count: Counted) -> ControlMenus:
    return menus_for(tmp_path, count=count)


@pytest.fixture
def runner() -> PreprocessorRunner:
    return PreprocessorRunner(NoTools())


def preview(
    unit: ControlUnit, menus: ControlMenus, runner: PreprocessorRunner, **more: Any
) -> Preview:
    return preview_unit(unit, menus, runner, Settings(), **{"target": Size(512, 256), **more})


def test_a_preview_is_the_map_at_its_own_size(menus: ControlMenus, runner: PreprocessorRunner):
    own = noise(50, 40)
    shown = preview(canny(images=(own,), resolution=768), menus, runner)
    assert_same_picture(shown.image, Image.fromarray(255 - np.asarray(own)))
    assert shown.resolution == 768


def test_a_unit_without_an_image_shows_the_jobs_picture(
    menus: ControlMenus, runner: PreprocessorRunner
):
    shown = preview(canny(), menus, runner, picture=gradient())
    assert_same_picture(shown.image, Image.fromarray(255 - np.asarray(gradient())))


def test_what_is_drawn_counts_as_in_a_job(menus: ControlMenus, runner: PreprocessorRunner):
    drawn = noise(channels=1)
    shown = preview(canny(preprocessor="none", images=(gradient(),), mask=drawn), menus, runner)
    assert_same_picture(shown.image, drawn.convert("RGB"))
    inpaint = canny(preprocessor="inpaint_only", images=(gradient(),), mask=drawn)
    alpha = np.asarray(preview(inpaint, menus, runner).image.getchannel("A"))
    assert np.array_equal(alpha, (255 - np.asarray(drawn) / 2).astype(np.uint8))


def test_pixel_perfect_goes_by_the_size_on_the_page(
    menus: ControlMenus, runner: PreprocessorRunner
):
    unit = canny(images=(noise(100, 100),), pixel_perfect=True)
    assert preview(unit, menus, runner, target=Size(100, 50)).resolution == 100
    fills = canny(
        images=(noise(100, 100),),
        pixel_perfect=True,
        resize_mode=ControlResizeMode.resize_and_fill,
    )
    assert preview(fills, menus, runner, target=Size(100, 50)).resolution == 50


@pytest.mark.parametrize("tab", ResizeMode)
def test_pixel_perfect_of_the_jobs_picture_comes_to_what_it_does_in_the_job(
    menus: ControlMenus, runner: PreprocessorRunner, tab: ResizeMode
):
    unit = canny(pixel_perfect=True)
    shown = preview(unit, menus, runner, target=Size(128, 64), picture=noise(100, 70), tab_mode=tab)
    size = ResizeTo(width=128, height=64)
    plan = control_plan(menus, [unit], init_image=noise(100, 70), size=size, resize_mode=tab)
    assert prepare_units(plan, runner)[0].resolution == shown.resolution


def test_a_job_uses_the_previews_map(
    menus: ControlMenus, runner: PreprocessorRunner, count: Counted
):
    unit = canny(images=(noise(),))
    preview(unit, menus, runner)
    prepare_units(control_plan(menus, [unit]), runner)
    detect("canny", noise(), menus, runner)
    assert len(count.given) == 1


def test_no_model_is_needed_for_a_preview(menus: ControlMenus, runner: PreprocessorRunner):
    assert preview(canny(model="None"), menus, runner, picture=gradient()).image


@pytest.mark.parametrize(
    ("unit", "error", "words"),
    [
        (canny(1), InvalidPicture, "there is no image"),
        (canny(1, preprocessor="magic"), InvalidRequest, "Preprocessor 'magic' is not known"),
        (canny(1, preprocessor="depth", images=(noise(),)), MissingWeights, "is not here"),
    ],
)
def test_a_refusal_names_the_unit(
    menus: ControlMenus,
    runner: PreprocessorRunner,
    unit: ControlUnit,
    error: type[UserError],
    words: str,
):
    with pytest.raises(error, match=f"^ControlNet Unit 1: .*{words}"):
        preview(unit, menus, runner)


def test_detection_takes_key_or_label_and_presets(
    menus: ControlMenus, runner: PreprocessorRunner, count: Counted
):
    detect("lineart (black on white)", noise(), menus, runner, resolution=-100, a=7)
    detect("canny", noise(), menus, runner, resolution=640, a=7, b=-1)
    first, second = count.given
    assert first.resolution == 512
    assert (second.resolution, second.a, second.b) == (640, 7.0, 200.0)


def test_detection_takes_a_mask_of_the_pictures_size(
    menus: ControlMenus, runner: PreprocessorRunner
):
    mask = noise(seed=1, channels=1)
    found = detect("inpaint_only", gradient(), menus, runner, mask=mask)
    assert np.array_equal(found.pixels[..., 3], np.asarray(mask))
    with pytest.raises(InvalidPicture, match="The mask is 8x8 and the picture 64x64"):
        detect("inpaint_only", gradient(), menus, runner, mask=Image.new("L", (8, 8)))
