"""ControlNet units in a job over files: their images for each file, from folders or results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from PIL import Image

from pipelines.batch.files import InputFile, list_folder, open_input
from pipelines.batch.folders import AllowedFolders
from pipelines.control.naming import named
from pipelines.control.units import ControlUnit
from pipelines.errors import InvalidPicture
from pipelines.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class UnitFiles:
    """The files of units with a folder, by the unit's place among the request's units."""

    listed: Mapping[int, tuple[InputFile, ...]] = field(
        default_factory=dict[int, tuple[InputFile, ...]]
    )

    @property
    def fewest(self) -> int | None:
        """How many files all these units can follow; None if there is no such unit."""
        return min((len(files) for files in self.listed.values()), default=None)

    def units_for(
        self,
        units: Sequence[ControlUnit],
        position: int,
        previous: Image.Image | None,
        settings: Settings,
        folders: AllowedFolders | None,
    ) -> tuple[ControlUnit, ...]:
        """`units` as they are for the file at `position`, which counts from 0.

        A loopback unit takes `previous`, what was made of the file before, once there is one. What
        is opened must lie in `folders`, links followed; None lets everything be opened.
        InvalidPicture, in the unit's name, for a file that cannot be used.
        """
        found: list[ControlUnit] = []
        for place, unit in enumerate(units):
            if unit.loopback and previous is not None:
                unit = replace(unit, images=(previous,), mask=None, folder=None)
            elif place in self.listed:
                with named(unit):
                    picture = _open(self.listed[place][position], settings, folders)
                unit = replace(unit, images=(picture,), mask=None, folder=None)
            found.append(unit)
        return tuple(found)


def list_units(units: Sequence[ControlUnit], *, leave_out: Sequence[Path] = ()) -> UnitFiles:
    """What lies in the folders of `units`, naturally sorted; folders in `leave_out` do not count.

    InvalidPicture, in the unit's name, for a folder without pictures.
    """
    listed: dict[int, tuple[InputFile, ...]] = {}
    for place, unit in enumerate(units):
        if unit.folder is None:
            continue
        with named(unit):
            files = list_folder(unit.folder, leave_out=leave_out).files
            if not files:
                raise InvalidPicture(f"its input directory {unit.folder.name} holds no picture.")
        listed[place] = files
    return UnitFiles(listed=listed)


def standing_in(units: Sequence[ControlUnit], picture: Image.Image) -> tuple[ControlUnit, ...]:
    """`units` with `picture` for every one that takes its images from a folder."""
    return tuple(
        unit if unit.folder is None else replace(unit, images=(picture,), mask=None, folder=None)
        for unit in units
    )


def _open(file: InputFile, settings: Settings, folders: AllowedFolders | None) -> Image.Image:
    try:
        return open_input(file, settings, folders)
    except InvalidPicture as error:
        raise InvalidPicture(f"its image {file.name} cannot be used. {error}") from error
