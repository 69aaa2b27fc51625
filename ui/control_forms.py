"""The values of the ControlNet accordion to units: the only place that knows its fields."""

from enum import Enum, IntEnum, auto
from typing import Any

from pipelines.batch.folders import AllowedFolders
from pipelines.control.ade20k import CLASSES
from pipelines.control.menus import ControlMenus
from pipelines.control.naming import named
from pipelines.control.units import (
    MAX_UNITS,
    BatchOption,
    ControlMode,
    ControlResizeMode,
    ControlUnit,
    WeightType,
)
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.sketches import in_palette, paint
from ui import fields
from ui.batch_forms import BatchSource
from ui.canvas.canvas import read_painting
from ui.fields import OpenFile
from ui.kept_files import file_records
from ui.panels.control_unit import field_name
from ui.panels.controlnet import BATCH_OPTION, STYLE_ALIGN
from ui.sources import SourceTab
from ui.values import Raw, Values

Pictures = dict[str, Any]
"""Some of a unit's arguments: those that are pictures, or lead to them."""

LONGEST_WEIGHTS = 20
"""Numbers of the field Weights; no network has more layers that take one."""

OWN_FOLDER, SHARED_FOLDER = "Input Directory", "Controlnet input directory"
"""Labels: of the folder that a unit takes its pictures from, and of that of all units without."""

SEGMENTATION = "Segmentation"
"""The control type whose maps are painted in the colours of classes."""

DRAWN = [0] + 255 * [255]
"""What an alpha from 0 to 255 is in a mask: a stroke counts wherever there is anything of it."""


class Stroke(Enum):
    """What is drawn on a unit's picture."""

    mask = auto()  # what is to be repainted
    paint = auto()
    segments = auto()  # paint in colours that stand for something


class InputTab(IntEnum):
    """Values of a unit's hidden field `input_tab`."""

    single = 0
    batch = 1
    multi = 2


def read_units(
    values: Values, open_file: OpenFile, menus: ControlMenus, folders: AllowedFolders | None
) -> tuple[ControlUnit, ...]:
    """The enabled units; a UserError begins with the name of the unit that makes none.

    Pictures are opened last, with `open_file`. `folders` are those that may be named, None where
    --hide-ui-dir-config rules that out.
    """
    indices = [
        index
        for index in range(MAX_UNITS)
        if values.get(field_name(index, "enabled"), False) is True
    ]
    return tuple(read_unit(values, index, open_file, menus, folders) for index in indices)


def read_batch_options(values: Values) -> dict[str, Any]:
    """What the accordion Batch Options decides, as arguments of a request."""
    option = BatchOption.all_units
    if BATCH_OPTION in values:
        option = fields.choice("Batch Option", values[BATCH_OPTION], BatchOption)
    return {"control_batch": option, "style_align": bool(values.get(STYLE_ALIGN, False))}


def read_unit(
    values: Values,
    index: int,
    open_file: OpenFile,
    menus: ControlMenus,
    folders: AllowedFolders | None,
) -> ControlUnit:
    """Unit `index`, whether it is enabled or not; as `read_units`."""
    own = {
        name.removeprefix(field_name(index, "")): value
        for name, value in values.items()
        if name.startswith(field_name(index, ""))
    }
    with named(ControlUnit(index=index)):
        options = _read_options(own, menus)
        if own["region_on"]:
            missing = "Effective Region Mask is ticked, but there is no picture of one."
            options["region"] = fields.picture(own["region"], open_file, missing=missing)
        if own["independent"]:
            mode = fields.integer("Tab", values["mode"])
            stroke = _stroke_of(menus, options["preprocessor"], own["type"])
            folder = _shared_folder(values) if mode == SourceTab.batch else None
            options |= _read_pictures(own, open_file, folders, folder, stroke)
    return ControlUnit(index=index, **options)


