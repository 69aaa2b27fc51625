"""One raw value of the form at a time: numbers, texts, choices, files.

Numbers may be None (an emptied box), NaN or fractions, menus may name things that do not exist.
Whatever makes no value is refused in one sentence that begins with the field's label.
"""

import math
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, cast

from PIL import Image

from pipelines.errors import InvalidPicture, InvalidRequest
from ui.values import Raw, picture_path

Choice = TypeVar("Choice", bound=Enum)

OpenFile = Callable[[Path], Image.Image]
"""Opens an upload: upright, within the size that is allowed, InvalidPicture otherwise."""


def number(label: str, value: Raw) -> float:
    """A finite number."""
    if value is None or value == "":
        raise InvalidRequest(f"{label} is empty; type a number.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(f"{label} must be a number, got {value!r}.")
    return value


def integer(label: str, value: Raw) -> int:
    """A whole number, which may arrive as 12.0."""
    found = number(label, value)
    if found != int(found):
        raise InvalidRequest(f"{label} must be a whole number, got {found:g}.")
    return int(found)


def text(label: str, value: Raw) -> str:
    """A text; empty for None."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidRequest(f"{label} must be a text, got {value!r}.")
    return value


def texts(label: str, value: Raw) -> list[str]:
    """A list of texts; empty for None."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidRequest(f"{label} must be a list of texts, got {value!r}.")
    return [text(label, entry) for entry in cast("list[Any]", value)]


def choice(label: str, value: Raw, kind: type[Choice]) -> Choice:
    """The member of `kind` with this label."""
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(str(member.value) for member in kind)
        raise InvalidRequest(f"{label} {value!r} is not known; choose one of {known}.") from error


def picture(value: Raw, open_file: OpenFile, *, missing: str) -> Image.Image:
    """The picture of a picture field; InvalidPicture, saying `missing`, for an empty one."""
    path = picture_path(value)
    if path is None:
        raise InvalidPicture(missing)
    if not path.exists():  # uploads are swept after a day
        raise InvalidPicture(
            f"Picture {path.name} is no longer on the server; drop it on the page again."
        )
    return open_file(path)
