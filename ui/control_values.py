"""What the fields of the ControlNet accordion become: after a reload, and for pasted units."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import gradio as gr
from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from pipelines.catalog.families import ModelFamily
from pipelines.control.menus import ControlMenus
from pipelines.control.models import NO_MODEL
from pipelines.control.units import MAX_UNITS, ControlUnit
from pipelines.imaging.kept_control import KeptPictures, read_control_pictures
from pipelines.plugins import ALL, Slider
from ui.choices import menu
from ui.control_forms import InputTab
from ui.kept_files import files_still_kept, still_kept
from ui.panels.control_unit import PRESET, field_name
from ui.values import Raw, Update

PREFIX = "control_"

OPEN = "control_open"
"""The name of the accordion among updates; its fields have names of their own."""

FILES = ("region", "pictures")
"""Fields of a unit whose values are uploads."""


def is_control(name: str) -> bool:
    """Whether the form's field of this name belongs to the accordion."""
    return name.startswith(PREFIX)


def restored_units(
    values: Mapping[str, Raw], menus: ControlMenus, family: ModelFamily
) -> dict[str, Update]:
    """Updates by field from what a browser remembers.

    Menus are as they are now, for a checkpoint of `family`; what they no longer list is not chosen.
    """
    if not menus.plugins.preprocessors:
        return {}
    updates: dict[str, Update] = {
        name: value for name, value in values.items() if is_control(name) and value is not None
    }
    for index in range(MAX_UNITS):
        if field_name(index, "type") in updates:
            updates |= _restored_menus(index, updates, menus, family)
        for name in FILES:
            updates.pop(field_name(index, name), None)
        region = still_kept(values.get(field_name(index, "region")))
        if region is not None:
            updates[field_name(index, "region")] = region
        pictures = files_still_kept(values.get(field_name(index, "pictures")))
        if pictures is not None:
            updates[field_name(index, "pictures")] = pictures
    return updates


def _restored_menus(
    index: int, values: Mapping[str, Raw], menus: ControlMenus, family: ModelFamily
) -> dict[str, Update]:
    kind, preprocessor, model = (
        values.get(field_name(index, name)) for name in ("type", "preprocessor", "model")
    )
    if kind not in menus.control_types:
        kind = ALL
    labels = menus.preprocessors(kind)
    titles = menus.model_choices(kind, family)
    return {
        field_name(index, "type"): kind,
        field_name(index, "preprocessor"): menu(
            labels, preprocessor if preprocessor in labels else labels[0]
        ),
        field_name(index, "model"): menu(titles, model if model in titles else NO_MODEL),
    }


def pasted_units(units: Sequence[ControlUnit], menus: ControlMenus) -> dict[str, Update]:
    """Updates by field that enable exactly these units, with the accordion open if there are any.

    A parameter text knows no control type: it is one that lists preprocessor and model.
    """
    updates: dict[str, Update] = {field_name(index, "enabled"): False for index in range(MAX_UNITS)}
    for unit in units:
        values = {**_menus_of(unit, menus), **_numbers_of(unit, menus)}
        updates |= {field_name(unit.index, name): value for name, value in values.items()}
    if units:
        updates[OPEN] = gr.update(open=True)
    return updates


def _menus_of(unit: ControlUnit, menus: ControlMenus) -> dict[str, Update]:
    kind = _type_of(unit, menus)
    titles = menus.model_choices(kind)
    return {
        "enabled": True,
        "type": kind,
        "preprocessor": menu(menus.preprocessors(kind), unit.preprocessor),
        "model": menu(titles, unit.model if unit.model in titles else NO_MODEL),
        "mode": unit.mode.value,
        "resize_mode": unit.resize_mode.value,
    }


def _type_of(unit: ControlUnit, menus: ControlMenus) -> str:
    """The first control type with the unit's preprocessor and its model; All if none has both."""
    preprocessor = menus.plugins.find_preprocessor(unit.preprocessor)
    fitting = (kind for kind in preprocessor.types if unit.model in menus.model_choices(kind))
    return next(fitting, ALL)


def _numbers_of(unit: ControlUnit, menus: ControlMenus) -> dict[str, Update]:
    """Presets are written out, as they are when a preprocessor is chosen by hand."""
    preprocessor = menus.plugins.find_preprocessor(unit.preprocessor)
    a, b, *_ = (*preprocessor.sliders, None, None)
    return {
        "weight": unit.weight,
        "start": unit.start,
        "end": unit.end,
        "pixel_perfect": unit.pixel_perfect,
        "resolution": _number(preprocessor.resolution, unit.resolution),
        "a": _number(a, unit.threshold_a),
        "b": _number(b, unit.threshold_b),
    }


def _number(slider: Slider | None, given: float) -> float:
    return PRESET if slider is None else slider.value(given)


def kept_pictures(
    path: Path, pasted: Mapping[str, Update], *, max_pixels: int
) -> dict[str, Update]:
    """Updates that give the units that were `pasted` the pictures which a saved result keeps."""
    updates: dict[str, Update] = {}
    for index, kept in read_control_pictures(path, max_pixels=max_pixels).items():
        if pasted.get(field_name(index, "enabled")) is True:
            values = {**_images_of(kept), **_region_of(kept)}
            updates |= {field_name(index, name): value for name, value in values.items()}
    return updates


def _images_of(kept: KeptPictures) -> dict[str, Update]:
    if not kept.images:
        return {"independent": False}
    files = [_upload(image, "picture") for image in kept.images]
    if len(files) > 1:
        return {"independent": True, "input_tab": int(InputTab.multi), "pictures": files}
    values = {"independent": True, "input_tab": int(InputTab.single), "picture": files[0]}
    if kept.mask is not None:
        strokes = Image.new("RGBA", kept.mask.size)
        strokes.putalpha(kept.mask)
        values["drawing"] = _upload(strokes, "drawing")
    return values


def _region_of(kept: KeptPictures) -> dict[str, Update]:
    if kept.region is None:
        return {"region_on": False}
    return {"region_on": True, "region": _upload(kept.region, "region")}


def _upload(image: Image.Image, name: str) -> str:
    """The path of a file as if a browser had sent it."""
    return save_pil_to_cache(image, get_upload_folder(), name=name, format="png")
