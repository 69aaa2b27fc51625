"""The checkpoints found in the model folders: listing, looking up by name, hashing."""

import logging
import re
import threading
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pipelines.catalog.checkpoints import IMG2IMG_CHANNELS, Checkpoint, Layout, VaeFile
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.folders import PICKLES, PLACES, Kind
from pipelines.catalog.hashes import SHORT, HashCache, legacy_hash, total_size
from pipelines.catalog.headers import Facts, explain_damage, facts_of_file, facts_of_folder
from pipelines.catalog.vaes import Vaes, is_vae
from pipelines.catalog.walk import walk
from pipelines.errors import ModelBroken, ModelNotFound

log = logging.getLogger(__name__)

HASHED_AT_ONCE = 128 * 1024 * 1024
"""Bytes; larger models are hashed on a thread of their own so that the start does not wait."""

_HEX = frozenset("0123456789abcdef")
_TITLE_HASH = re.compile(r" \[[0-9a-f]{8,64}\]$")
_SHORTEST_HASH_PREFIX = 6
_LEGACY_DIGITS = 8


@dataclass(frozen=True, kw_only=True, slots=True)
class _Entry:
    checkpoint: Checkpoint
    relative: str  # path below its root, with extension
    full_hash: str  # 64 digits; "" while not known