def _read_options(own: Values, menus: ControlMenus) -> dict[str, Any]:
    """Everything that is no picture."""
    control_type = fields.text("Control Type", own["type"])
    return {
        "preprocessor": fields.text("Preprocessor", own["preprocessor"]),
        "model": fields.text("Model", own["model"]),
        "weight": fields.number("Control Weight", own["weight"]),
        "start": fields.number("Starting Control Step", own["start"]),
        "end": fields.number("Ending Control Step", own["end"]),
        "resolution": fields.integer("Resolution", own["resolution"]),
        "threshold_a": fields.number("Threshold A", own["a"]),
        "threshold_b": fields.number("Threshold B", own["b"]),
        "pixel_perfect": bool(own["pixel_perfect"]),
        "low_vram": bool(own["low_vram"]),
        "mode": fields.choice("Control Mode", own["mode"], ControlMode),
        "resize_mode": fields.choice("Resize Mode", own["resize_mode"], ControlResizeMode),
        "crop_to_mask": bool(own["crop"]),
        "union_type": menus.union_type(control_type),
        "weight_type": fields.choice("Weight Type", own["weight_type"], WeightType),
        "composition_weight": fields.number("Composition Weight", own["composition"]),
        "layer_weights": _layer_weights(fields.text("Weights", own["layer_weights"])),
        "loopback": bool(own["loopback"]),
    }


def _layer_weights(text: str) -> tuple[float, ...] | None:
    """Numbers between commas; None for an empty text."""
    if not text.strip():
        return None
    try:
        numbers = tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InvalidRequest(
            f"Weights must be numbers between commas, got {text[:80]!r}."
        ) from error
    if len(numbers) > LONGEST_WEIGHTS:
        raise InvalidRequest(
            f"Weights must be at most {LONGEST_WEIGHTS} numbers, got {len(numbers)}."
        )
    return tuple(fields.number("Weights", number) for number in numbers)


def _read_pictures(
    own: Values,
    open_file: OpenFile,
    folders: AllowedFolders | None,
    shared_folder: str | None,
    stroke: Stroke,
) -> Pictures:
    """`shared_folder` is what img2img's Batch tab names for all units, None on any other tab."""
    tab = fields.integer("Input", own["input_tab"])
    if tab == InputTab.single:
        return _from_canvas(own, open_file, stroke)
    if tab == InputTab.multi:
        return _from_files(own["pictures"], open_file)
    if tab != InputTab.batch:
        raise InvalidRequest(f"Input {tab} is not known; there are 0 to {max(InputTab)}.")
    label, typed = OWN_FOLDER, fields.text(OWN_FOLDER, own["folder"])
    if not typed.strip():
        if shared_folder is None:
            raise InvalidRequest(
                f"{OWN_FOLDER} is empty; type a folder, or begin the job on img2img's Batch tab to "
                "use the pictures of that."
            )
        if not shared_folder.strip():
            return {}  # the files of the job itself
        label, typed = SHARED_FOLDER, shared_folder
    if folders is None:
        raise InvalidRequest(
            "Redraw was started with --hide-ui-dir-config, so a unit cannot take a directory."
        )
    return {"independent": True, "folder": folders.find(label, typed)}


def _shared_folder(values: Values) -> str:
    """What is typed on img2img's Batch tab for all units, if its folders are in front there."""
    if fields.integer("Batch source", values["batch_source"]) != BatchSource.folder:
        return ""
    return fields.text(SHARED_FOLDER, values["batch_control_folder"])


def _stroke_of(menus: ControlMenus, preprocessor: str, control_type: Raw) -> Stroke:
    if menus.plugins.find_preprocessor(preprocessor).takes_mask:
        return Stroke.mask
    return Stroke.segments if control_type == SEGMENTATION else Stroke.paint


def _from_canvas(own: Values, open_file: OpenFile, stroke: Stroke) -> Pictures:
    """The picture with the strokes on it, or with a mask made of them."""
    painting = read_painting(own["picture"], own["drawing"], mode="sketch", open_file=open_file)
    if painting is None:
        return {"independent": True}  # and is refused by the plan, which knows why
    picture, drawing = painting.picture, painting.drawing
    if not painting.is_drawn:
        return {"independent": True, "images": (picture,)}
    if stroke is Stroke.mask:
        mask = drawing.getchannel("A").point(DRAWN)
        return {"independent": True, "images": (picture,), "mask": mask}
    if stroke is Stroke.segments:
        drawing = in_palette(drawing, [kind.colour for kind in CLASSES])
    return {"independent": True, "images": (paint(picture, drawing, "#ffffff"),)}


def _from_files(value: Raw, open_file: OpenFile) -> Pictures:
    records = file_records(value)
    if not records:
        raise InvalidPicture("there is no picture on its Multi-Inputs tab; drop several there.")
    missing = "a picture of Multi-Inputs is not an upload."
    images = tuple(fields.picture(record, open_file, missing=missing) for record in records)
    return {"independent": True, "images": images}
