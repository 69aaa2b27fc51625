"""The ControlNet accordion's raw values become units, or one sentence that names the unit."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from extensions.discovery import discover
from pipelines.batch.folders import AllowedFolders
from pipelines.control.menus import ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.units import BatchOption, ControlMode, ControlResizeMode, UnionType
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.opening import open_picture
from tests.helpers.images import assert_same_picture, gradient
from ui.control_forms import read_batch_options, read_units

open_file = partial(open_picture, max_pixels=1_000_000)
MENUS = ControlMenus(plugins=discover(), models=ControlModels(()))
NO_FOLDERS = AllowedFolders()
UNTOUCHED: dict[str, Any] = {
    "enabled": False,
    "low_vram": False,
    "pixel_perfect": False,
    "allow_preview": False,
    "region_on": False,
    "independent": False,
    "crop": True,
    "type": "All",
    "preprocessor": "none",
    "model": "None",
    "weight": 1,
    "start": 0,
    "end": 1,
    "resolution": -1,
    "a": -1,
    "b": -1,
    "mode": "Balanced",
    "resize_mode": "Crop and Resize",
    "loopback": False,
    "weight_type": "normal",
    "composition": 1,
    "layer_weights": "",
    "input_tab": 0,
    "folder": "",
    "pictures": None,
    "region": None,
    "picture": None,
    "drawing": None,
}
CANNY = {
    "enabled": True,
    "type": "Canny",
    "preprocessor": "canny",
    "model": "edges [01234567]",
    "resolution": 512,
    "a": 100,
    "b": 200,
}


def form(*units: dict[str, Any], **others: Any) -> dict[str, Any]:
    """The form with these units, each untouched but for what is said."""
    values = {
        f"control_{index}_{name}": value
        for index, unit in enumerate(units)
        for name, value in {**UNTOUCHED, **unit}.items()
    }
    return {"mode": 0, "batch_source": 0, "batch_control_folder": "", **values, **others}


def upload(folder: Path, image: Image.Image, name: str = "picture.png") -> dict[str, Any]:
    """A picture as the browser sends it."""
    image.save(folder / name)
    return {"path": str(folder / name), "meta": {"_type": "gradio.FileData"}}


def read(values: dict[str, Any], folders: AllowedFolders | None = NO_FOLDERS):
    return read_units(values, open_file, MENUS, folders)


def test_units_that_are_not_enabled_are_left_out():
    assert read(form({}, {}, {})) == ()
    assert [unit.index for unit in read(form({}, CANNY, {}))] == [1]


def test_a_unit_has_what_the_page_says():
    changed = {
        "weight": 0.5,
        "start": 0.1,
        "end": 0.75,
        "pixel_perfect": True,
        "low_vram": True,
        "mode": "ControlNet is more important",
        "resize_mode": "Resize and Fill",
        "crop": False,
        "loopback": True,
        "layer_weights": "1, 0.5,0",
    }
    (unit,) = read(form({**CANNY, **changed}))
    assert (unit.preprocessor, unit.model) == ("canny", "edges [01234567]")
    assert (unit.weight, unit.start, unit.end) == (0.5, 0.1, 0.75)
    assert (unit.resolution, unit.threshold_a, unit.threshold_b) == (512, 100, 200)
    assert (unit.pixel_perfect, unit.low_vram, unit.loopback) == (True, True, True)
    assert unit.mode is ControlMode.control
    assert unit.resize_mode is ControlResizeMode.resize_and_fill
    assert unit.union_type is UnionType.hard_edge
    assert unit.layer_weights == (1, 0.5, 0)
    assert not unit.crop_to_mask
    assert not unit.independent
    assert unit.images == ()


def test_the_picture_counts_only_while_independent_is_ticked(tmp_path: Path):
    picture = upload(tmp_path, gradient())
    (without,) = read(form({**CANNY, "picture": picture}))
    assert (without.independent, without.images) == (False, ())
    (unit,) = read(form({**CANNY, "picture": picture, "independent": True}))
    assert unit.independent
    assert_same_picture(unit.images[0], gradient())


def test_strokes_are_painted_into_the_picture(tmp_path: Path):
    layer = Image.new("RGBA", (64, 64))
    layer.paste((255, 0, 0, 255), (0, 0, 64, 32))
    files = {
        "picture": upload(tmp_path, Image.new("RGB", (64, 64), "white")),
        "drawing": upload(tmp_path, layer, "drawing.png"),
    }
    (unit,) = read(form({**CANNY, **files, "independent": True}))
    wanted = Image.new("RGB", (64, 64), "white")
    wanted.paste((255, 0, 0), (0, 0, 64, 32))
    assert_same_picture(unit.images[0], wanted)
    assert unit.mask is None


def test_for_an_inpaint_preprocessor_strokes_are_the_mask(tmp_path: Path):
    layer = Image.new("RGBA", (64, 64))
    layer.paste((255, 0, 0, 90), (0, 0, 64, 32))
    files = {
        "picture": upload(tmp_path, gradient()),
        "drawing": upload(tmp_path, layer, "drawing.png"),
    }
    inpaint = {"enabled": True, "preprocessor": "inpaint_only", "independent": True}
    (unit,) = read(form({**inpaint, **files}))
    assert_same_picture(unit.images[0], gradient())
    mask = Image.new("L", (64, 64))
    mask.paste(255, (0, 0, 64, 32))
    assert unit.mask is not None
    assert_same_picture(unit.mask, mask)


def test_strokes_of_a_segmentation_map_have_no_colours_in_between(tmp_path: Path):
    layer = Image.new("RGBA", (3, 1))
    for x, color in enumerate([(4, 200, 3, 255), (6, 199, 5, 200), (4, 200, 3, 100)]):
        layer.putpixel((x, 0), color)
    files = {
        "picture": upload(tmp_path, Image.new("RGB", (3, 1), "black")),
        "drawing": upload(tmp_path, layer, "drawing.png"),
    }
    (unit,) = read(form({**CANNY, **files, "type": "Segmentation", "independent": True}))
    tree = (4, 200, 3)
    assert [unit.images[0].getpixel((x, 0)) for x in range(3)] == [tree, tree, (0, 0, 0)]


def test_multi_inputs_are_several_pictures(tmp_path: Path):
    files = [upload(tmp_path, gradient(side, 64), f"{side}.png") for side in (64, 80)]
    gallery = [{"image": file, "caption": None} for file in files]
    (unit,) = read(form({**CANNY, "independent": True, "input_tab": 2, "pictures": gallery}))
    assert [image.size for image in unit.images] == [(64, 64), (80, 64)]


@pytest.mark.parametrize("pictures", [None, [], "picture.png", {"image": {}}])
def test_multi_inputs_without_a_picture_are_refused(pictures: Any):
    with pytest.raises(InvalidPicture, match="there is no picture on its Multi-Inputs tab"):
        read(form({**CANNY, "independent": True, "input_tab": 2, "pictures": pictures}))


@pytest.mark.parametrize("record", [None, 7, {"image": None}, {"image": {"path": 7}}, {"video": 7}])
def test_what_is_no_picture_among_multi_inputs_is_refused(record: Any):
    with pytest.raises(InvalidPicture, match="a picture of Multi-Inputs is not an upload"):
        read(form({**CANNY, "independent": True, "input_tab": 2, "pictures": [record]}))


def test_a_folder_must_be_one_that_is_allowed(tmp_path: Path):
    maps = tmp_path / "maps"
    maps.mkdir()
    folders = AllowedFolders(roots=(maps,))
    batch = {**CANNY, "independent": True, "input_tab": 1}
    (unit,) = read(form({**batch, "folder": str(maps)}), folders)
    assert unit.folder == maps
    for folder, allowed in ((str(tmp_path), folders), (str(maps), AllowedFolders())):
        with pytest.raises(InvalidRequest, match=r"^ControlNet Unit 0: Input Directory"):
            read(form({**batch, "folder": folder}), allowed)
    with pytest.raises(InvalidRequest, match="hide-ui-dir-config"):
        read(form({**batch, "folder": str(maps)}), None)


def test_units_without_a_folder_take_the_one_on_the_batch_tab(tmp_path: Path):
    own, shared = tmp_path / "own", tmp_path / "shared"
    own.mkdir()
    shared.mkdir()
    folders = AllowedFolders(roots=(tmp_path,))
    batch = {**CANNY, "independent": True, "input_tab": 1}
    units = batch, {**batch, "folder": str(own)}, {**CANNY, "input_tab": 1}
    typed = {"batch_control_folder": str(shared)}
    found = read(form(*units, mode=5, batch_source=1, **typed), folders)
    assert [unit.folder for unit in found] == [shared, own, None]
    for elsewhere in ({"mode": 5, "batch_source": 0}, {"mode": 5, "batch_source": 1}):
        typed["batch_control_folder"] = str(shared) if elsewhere["batch_source"] == 0 else " "
        (unit,) = read(form(batch, **elsewhere, **typed), folders)
        assert (unit.independent, unit.folder) == (False, None)
    with pytest.raises(InvalidRequest, match=r"^ControlNet Unit 0: Controlnet input directory"):
        read(form(batch, mode=5, batch_source=1, batch_control_folder="/etc"), folders)


def test_an_empty_folder_means_the_files_of_the_job():
    batch = {**CANNY, "independent": True, "input_tab": 1}
    (unit,) = read(form(batch, mode=5))
    assert (unit.independent, unit.folder) == (False, None)
    with pytest.raises(InvalidRequest, match=r"^ControlNet Unit 0: Input Directory is empty"):
        read(form(batch))


def test_a_region_that_is_ticked_must_be_there(tmp_path: Path):
    region = upload(tmp_path, gradient())
    (unit,) = read(form({**CANNY, "region_on": True, "region": region}))
    assert unit.region is not None
    (unit,) = read(form({**CANNY, "region": region}))
    assert unit.region is None
    with pytest.raises(InvalidPicture, match=r"^ControlNet Unit 0: Effective Region Mask"):
        read(form({**CANNY, "region_on": True}))


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("weight", 3, "Control Weight must lie between 0 and 2, got 3"),
        ("weight", None, "Control Weight is empty"),
        ("start", float("nan"), "Starting Control Step must be a number"),
        ("end", -0.1, "Ending Control Step must lie between"),
        ("resolution", 512.5, "Resolution must be a whole number"),
        ("a", "many", "Threshold A must be a number"),
        ("mode", "Firm", "Control Mode 'Firm' is not known"),
        ("resize_mode", 1, "Resize Mode 1 is not known"),
        ("type", "Magic", "Control Type 'Magic' is not known"),
        ("type", ["Canny"], "Control Type must be a text"),
        ("preprocessor", 5, "Preprocessor must be a text"),
        ("layer_weights", "1;2", "Weights must be numbers between commas"),
        ("layer_weights", "1,inf", "Weights must be a number"),
        ("layer_weights", "1,-11", "Weights must lie between -10 and 10, got -11"),
        ("layer_weights", ",".join("1" * 21), "Weights must be at most 20 numbers"),
        ("weight_type", "steep", "Weight Type 'steep' is not known"),
    ],
)
def test_a_bad_value_is_named_with_its_unit(field: str, value: object, words: str):
    with pytest.raises(InvalidRequest) as refusal:
        read(form({}, {**CANNY, field: value}))
    assert str(refusal.value).startswith(f"ControlNet Unit 1: {words}")


@pytest.mark.parametrize(
    ("field", "value"), [("input_tab", 7), ("pictures", "path"), ("input_tab", None)]
)
def test_pictures_that_make_no_sense_are_refused(field: str, value: object):
    values = {**CANNY, "independent": True, "input_tab": 2, field: value}
    with pytest.raises((InvalidRequest, InvalidPicture), match=r"^ControlNet Unit 0: "):
        read(form(values))


def test_the_batch_options_are_read():
    plain = {"control_batch": BatchOption.all_units, "style_align": False}
    assert read_batch_options({}) == plain
    each = "Each ControlNet unit for each image in a batch"
    changed = {"control_batch_option": each, "control_style_align": True}
    assert read_batch_options(changed) == {
        "control_batch": BatchOption.one_each,
        "style_align": True,
    }
