"""Units in the parameter text: as A1111's extension writes them, and back."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.control.infotext import read_units
from pipelines.control.menus import ControlMenus
from pipelines.control.units import ControlMode, ControlResizeMode, ControlUnit
from pipelines.infotext import parse, write
from pipelines.infotext_form import FormValues, to_form
from pipelines.plan import Plan
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.control import CANNY_MODEL, canny, control_plan, menus_for
from tests.helpers.images import noise
from tests.helpers.jobs import OneCheckpoint


@pytest.fixture(scope="module")
def menus(tmp_path_factory: pytest.TempPathFactory) -> ControlMenus:
    return menus_for(tmp_path_factory.mktemp("ControlNet"), CANNY_MODEL, "we,ird")


def text_of(plan: Plan) -> str:
    return write(plan, plan.images[0])


def pasted(text: str, menus: ControlMenus, **settings: Any) -> FormValues:
    return to_form(
        parse(text),
        settings=Settings().with_changes(settings),
        catalog=OneCheckpoint(),
        styles=StyleBook(Path("no such file.csv")),
        control=menus,
    )


def title(menus: ControlMenus) -> str:
    return menus.models.find(CANNY_MODEL)[0]


def test_a_unit_is_written_as_the_extension_writes_it(menus: ControlMenus):
    text = text_of(control_plan(menus, [canny()]))
    value = (
        f"Module: canny, Model: {title(menus)}, Weight: 1.0, Resize Mode: Crop and Resize, "
        "Processor Res: 512, Threshold A: 100.0, Threshold B: 200.0, Guidance Start: 0.0, "
        "Guidance End: 1.0, Pixel Perfect: False, Control Mode: Balanced"
    )
    assert f", ControlNet 0: {json.dumps(value)}, Version: " in text
    assert parse(text).fields["ControlNet 0"] == value


def test_numbers_count_the_units_that_ran(menus: ControlMenus):
    units = [canny(1, images=(noise(), noise(seed=1))), canny(2)]
    fields = parse(text_of(control_plan(menus, units))).fields
    assert [name for name in fields if name.startswith("ControlNet")] == [
        "ControlNet 0",
        "ControlNet 1",
        "ControlNet 2",
    ]
    assert "Weight: 0.5" in fields["ControlNet 1"]


def test_sliders_that_are_not_there_are_a_half(menus: ControlMenus):
    fields = parse(text_of(control_plan(menus, [canny(preprocessor="reference_only")]))).fields
    assert "Model: None, " in fields["ControlNet 0"]
    assert "Processor Res: 0.5, Threshold A: 0.5, Threshold B: 0.5" in fields["ControlNet 0"]


def test_the_preprocessor_goes_by_its_label(menus: ControlMenus):
    fields = parse(text_of(control_plan(menus, [canny(preprocessor="lineart")]))).fields
    assert "Module: lineart (black on white), " in fields["ControlNet 0"]


def test_a_name_with_a_comma_empties_the_unit(menus: ControlMenus):
    text = text_of(control_plan(menus, [canny(model="we,ird"), canny(1)]))
    assert ", ControlNet 0: , ControlNet 1: " in text
    assert "ControlNet 0" not in parse(text).fields


UNITS = (
    canny(
        weight=0.75,
        start=0.25,
        end=0.5,
        resolution=768,
        threshold_a=7,
        threshold_b=9,
        mode=ControlMode.control,
        resize_mode=ControlResizeMode.resize_and_fill,
    ),
    canny(1, preprocessor="invert", pixel_perfect=True, mode=ControlMode.prompt),
    canny(2, preprocessor="reference_only", start=1.0, end=1.0),
)


def test_units_come_back_from_their_text(menus: ControlMenus):
    form = pasted(text_of(control_plan(menus, UNITS)), menus)
    full = title(menus)
    assert form.control == (
        ControlUnit(
            **{
                "index": 0,
                "preprocessor": "canny",
                "model": full,
                "weight": 0.75,
                "start": 0.25,
                "end": 0.5,
                "resolution": 768,
                "threshold_a": 7.0,
                "threshold_b": 9.0,
                "mode": ControlMode.control,
                "resize_mode": ControlResizeMode.resize_and_fill,
            }
        ),
        canny(1, preprocessor="invert", model=full, pixel_perfect=True, mode=ControlMode.prompt),
        canny(2, preprocessor="reference_only", model="None", start=1.0, end=1.0),
    )
    assert form.comments == ()


def test_a_text_written_twice_is_the_same(menus: ControlMenus):
    text = text_of(control_plan(menus, UNITS))
    form = pasted(text, menus)
    assert text_of(control_plan(menus, form.control or ())) == text


def test_a1111s_own_text_is_read(menus: ControlMenus):
    value = (
        "Module: canny, Model: control_v11p_sd15_canny [d14c016b], Weight: 1, "
        "Resize Mode: Resize and Fill, Low Vram: False, Processor Res: 640, Threshold A: 90, "
        "Guidance Start: 0, Guidance End: 0.8, Pixel Perfect: True, Control Mode: Balanced"
    )
    text = f"a cat\nSteps: 20, Sampler: Euler, Seed: 1, ControlNet 0: {json.dumps(value)}"
    unit = canny(
        model=title(menus),
        end=0.8,
        resolution=640,
        threshold_a=90.0,
        pixel_perfect=True,
        resize_mode=ControlResizeMode.resize_and_fill,
    )
    assert pasted(text, menus).control == (unit,)


@pytest.mark.parametrize(
    ("value", "comment"),
    [
        ("Module: magic, Weight: 1.0", "left out. Preprocessor 'magic' is not known; choose"),
        ("Module: canny, Model: magic [0123]", "has no model, since 'magic [0123]' is not among"),
        ("Module: canny, Weight: 3", "has a Weight that cannot be used, '3'"),
        ("Module: canny, Weight: heavy", "has a Weight that cannot be used, 'heavy'"),
        ("Module: canny, Guidance End: nan", "has a Guidance End that cannot be used"),
        ("Module: canny, Guidance Start: 0.9, Guidance End: 0.1", "a Guidance Start that cannot"),
        ("Module: canny, Resize Mode: Inner Fit", "has a Resize Mode that cannot be used"),
        ("Module: canny, Pixel Perfect: perhaps", "has a Pixel Perfect that cannot be used"),
        ("Module: canny, Threshold A: x", "has a Threshold A that cannot be used, 'x'"),
    ],
)
def test_what_is_of_no_use_becomes_a_comment(menus: ControlMenus, value: str, comment: str):
    found = read_units({"ControlNet 1": value}, menus, 3)
    assert found.found
    (said,) = found.comments
    assert said.startswith("ControlNet 1 ")
    assert comment in said


@pytest.mark.parametrize("value", ["", "nonsense", ":::,,,", "Weight", "Module: none"])
def test_nothing_a_text_says_makes_it_fail(menus: ControlMenus, value: str):
    (unit,) = read_units({"ControlNet 0": value}, menus, 3).units
    assert unit == ControlUnit(index=0)


def test_values_off_the_sliders_are_presets(menus: ControlMenus):
    value = "Module: canny, Processor Res: 7, Threshold A: -4, Threshold B: nan"
    (unit,) = read_units({"ControlNet 0": value}, menus, 3).units
    assert (unit.resolution, unit.threshold_a, unit.threshold_b) == (512, 100, 200)


def test_units_that_the_page_lacks_are_named(menus: ControlMenus):
    text = text_of(control_plan(menus, UNITS))
    form = pasted(text, menus, control_net_unit_count=1)
    assert len(form.control or ()) == 1
    assert "ControlNet 1 was left out, since there are 1 units" in form.comments[0]


def test_without_units_our_own_text_means_none_and_others_nothing(menus: ControlMenus):
    text = text_of(control_plan(menus, []))
    assert pasted(text, menus).control == ()
    assert pasted(text.replace("Version: Redraw", "Version: v1.10"), menus).control is None
    assert pasted("just a prompt", menus).control is None


def test_the_setting_keeps_units_from_being_pasted(menus: ControlMenus):
    text = text_of(control_plan(menus, UNITS))
    assert pasted(text, menus, control_net_sync_field_args=False).control is None
