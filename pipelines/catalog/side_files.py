"""Files beside a model, under A1111's names: a preview picture, notes, a description."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

PREVIEWS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".avif")
"""Extensions of preview pictures; `.preview` may stand before each."""

DESCRIPTIONS = (".txt", ".description.txt")

_MAX_BYTES = 1_000_000
_MAX_TEXT = 20_000  # characters of one entry


@dataclass(frozen=True, kw_only=True, slots=True)
class Notes:
    """What a person wrote about a model.

    `activation` and `negative` go into the prompts along with the network; `weight` is the
    multiplier, 0 where none is preferred. `base` is A1111's "sd version".
    """

    description: str = ""
    base: str = ""
    activation: str = ""
    negative: str = ""
    weight: float = 0.0
    notes: str = ""


def find_preview(stem: Path) -> Path | None:
    """The preview picture beside a model whose path without extension is `stem`."""
    return next((path for path in _candidates(stem) if path.is_file()), None)


def _candidates(stem: Path) -> Iterator[Path]:
    for extension in PREVIEWS:
        yield stem.with_name(f"{stem.name}{extension}")
        yield stem.with_name(f"{stem.name}.preview{extension}")


def read_notes(stem: Path) -> Notes:
    """What stands in `<stem>.json` and `<stem>.txt`; what is missing or damaged is left empty.

    The description of the former goes before the latter.
    """
    stored = _read_object(stem.with_name(f"{stem.name}.json"))

    def text(key: str) -> str:
        value = stored.get(key)
        return value.strip()[:_MAX_TEXT] if isinstance(value, str) else ""

    weight = stored.get("preferred weight")
    is_number = isinstance(weight, int | float) and -100 <= weight <= 100
    return Notes(
        description=text("description") or _read_description(stem),
        base=text("sd version") if text("sd version") != "Unknown" else "",
        activation=text("activation text"),
        negative=text("negative text"),
        weight=float(cast("float", weight)) if is_number else 0.0,
        notes=text("notes"),
    )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            stored: object = json.loads(file.read(_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", stored) if isinstance(stored, dict) else {}


def _read_description(stem: Path) -> str:
    for extension in DESCRIPTIONS:
        try:
            with stem.with_name(f"{stem.name}{extension}").open("rb") as file:
                return file.read(_MAX_BYTES).decode(errors="replace").strip()[:_MAX_TEXT]
        except OSError:
            continue
    return ""
