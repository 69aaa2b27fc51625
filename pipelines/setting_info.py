"""What a setting says about itself: a dataclass field that carries its label and its range."""

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack

from pipelines.errors import InvalidRequest

SettingValue = bool | int | float | str
Default = TypeVar("Default", bound=SettingValue)

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Info:
    """What the Settings tab shows for one field, and which values it allows."""

    section: str
    label: str
    help: str = ""
    low: float | None = None  # inclusive; None means the field is not a number
    high: float | None = None
    step: float = 1
    choices: tuple[str, ...] = ()  # closed menu of texts
    infotext: str | None = None  # A1111's name in the parameter text, if it is written there
    per_job: bool = False  # may be given in override_settings
    kind: str = "plain"  # "plain", "colour" (#rrggbb) or "hidden" (not in the Settings tab)

    def check(self, value: object, default: SettingValue) -> SettingValue:
        """`value` as it will be stored; `default` tells its type. InvalidRequest if it is no use.

        Whole-valued floats become integers where an integer is wanted (JSON and sliders blur the
        two); nothing else is converted.
        """
        if isinstance(default, bool):
            if not isinstance(value, bool):
                raise InvalidRequest(f"{self.label}: expected true or false, got {value!r}.")
            return value
        if isinstance(default, int | float):
            return self._check_number(value, default)
        if not isinstance(value, str):
            raise InvalidRequest(f"{self.label}: expected a text, got {value!r}.")
        if self.choices and value not in self.choices:
            allowed = ", ".join(self.choices)
            raise InvalidRequest(f"{self.label}: {value!r} is not one of {allowed}.")
        if self.kind == "colour" and not _COLOUR.fullmatch(value):
            raise InvalidRequest(f"{self.label}: expected a colour like #ffffff, got {value!r}.")
        return value

    def _check_number(self, value: object, default: float) -> float:
        whole = isinstance(default, int)
        wanted = "a whole number" if whole else "a number"
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
            or (whole and value != int(value))
        ):
            raise InvalidRequest(f"{self.label}: expected {wanted}, got {value!r}.")
        assert self.low is not None
        assert self.high is not None
        if not self.low <= value <= self.high:
            raise InvalidRequest(
                f"{self.label} must lie between {self.low:g} and {self.high:g}, got {value:g}."
            )
        return int(value) if whole else float(value)


class _InfoOptions(TypedDict, total=False):
    """The optional fields of Info."""

    help: str
    low: float
    high: float
    step: float
    choices: tuple[str, ...]
    infotext: str
    per_job: bool
    kind: str


def setting(default: Default, section: str, label: str, **more: Unpack[_InfoOptions]) -> Default:
    """A dataclass field carrying its Info."""
    info = Info(section=section, label=label, **more)
    return dataclasses.field(default=default, metadata={"info": info})
