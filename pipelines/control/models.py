"""The control models found in the model folders, under the names that A1111's menu has for them."""

import logging
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.catalog.folders import PLACES, Kind
from pipelines.catalog.hashes import legacy_hash, weight_files
from pipelines.catalog.models import ModelFile, describe
from pipelines.catalog.walk import walk
from pipelines.errors import ModelNotFound

log = logging.getLogger(__name__)

NO_MODEL = "None"
"""The menu's first entry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    title: str
    file: ModelFile

    @property
    def stem(self) -> str:
        """The lower-cased name without folders and hash."""
        return _stem(self.file).lower()


class ControlModels:
    """Control models below several folders, listed once and again on `refresh`; safe in threads.

    Files and diffusers folders are listed alike, and not opened: what cannot be used is refused
    when somebody wants to use it. A title is "stem [8 hex digits]" with the hash of 64 KiB that
    A1111 used in 2022, for a folder that of its first file of weights. These hashes are kept in
    memory only: to read 64 KiB takes no longer than to look them up in a file.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self.folders = tuple(folders)
        self._hashes: dict[Path, tuple[tuple[int, int], str]] = {}
        self._lock = threading.Lock()
        self._entries: tuple[_Entry, ...] = ()
        self.refresh()

    @property
    def places(self) -> str:
        """The folders, as a sentence names them."""
        return ", ".join(str(folder) for folder in self.folders) or "any folder"

    def titles(self) -> tuple[str, ...]:
        """Every name that the menu Model lists, "None" excepted."""
        return tuple(entry.title for entry in self._entries)

    def refresh(self) -> None:
        """Look into the folders again."""
        with self._lock:
            found: dict[str, _Entry] = {}
            for entry in self._list():
                found.setdefault(entry.title, entry)
            self._entries = tuple(found.values())

    def find(self, name: str) -> tuple[str, ModelFile]:
        """Title and file of the model called `name`, as ControlNet's HTTP interface looks it up.

        By the exact title, else by the stem in any case, else the shortest stem that contains the
        text. A title whose hash is of another copy finds the model of that stem. ModelNotFound says
        where was looked.
        """
        entries = self._entries
        wanted = name.strip()
        entry = (
            _first(entry for entry in entries if entry.title == wanted)
            or _by_stem(entries, wanted)
            or _by_stem(entries, without_hash(wanted))
        )
        if entry is None:
            raise ModelNotFound(f"there is no control model {name[:200]!r} in {self.places}.")
        return entry.title, entry.file

    def _list(self) -> Iterator[_Entry]:
        for folder in self.folders:
            for path in walk(folder, PLACES[Kind.controlnet]):
                try:
                    digits = self._hash(weight_files(path)[0])
                except OSError as error:
                    log.warning("Control model %s is left out: %s.", path, error.strerror)
                    continue
                file = describe(folder, path)
                yield _Entry(title=f"{_stem(file)} [{digits}]", file=file)

    def _hash(self, path: Path) -> str:
        status = path.stat()
        state = status.st_size, status.st_mtime_ns
        known = self._hashes.get(path)
        if known is None or known[0] != state:
            known = self._hashes[path] = state, legacy_hash(path)
        return known[1]


def without_hash(title: str) -> str:
    """The stem of a title; a text without a hash as it is."""
    stem, bracket, digits = title.rpartition(" [")
    return stem if bracket and digits.endswith("]") else title


def _stem(file: ModelFile) -> str:
    return file.name.rsplit("/", 1)[-1]


def _first(entries: Iterable[_Entry]) -> _Entry | None:
    return next(iter(entries), None)


def _by_stem(entries: Sequence[_Entry], wanted: str) -> _Entry | None:
    lowered = wanted.lower()
    if not lowered:
        return None
    return _first(entry for entry in entries if entry.stem == lowered) or min(
        (entry for entry in entries if lowered in entry.stem),
        key=lambda entry: len(entry.stem),
        default=None,
    )
