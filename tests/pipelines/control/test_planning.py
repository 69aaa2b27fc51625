"""Units decided: names, presets, several pictures, and everything that is refused."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.catalog.families import ModelFamily
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.planned import PlannedUnit
from pipelines.control.planning import plan_units
from pipelines.control.units import BatchOption, ControlUnit
from pipelines.errors import (
    InvalidPicture,
    InvalidRequest,
    MissingWeights,
    ModelNotFound,
    UserError,
)
from pipelines.requests import Batch, Inpaint
from pipelines.settings import Settings
from tests.helpers.control import (
    CANNY_MODEL,
    NoTools,
    canny,
    control_plan,
    make_plugins,
    menus_for,
)
from tests.helpers.images import gradient, noise
from tests.helpers.jobs import CHECKPOINT, request_for


@pytest.fixture(scope="module")
def menus(tmp_path_factory: pytest.TempPathFactory) -> ControlMenus:
    return menus_for(tmp_path_factory.mktemp("ControlNet"), CANNY_MODEL, "xl_canny")


def planned(menus: ControlMenus, **changes: Any) -> PlannedUnit:
    (unit,) = control_plan(menus, [canny(**changes)]).control
    return unit


def test_names_become_preprocessor_and_model(menus: ControlMenus):
    unit = planned(menus, preprocessor="lineart (black on white)", model="SD15_canny")
    assert unit.preprocessor.key == "lineart"
    assert unit.model_title.startswith(f"{CANNY_MODEL} [")
    assert unit.model is not None
    assert unit.model.name == CANNY_MODEL


def test_presets_are_the_preprocessors_defaults(menus: ControlMenus):
    unit = planned(menus)
    assert (unit.resolution, unit.a, unit.b) == (512, 100.0, 200.0)


def test_values_in_range_stay_and_others_become_presets(menus: ControlMenus):
    unit = planned(menus, resolution=768, threshold_a=7, threshold_b=256)
    assert (unit.resolution, unit.a, unit.b) == (768, 7.0, 200.0)


def test_pixel_perfect_leaves_the_resolution_to_the_picture(menus: ControlMenus):
    assert planned(menus, pixel_perfect=True).resolution is None


def test_a_preprocessor_without_sliders_has_no_resolution(menus: ControlMenus):
    unit = planned(menus, preprocessor="invert", resolution=768, threshold_a=3)
    assert (unit.resolution, unit.a, unit.b) == (None, 0.5, 0.5)


def test_a_preprocessor_that_needs_no_model_gets_none(menus: ControlMenus):
    unit = planned(menus, preprocessor="reference_only")
    assert (unit.model, unit.model_title) == (None, "None")


def test_a_job_without_units_has_none(menus: ControlMenus):
    assert control_plan(menus, []).control == ()
    assert control_plan(NO_CONTROL, []).control == ()


def test_several_pictures_share_the_weight_of_their_unit(menus: ControlMenus):
    pictures = (noise(seed=1), noise(seed=2), noise(seed=3))
    unit = canny(index=1, images=pictures, weight=1.5)
    parts = control_plan(menus, [canny(), unit]).control[1:]
    assert [part.unit.images for part in parts] == [(picture,) for picture in pictures]
    assert {part.unit.weight for part in parts} == {0.5}
    assert {part.unit.index for part in parts} == {1}


def test_a_unit_for_which_a_batch_has_no_picture_is_told_of(menus: ControlMenus):
    units = [canny(), canny(1, images=(noise(seed=1), noise(seed=2))), canny(2)]

    def notes(**parts: Any) -> list[tuple[str, ...]]:
        return [one.notes for one in control_plan(menus, units, **parts).control]

    assert notes(control_batch=BatchOption.one_each, batch=Batch(size=3)) == [()] * 4
    first, second, third, fourth = notes(control_batch=BatchOption.one_each, batch=Batch(count=3))
    assert first == ()
    assert second == third
    assert second[0].startswith("ControlNet Unit 1 acted on no picture: each unit is for one")
    assert fourth[0].startswith("ControlNet Unit 2 acted on no picture")
    assert notes(batch=Batch(size=1)) == [()] * 4


def test_an_ip_adapter_takes_several_pictures_at_once(menus: ControlMenus):
    pictures = (noise(seed=1), noise(seed=2))
    unit = planned(menus, preprocessor="clip", images=pictures, weight=1.5)
    assert unit.unit.images == pictures
    assert unit.unit.weight == 1.5


def test_inpaint_only_gives_way_to_the_jobs_own_mask(menus: ControlMenus):
    mask = Image.new("L", (64, 64), 255)
    (unit,) = control_plan(
        menus, [canny(2, preprocessor="inpaint_only")], inpaint=Inpaint(mask=mask)
    ).control
    assert unit.preprocessor.key == "inpaint_global_harmonious"
    (note,) = unit.notes
    assert note.startswith("ControlNet Unit 2: inpaint global was used in place of inpaint_only")
    assert planned(menus, preprocessor="inpaint_only").notes == ()


def test_a_refusal_names_the_preprocessor_that_was_chosen(menus: ControlMenus):
    unit = canny(preprocessor="inpaint_only", model="None")
    inpaint = Inpaint(mask=Image.new("L", (64, 64), 255))
    with pytest.raises(InvalidRequest, match="the map that inpaint_only makes"):
        control_plan(menus, [unit], inpaint=inpaint)


def test_where_there_is_no_model_at_all_a_refusal_says_where_to_put_one(tmp_path: Path):
    menus = ControlMenus(plugins=make_plugins(), models=ControlModels((tmp_path,)))
    with pytest.raises(InvalidRequest, match=f"put one into {tmp_path}, then press Refresh"):
        control_plan(menus, [canny(model="None")])


REFUSED: list[tuple[ControlUnit, type[UserError], str]] = [
    (canny(preprocessor="magic"), InvalidRequest, "Preprocessor 'magic' is not known"),
    (canny(model="magic"), ModelNotFound, "there is no control model 'magic' in "),
    (
        canny(model="None"),
        InvalidRequest,
        "no model is chosen to follow the map that canny makes; choose one in the menu Model",
    ),
    (canny(model=" "), InvalidRequest, "no model is chosen"),
    (canny(preprocessor="none", model="None"), InvalidRequest, "no model is chosen to follow its"),
    (canny(preprocessor="clip", model="None"), InvalidRequest, "no model is chosen to follow its"),
    (canny(3), InvalidRequest, "one unit too many: there are 3, from 0 to 2"),
    (canny(independent=True), InvalidPicture, "there is no image; give it one, or untick"),
    (
        canny(images=(gradient(),), mask=Image.new("L", (64, 63))),
        InvalidPicture,
        "its mask is 64x63 and its image 64x64",
    ),
    (canny(mask=Image.new("L", (64, 64))), InvalidPicture, "one image .* and there are 0"),
    (
        canny(images=(gradient(), gradient()), mask=Image.new("L", (64, 64))),
        InvalidPicture,
        "one image .* and there are 2",
    ),
    (canny(folder=Path("/pictures")), InvalidRequest, "an input directory makes a job over"),
]


@pytest.mark.parametrize(("unit", "error", "words"), REFUSED)
def test_a_unit_that_cannot_run_stops_the_job_in_its_name(
    menus: ControlMenus, unit: ControlUnit, error: type[UserError], words: str
):
    with pytest.raises(error, match=f"^ControlNet Unit {unit.index}[: ].*{words}"):
        control_plan(menus, [unit])


def test_more_units_than_the_setting_allows_are_refused(menus: ControlMenus):
    units = [canny(index) for index in range(4)]
    assert len(control_plan(menus, units, settings={"control_net_unit_count": 4}).control) == 4
    with pytest.raises(InvalidRequest, match=r"^ControlNet Unit 3 is one unit too many"):
        control_plan(menus, units)


def test_two_units_of_one_number_are_refused(menus: ControlMenus):
    assert len(control_plan(menus, [canny(2), canny(0)]).control) == 2
    with pytest.raises(InvalidRequest) as refused:
        control_plan(menus, [canny(1), canny(0), canny(1)])
    assert str(refused.value) == (
        "ControlNet Unit 1: two units have the number 1; each must have a number of its own."
    )


def test_a_model_of_another_family_is_refused_with_both_names(menus: ControlMenus):
    request = request_for(control=(canny(1, model="xl_canny"),))
    sd15 = replace(CHECKPOINT, family=ModelFamily.sd1)
    with pytest.raises(InvalidRequest) as refused:
        plan_units(request, menus, Settings(), sd15)
    assert str(refused.value).startswith("ControlNet Unit 1: model xl_canny [")
    assert f"is for SDXL and checkpoint {CHECKPOINT.title} is SD1.x" in str(refused.value)
    assert plan_units(request, menus, Settings(), CHECKPOINT)


def test_a_unit_without_any_plugins_is_refused_rather_than_left_out():
    with pytest.raises(InvalidRequest, match=r"^ControlNet Unit 0: Preprocessor 'canny' is not"):
        control_plan(NO_CONTROL, [canny()])


def test_weights_that_nobody_has_are_refused_before_the_job_waits(menus: ControlMenus):
    strict = replace(menus, require=NoTools().folder_of)
    with pytest.raises(MissingWeights, match=r"^ControlNet Unit 1: net\.safetensors is not here"):
        control_plan(strict, [canny(), canny(1, preprocessor="depth")])
    assert control_plan(menus, [canny(1, preprocessor="depth")]).control