class FolderCatalog:
    """Checkpoints below several folders, listed once and again on `refresh`; safe in threads.

    Diffusers folders (those holding a model_index.json) and single files are listed alike, and
    broken ones too: they are refused with a reason by `find`, when somebody wants to use them.
    Listing reads nothing but small JSON files and safetensors headers. A model over 128 MiB whose
    hash is not in the cache is listed without one, and hashed on a background thread; its title
    gains the hash once that is done. Names that differ only in root are found in the first root.
    `built_in` are the resolved paths of the models that come with the program. Python pickles are
    refused unless `allow_pickles`. The VAE in the file `vae_path` goes with every checkpoint.
    """

    def __init__(
        self,
        checkpoint_dirs: Sequence[Path],
        vae_dirs: Sequence[Path],
        cache_dir: Path,
        *,
        built_in: Collection[Path] = (),
        allow_pickles: bool = False,
        vae_path: Path | None = None,
    ) -> None:
        self._checkpoint_dirs = tuple(checkpoint_dirs)
        self._built_in = frozenset(built_in)
        self._allow_pickles = allow_pickles
        self._hashes = HashCache(cache_dir)
        self._vaes = Vaes(
            vae_dirs, checkpoint_dirs, self._hashes, allow_pickles=allow_pickles, always=vae_path
        )
        self._lock = threading.Lock()
        self._entries: tuple[_Entry, ...] = ()
        self._hashing: threading.Thread | None = None
        self.refresh()

    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Everything that can be chosen, root by root, sorted by name within each.

        Of several with one title, such as a copy of a model in another root, `find` reaches only
        the first, which alone is listed.
        """
        listed: dict[str, Checkpoint] = {}
        for entry in self._entries:
            listed.setdefault(entry.checkpoint.title, entry.checkpoint)
        return tuple(listed.values())

    def vaes(self) -> tuple[str, ...]:
        """Names of the VAE files: those in the VAE folders, and `*.vae.*` beside checkpoints."""
        return self._vaes.names()

    def find_vae(self, name: str) -> VaeFile:
        """See `Vaes.find`."""
        return self._vaes.find(name)

    def choose_vae(
        self, checkpoint: Checkpoint, setting: str, *, overrides: bool
    ) -> VaeFile | None:
        """See `Vaes.choose`."""
        return self._vaes.choose(checkpoint, setting, overrides=overrides)

    def find(self, name: str) -> Checkpoint:
        """The checkpoint called `name`, case-insensitively: title, name, path, stem or hash.

        A text that names none selects the shortest title containing it, as in A1111. The empty
        text, which is what the settings hold before anybody has chosen, means the model that comes
        with the program, or else the first: of those that are sound, made for plain img2img, and
        diffusers folders before single files. ModelNotFound names what was asked for and what
        there is; ModelBroken says what is wrong with it.
        """
        entries = self._entries
        if not entries:
            folders = ", ".join(str(folder) for folder in self._checkpoint_dirs)
            raise ModelNotFound(f"There is no checkpoint in {folders}.")
        wanted = name.strip().casefold()
        if not wanted:
            return _first_sound(entries, allow_pickles=self._allow_pickles)
        # A title may name a hash that is not known yet, or of a file that has been replaced since.
        entry = (
            _by_alias(entries, wanted)
            or _by_part(entries, wanted)
            or _by_alias(entries, _TITLE_HASH.sub("", wanted))
        )
        if entry is None:
            known = ", ".join(entry.checkpoint.name for entry in entries)
            raise ModelNotFound(f"There is no checkpoint {name!r}; there are: {known}.")
        damage = explain_damage(entry.checkpoint.path, allow_pickles=self._allow_pickles)
        if damage:
            raise ModelBroken(f"Checkpoint {entry.checkpoint.name!r} cannot be used: {damage}")
        return entry.checkpoint

    def refresh(self) -> None:
        """List the folders afresh; hash what is new and small at once, the rest in background."""
        self._vaes.refresh()
        found = [entry for root in self._checkpoint_dirs for entry in self._list(root)]
        with self._lock:
            self._entries = tuple(found)
            waiting = any(not entry.full_hash for entry in found)
            if waiting and not (self._hashing and self._hashing.is_alive()):
                self._hashing = threading.Thread(
                    target=self._hash_waiting, name="model hashes", daemon=True
                )
                self._hashing.start()

    def finish_hashing(self) -> None:
        """Wait until no hash is being computed in the background."""
        thread = self._hashing
        if thread is not None:
            thread.join()

    def _list(self, root: Path) -> Iterator[_Entry]:
        for path in walk(root, PLACES[Kind.checkpoint]):
            if is_vae(path):
                continue
            try:
                yield self._describe(root, path)
            except OSError as error:
                log.warning("Checkpoint %s is left out: %s.", path, error.strerror)

    def _describe(self, root: Path, path: Path) -> _Entry:
        layout = Layout.folder if path.is_dir() else Layout.file
        relative = path.relative_to(root).as_posix() if path != root else path.name
        full = self._hashes.known(path)
        if full is None:
            full = self._hashes.compute(path) if total_size(path) <= HASHED_AT_ONCE else ""
        facts = _facts(path, layout)
        checkpoint = Checkpoint(
            name=relative if layout is Layout.folder else relative.removesuffix(path.suffix),
            path=path,
            layout=layout,
            short_hash=full[:SHORT],
            default_size=facts.default_size,
            input_channels=facts.input_channels,
            family=facts.family,
            built_in=path.resolve() in self._built_in,
        )
        return _Entry(checkpoint=checkpoint, relative=relative, full_hash=full)

    def _hash_waiting(self) -> None:
        tried: set[Path] = set()
        while True:
            with self._lock:
                paths = [e.checkpoint.path for e in self._entries if not e.full_hash]
                path = next((path for path in paths if path not in tried), None)
                if path is None:
                    self._hashing = None
                    return
            tried.add(path)
            try:
                full = self._hashes.compute(path)
            except OSError as error:
                log.warning("Checkpoint %s could not be hashed: %s.", path, error.strerror)
                continue
            with self._lock:
                self._entries = tuple(
                    _with_hash(entry, full) if entry.checkpoint.path == path else entry
                    for entry in self._entries
                )


def _with_hash(entry: _Entry, full: str) -> _Entry:
    return replace(
        entry, full_hash=full, checkpoint=replace(entry.checkpoint, short_hash=full[:SHORT])
    )


def _facts(path: Path, layout: Layout) -> Facts:
    try:
        if layout is Layout.folder:
            return facts_of_folder(path)
        return Facts() if path.suffix.lower() in PICKLES else facts_of_file(path)
    except ModelBroken:  # `find` refuses it with the reason
        return Facts()


def _first_sound(entries: Sequence[_Entry], *, allow_pickles: bool) -> Checkpoint:
    def rank(entry: _Entry) -> tuple[bool, bool, bool]:
        checkpoint = entry.checkpoint
        return (
            checkpoint.input_channels != IMG2IMG_CHANNELS
            or checkpoint.family is ModelFamily.sdxl_refiner,
            not checkpoint.built_in,
            checkpoint.layout is Layout.file,
        )

    reasons: list[str] = []
    for entry in sorted(entries, key=rank):
        damage = explain_damage(entry.checkpoint.path, allow_pickles=allow_pickles)
        if damage is None:
            return entry.checkpoint
        reasons.append(f"{entry.checkpoint.name}: {damage}")
    raise ModelBroken(f"No checkpoint can be used. {' '.join(reasons)}")


def _by_alias(entries: Sequence[_Entry], wanted: str) -> _Entry | None:
    for entry in entries:
        checkpoint = entry.checkpoint
        names = (checkpoint.title, checkpoint.name, entry.relative, checkpoint.stem)
        if wanted in (text.casefold() for text in names):
            return entry
    if len(wanted) < _SHORTEST_HASH_PREFIX or not _HEX.issuperset(wanted):
        return None
    for entry in entries:
        if entry.full_hash.startswith(wanted):
            return entry
    if len(wanted) == _LEGACY_DIGITS:
        return next((entry for entry in entries if _legacy(entry) == wanted), None)
    return None


def _by_part(entries: Sequence[_Entry], wanted: str) -> _Entry | None:
    containing = [e for e in entries if wanted in e.checkpoint.title.casefold()]
    return min(containing, key=lambda entry: len(entry.checkpoint.title), default=None)


def _legacy(entry: _Entry) -> str | None:
    if entry.checkpoint.layout is not Layout.file:
        return None
    try:
        return legacy_hash(entry.checkpoint.path)
    except OSError:
        return None
