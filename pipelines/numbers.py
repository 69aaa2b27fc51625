"""Numbers that a user gave: refused in one sentence that names the field and its range."""

import math

from pipelines.errors import InvalidRequest


def check_number(label: str, value: object, low: float, high: float) -> None:
    """Refuse anything but a finite number within [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise InvalidRequest(
            f"{label} must be a number from {_digits(low)} to {_digits(high)}, got {value!r}."
        )
    if not low <= value <= high:
        raise InvalidRequest(
            f"{label} must lie between {_digits(low)} and {_digits(high)}, got {_digits(value)}."
        )


def _digits(number: float) -> str:
    """A whole number in full, such as the largest seed, unless nobody could read it."""
    return str(number) if isinstance(number, int) and abs(number) < 10**20 else f"{number:g}"


def check_integer(label: str, value: object, low: int, high: int) -> None:
    """Refuse anything but a whole number within [low, high]."""
    check_number(label, value, low, high)
    if not isinstance(value, int):
        raise InvalidRequest(f"{label} must be a whole number, got {value}.")
