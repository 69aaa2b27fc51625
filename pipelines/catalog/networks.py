"""The LoRAs and embeddings in the model folders: listing, looking up by name, hashing."""

import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pipelines.catalog.folders import PICKLES, PLACES, Kind
from pipelines.catalog.hashes import HashCache
from pipelines.catalog.network_headers import HeaderCache, Told, weights_sha256
from pipelines.catalog.walk import walk

log = logging.getLogger(__name__)

SHORT = 12
"""Hex digits of a network's hash in A1111's `Lora hashes` and `TI hashes`."""

EMBEDDED = "sd-ti-embedding"
"""Key of the text chunk in which a PNG picture carries an embedding."""

_FIRST_BYTES = 16_384
"""Of a picture, in which that key stands if it does: the programs that write it put it ahead."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkFile:
    """One LoRA or embedding.

    `name` is the file's without extension, as people type it; `relative` the path below its root,
    with extension and "/" between folders. `alias` is the name given at training and `base`
    "SD 1", "SD 2" or "SDXL", each "" where the header does not tell. `digest` are the 64 hex digits
    that the header states. Times are in seconds since 1970. `refused` is one sentence on why the
    file is not opened, "" if it is.
    """

    kind: Kind
    name: str
    path: Path
    relative: str
    alias: str = ""
    base: str = ""
    digest: str = ""
    created: float = 0.0
    modified: float = 0.0
    refused: str = ""


class NetworkCatalog(Protocol):
    """Where networks are looked up."""

    def files(self) -> tuple[NetworkFile, ...]:
        """What there is, sorted by name, upper and lower case alike."""
        ...

    def current(self) -> tuple[NetworkFile, ...]:
        """The same, once folders that have changed are listed afresh."""
        ...

    def find(self, name: str) -> NetworkFile | None:
        """The network of this name, or of this alias; None when there is none."""
        ...

    def hash_of(self, file: NetworkFile) -> str:
        """12 hex digits as in A1111's infotext; OSError when the file cannot be read."""
        ...

    def refresh(self) -> None:
        """List the folders afresh."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class _Listing:
    files: tuple[NetworkFile, ...] = ()
    by_name: Mapping[str, NetworkFile] = field(default_factory=dict[str, NetworkFile])
    by_folded: Mapping[str, NetworkFile] = field(default_factory=dict[str, NetworkFile])
    by_alias: Mapping[str, NetworkFile] = field(default_factory=dict[str, NetworkFile])
    doubles: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    folders: Mapping[Path, int] = field(default_factory=dict[Path, int])  # time of change, in ns


class FolderNetworks:
    """Networks of one kind below several folders, listed when first asked for; safe in threads.

    Of files with one stem, the one in the first folder of `dirs` counts, and within a folder the
    last by path, as in A1111; `doubles` tells of the others. Broken files are listed too, since
    whoever wants to use one is told what is wrong with it. Python pickles are marked as refused
    unless `allow_pickles`. `within`: links may lead into these folders and `dirs`, and what lies
    elsewhere is left out; None lets them lead anywhere. What headers tell is kept in `cache_dir`.
    """

    def __init__(
        self,
        dirs: Sequence[Path],
        kind: Kind,
        cache_dir: Path | None = None,
        *,
        allow_pickles: bool = False,
        within: Sequence[Path] | None = None,
    ) -> None:
        self._dirs = tuple(dirs)
        self._kind = kind
        self._allow_pickles = allow_pickles
        self._within = within
        self._headers = HeaderCache(cache_dir / f"{kind.name}_headers.json" if cache_dir else None)
        self._hashes = HashCache(cache_dir, f"{kind.name}_hashes.json", weights_sha256)
        self._lock = threading.Lock()
        self._listing: _Listing | None = None

    def files(self) -> tuple[NetworkFile, ...]:
        """What there is, one for each name, sorted by name, upper and lower case alike."""
        return self._listed().files

    def current(self) -> tuple[NetworkFile, ...]:
        """The same, once folders to which something was added, or taken from, are listed afresh."""
        if self._changed():
            self.refresh()
        return self.files()

    def doubles(self, name: str) -> tuple[str, ...]:
        """Paths below their roots of further files with this name, which are passed over."""
        return self._listed().doubles.get(name, ())

    def find(self, name: str) -> NetworkFile | None:
        """The network of this name; else in upper or lower case; else with this alias.

        An alias that several share finds none of them, as in A1111. When nothing is found, folders
        that have changed are listed afresh.
        """
        found = _find(self._listed(), name)
        if found is None and self._changed():
            self.refresh()
            found = _find(self._listed(), name)
        return found

    def hash_of(self, file: NetworkFile) -> str:
        """What the header states, or is computed once from the weights; OSError if unreadable."""
        return (file.digest or self._hashes.known(file.path) or self._hashes.compute(file.path))[
            :SHORT
        ]

    def refresh(self) -> None:
        """List the folders afresh; headers of unchanged files are not read again."""
        with self._lock:
            self._listing = self._list()

    def _listed(self) -> _Listing:
        with self._lock:
            if self._listing is None:
                self._listing = self._list()
            return self._listing

    def _changed(self) -> bool:
        """Whether anything was added to or taken from a listed folder."""
        return any(_changed_at(path) != time for path, time in self._listed().folders.items())

    def _list(self) -> _Listing:
        by_name: dict[str, NetworkFile] = {}
        doubles: dict[str, tuple[str, ...]] = {}
        folders = dict.fromkeys(self._dirs, 0)
        for root in self._dirs:
            here: dict[str, NetworkFile] = {}
            for file in sorted(self._below(root), key=_place):
                folders |= dict.fromkeys(_folders_between(root, file.path), 0)
                other = here.get(file.name)
                here[file.name] = file
                if other:
                    doubles[file.name] = (*doubles.get(file.name, ()), other.relative)
            for name, file in here.items():
                kept = by_name.setdefault(name, file)
                if kept is not file:
                    doubles[name] = (*doubles.get(name, ()), file.relative)
        self._headers.keep()
        for name, others in doubles.items():
            log.warning(
                "Of several files named %r, %s counts; passed over: %s.",
                *(name, by_name[name].relative, ", ".join(others)),
            )
        files = tuple(sorted(by_name.values(), key=lambda file: (file.name.casefold(), file.name)))
        return _Listing(
            files=files,
            by_name=by_name,
            by_folded={file.name.casefold(): file for file in reversed(files)},
            by_alias=_by_alias(files),
            doubles=doubles,
            folders={path: _changed_at(path) for path in folders},
        )

    def _below(self, root: Path) -> Iterator[NetworkFile]:
        links = _Links(self._within, self._dirs)
        for path in walk(root, PLACES[self._kind]):
            try:
                if links.lead_away(path):
                    log.warning("%s is passed over: its link leaves the models folder.", path)
                    continue
                status = path.stat()
                if path.suffix.lower() == ".png" and not carries_embedding(path):
                    continue
                yield self._describe(root, path, status)
            except OSError as error:
                log.warning("%s is passed over: %s.", path, error.strerror)

    def _describe(self, root: Path, path: Path, status: os.stat_result) -> NetworkFile:
        told: Told = self._headers.told(path, status)
        is_refused = path.suffix.lower() in PICKLES and not self._allow_pickles
        return NetworkFile(
            kind=self._kind,
            name=path.stem,
            path=path,
            relative=path.relative_to(root).as_posix(),
            alias=told.alias if self._kind is Kind.lora else "",
            base=told.base,
            digest=told.digest,
            created=status.st_ctime,
            modified=status.st_mtime,
            refused=(
                f"{path.name} is a Python pickle, which can run code when it is opened; only "
                "safetensors files are read, unless the program runs with --allow-pickle."
                if is_refused
                else ""
            ),
        )


class _Links:
    """Tells links that lead out of the allowed folders; each folder is looked up once."""

    def __init__(self, within: Sequence[Path] | None, dirs: Sequence[Path]) -> None:
        self._allowed = None if within is None else [path.resolve() for path in (*within, *dirs)]
        self._folders: dict[Path, bool] = {}

    def lead_away(self, path: Path) -> bool:
        if self._allowed is None:
            return False
        if path.is_symlink():
            return not self._is_allowed(path)
        known = self._folders.get(path.parent)
        if known is None:
            known = self._folders[path.parent] = not self._is_allowed(path.parent)
        return known

    def _is_allowed(self, path: Path) -> bool:
        real = path.resolve()
        return any(real.is_relative_to(folder) for folder in self._allowed or ())


def carries_embedding(path: Path) -> bool:
    """Whether a PNG picture has an embedding in a text chunk; OSError if it cannot be read.

    One that has it in its pixels alone, as after a website rewrote it, is not told so.
    """
    if path.stem.lower().endswith(".preview"):
        return False
    with path.open("rb") as file:
        return f"{EMBEDDED}\0".encode() in file.read(_FIRST_BYTES)


def natural(text: str) -> list[tuple[str, int]]:
    """A key by which "2" comes before "10", upper and lower case alike."""
    parts = _DIGITS.split(text.casefold())
    return [
        (word, int(digits or -1))
        for word, digits in zip(parts[::2], [*parts[1::2], ""], strict=True)
    ]


def _place(file: NetworkFile) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
    """A1111's order of files: those of a folder before those of the folders in it."""
    folder, _, name = file.relative.rpartition("/")
    return natural(folder), natural(name)


def _folders_between(root: Path, file: Path) -> list[Path]:
    parents = file.relative_to(root).parents
    return [root / parent for parent in parents]


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0


def _by_alias(files: Sequence[NetworkFile]) -> Mapping[str, NetworkFile]:
    """Files by their aliases in lower case, those that several share left out."""
    found: dict[str, list[NetworkFile]] = {}
    for file in files:
        if file.alias:
            found.setdefault(file.alias.casefold(), []).append(file)
    return {alias: sharing[0] for alias, sharing in found.items() if len(sharing) == 1}


def _find(listing: _Listing, name: str) -> NetworkFile | None:
    folded = name.casefold()
    return (
        listing.by_name.get(name) or listing.by_folded.get(folded) or listing.by_alias.get(folded)
    )
