"""What a setting says about itself: a dataclass field that carries its label and its range."""

import dataclasses
from dataclasses import dataclass
from typing import TypedDict, TypeVar, Unpack

SettingValue = bool | int | float | str
Default = TypeVar("Default", bound=SettingValue)


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
