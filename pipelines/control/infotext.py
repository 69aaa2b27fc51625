"""ControlNet units in the parameter text: one value each, as A1111's extension writes and reads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pipelines.control.menus import ControlMenus
from pipelines.control.models import NO_MODEL
from pipelines.control.planned import PlannedUnit
from pipelines.control.planning import NO_SLIDER, thresholds
from pipelines.control.units import MAX_UNITS, ControlMode, ControlResizeMode, ControlUnit
from pipelines.errors import InvalidRequest, ModelNotFound
from pipelines.plugins import Slider

NAME = "ControlNet"
"""Of the values: "ControlNet 0" and so on, counted over the units that ran."""

MODULE, MODEL, WEIGHT, RESIZE_MODE = "Module", "Model", "Weight", "Resize Mode"
RESOLUTION, THRESHOLD_A, THRESHOLD_B = "Processor Res", "Threshold A", "Threshold B"
START, END = "Guidance Start", "Guidance End"
PIXEL_PERFECT, MODE = "Pixel Perfect", "Control Mode"


def name_of(number: int) -> str:
    """What the value of a unit is called in the parameter text."""
    return f"{NAME} {number}"


def write_unit(planned: PlannedUnit) -> str:
    """The value for one unit; empty if a name in it has a comma or a colon, as in A1111.

    The numbers are those that the page's sliders show, also under Pixel Perfect; one that a
    preprocessor lacks is 0.5.
    """
    unit, preprocessor = planned.unit, planned.preprocessor
    slider = preprocessor.resolution
    a, b = thresholds(preprocessor, unit.threshold_a, unit.threshold_b)
    values: Mapping[str, object] = {
        MODULE: preprocessor.label,
        MODEL: planned.model_title,
        WEIGHT: float(unit.weight),
        RESIZE_MODE: unit.resize_mode.value,
        RESOLUTION: NO_SLIDER if slider is None else int(slider.value(unit.resolution)),
        THRESHOLD_A: a,
        THRESHOLD_B: b,
        START: float(unit.start),
        END: float(unit.end),
        PIXEL_PERFECT: unit.pixel_perfect,
        MODE: unit.mode.value,
    }
    if any(mark in str(value) for value in values.values() for mark in ",:"):
        return ""
    return ", ".join(f"{key}: {value}" for key, value in values.items())


@dataclass(frozen=True, kw_only=True, slots=True)
class PastedUnits:
    """Units that a parameter text describes, without images.

    `found` tells whether it speaks of any, and `comments` say what was of no use.
    """

    found: bool
    units: tuple[ControlUnit, ...]
    comments: tuple[str, ...]


def read_units(fields: Mapping[str, str], menus: ControlMenus, count: int) -> PastedUnits:
    """The units in the fields of a parameter text; never fails.

    `count` is how many units the page has. Preprocessors are given by label, models by title, or
    "None" if there is none of that name here; a unit whose preprocessor is not known is left out.
    Numbers that say nothing are presets.
    """
    units: list[ControlUnit] = []
    comments: list[str] = []
    texts = {n: fields[name_of(n)] for n in range(MAX_UNITS) if name_of(n) in fields}
    for number, text in texts.items():
        if number >= count:
            comments.append(
                f"{name_of(number)} was left out, since there are {count} units; the settings can "
                "have more."
            )
            continue
        reader = _UnitReader(number, text, menus)
        unit = reader.read()
        comments += reader.comments
        if unit is not None:
            units.append(unit)
    return PastedUnits(found=bool(texts), units=tuple(units), comments=tuple(comments))


class _UnitReader:
    """One unit's value, read key by key."""

    def __init__(self, number: int, text: str, menus: ControlMenus) -> None:
        self.comments: list[str] = []
        self._number = number
        self._menus = menus
        pairs = (part.partition(":") for part in text.split(","))
        self._values = {key.strip(): value.strip() for key, _, value in pairs}

    def read(self) -> ControlUnit | None:
        module = self._values.get(MODULE, "none")
        try:
            preprocessor = self._menus.plugins.find_preprocessor(module)
        except InvalidRequest as error:
            self._say(f"was left out. {str(error).removesuffix('.')}")
            return None
        resolution, (a, b, *_) = preprocessor.resolution, (*preprocessor.sliders, None, None)
        unit = ControlUnit(index=self._number, preprocessor=preprocessor.label, model=self._model())
        parts: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
            (WEIGHT, "weight", float),
            (RESIZE_MODE, "resize_mode", ControlResizeMode),
            (PIXEL_PERFECT, "pixel_perfect", _switch),
            (MODE, "mode", ControlMode),
            (END, "end", float),
            (START, "start", float),  # after the end, below which it must stay
        )
        for key, name, convert in parts:
            unit = self._with(unit, key, name, convert)
        if resolution is not None:
            unit = self._with(unit, RESOLUTION, "resolution", lambda t: int(_of(resolution, t)))
        for slider, key, name in ((a, THRESHOLD_A, "threshold_a"), (b, THRESHOLD_B, "threshold_b")):
            if slider is not None:
                unit = self._with(unit, key, name, partial(_of, slider))
        return unit

    def _with(
        self, unit: ControlUnit, key: str, name: str, convert: Callable[[str], Any]
    ) -> ControlUnit:
        """`unit` with what the text says under `key`; as it is where that is of no use."""
        text = self._values.get(key)
        if text is None:
            return unit
        try:
            return _changed(unit, name, convert(text))
        except (ValueError, KeyError, InvalidRequest):
            self._say(f"has a {key} that cannot be used, {text[:40]!r}")
            return unit

    def _model(self) -> str:
        name = self._values.get(MODEL, NO_MODEL)
        if name == NO_MODEL:
            return NO_MODEL
        try:
            return self._menus.models.find(name)[0]
        except ModelNotFound:
            self._say(f"has no model, since {name[:80]!r} is not among those here")
            return NO_MODEL

    def _say(self, what: str) -> None:
        self.comments.append(f"{name_of(self._number)} {what}.")


def _changed(unit: ControlUnit, name: str, value: object) -> ControlUnit:
    changes: dict[str, Any] = {name: value}
    return replace(unit, **changes)


def _switch(text: str) -> bool:
    return {"True": True, "False": False}[text]


def _of(slider: Slider, text: str) -> float:
    """A number on a slider, where what is not on it is its preset."""
    return slider.value(float(text))
