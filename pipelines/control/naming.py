"""Messages about a ControlNet unit begin with its name."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipelines.control.units import ControlUnit
from pipelines.errors import UserError


@contextmanager
def named(unit: ControlUnit) -> Iterator[None]:
    """Whatever is refused inside is refused in the unit's name, as the same kind of error."""
    try:
        yield
    except UserError as error:
        sentence = str(error)
        if not sentence.startswith(unit.name):
            error.args = (f"{unit.name}: {sentence}",)
        raise
