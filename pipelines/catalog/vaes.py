"""VAEs that may take the place of a checkpoint's own: which there are, and which is meant."""

import logging
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from pipelines.catalog.checkpoints import AUTOMATIC_VAE, OWN_VAE, Checkpoint, VaeFile
from pipelines.catalog.folders import PICKLES, PLACES, Kind
from pipelines.catalog.hashes import SHORT, HashCache, total_size
from pipelines.catalog.headers import read_header
from pipelines.catalog.sidecars import preferred_vae
from pipelines.catalog.walk import walk
from pipelines.errors import ModelBroken, ModelNotFound

log = logging.getLogger(__name__)

_HASHED_AT_ONCE = 128 * 1024 * 1024
"""Bytes; larger files are hashed on a thread of their own so that no job waits."""


def is_vae(path: Path) -> bool:
    """A1111 takes `name.vae.safetensors` beside a checkpoint for its VAE."""
    return path.stem.lower().endswith(".vae")


class Vaes:
    """VAE files below several folders, listed once and again on `refresh`.

    In `vae_dirs` every file counts, beside checkpoints only `*.vae.*`. Python pickles are refused
    unless `allow_pickles`. The VAE in the file `always` takes the place of every other one.
    """

    def __init__(
        self,
        vae_dirs: Sequence[Path],
        checkpoint_dirs: Sequence[Path],
        hashes: HashCache,
        *,
        allow_pickles: bool = False,
        always: Path | None = None,
    ) -> None:
        self._always = always
        self._vae_dirs = tuple(vae_dirs)
        self._roots = tuple(dict.fromkeys((*vae_dirs, *checkpoint_dirs)))
        self._hashes = hashes
        self._allow_pickles = allow_pickles
        self._paths: dict[str, Path] = {}
        self._hashing: threading.Thread | None = None
        self.refresh()

    def refresh(self) -> None:
        """List the folders afresh; of files with one name the first alone counts."""
        found: dict[str, Path] = {}
        for root in self._roots:
            for path in walk(root, PLACES[Kind.vae]):
                if path.is_file() and (root in self._vae_dirs or is_vae(path)):
                    found.setdefault(path.name, path)
        self._paths = found

    def names(self) -> tuple[str, ...]:
        """The files' names, folder by folder."""
        return tuple(self._paths)

    def find(self, name: str) -> VaeFile:
        """The VAE in the file of this name, case-insensitively, or with this name but the suffix.

        ModelNotFound names what there is; ModelBroken says why it cannot be opened.
        """
        wanted = name.strip().casefold()
        for known, path in self._paths.items():
            if wanted in (known.casefold(), path.stem.casefold()):
                return self._described(path)
        there = ", ".join(self._paths) or "none"
        raise ModelNotFound(f"There is no VAE {name!r}; there are: {there}.")

    def choose(self, checkpoint: Checkpoint, setting: str, *, overrides: bool) -> VaeFile | None:
        """The VAE for a job, by A1111's rules; None means the checkpoint's own.

        In this order: the one that is always taken; `setting`, unless it is Automatic and if it
        `overrides` the checkpoint's preference; what the `.json` beside the checkpoint prefers; the
        first file whose name begins with the checkpoint's; `setting`. UserError, as `find`, for
        what was named.
        """
        if self._always is not None:
            return self._described(self._always)
        answers: tuple[Callable[[], str | None], ...] = (
            lambda: setting if overrides else None,
            lambda: preferred_vae(checkpoint.path),
            lambda: self._beside(checkpoint),
            lambda: setting,
        )
        for answer in answers:
            name = answer()
            if name is not None and name != AUTOMATIC_VAE:
                return None if name == OWN_VAE else self.find(name)
        return None

    def finish_hashing(self) -> None:
        """Wait until no hash is being computed in the background."""
        if self._hashing is not None:
            self._hashing.join()

    def _beside(self, checkpoint: Checkpoint) -> str | None:
        for name, path in self._paths.items():
            if not name.startswith(checkpoint.stem):
                continue
            if self._may_open(path):
                return name
            log.warning("%s is passed over: it is a pickle, and needs --allow-pickle.", path)
        return None

    def _may_open(self, path: Path) -> bool:
        return self._allow_pickles or path.suffix.lower() not in PICKLES

    def _described(self, path: Path) -> VaeFile:
        if not self._may_open(path):
            raise ModelBroken(
                f"VAE {path.name} is a Python pickle, which can run code when it is opened; "
                "only safetensors files are read, unless the program runs with --allow-pickle."
            )
        try:
            if path.suffix.lower() not in PICKLES:
                read_header(path)
            return VaeFile(name=path.name, path=path, short_hash=self._hash(path)[:SHORT])
        except OSError as error:
            raise ModelNotFound(f"VAE {path.name} cannot be read: {error.strerror}.") from error
        except ModelBroken as error:
            raise ModelBroken(f"VAE {path.name} cannot be used: {error}") from error

    def _hash(self, path: Path) -> str:
        known = self._hashes.known(path)
        if known is not None:
            return known
        if total_size(path) <= _HASHED_AT_ONCE:
            return self._hashes.compute(path)
        if self._hashing is None or not self._hashing.is_alive():
            self._hashing = threading.Thread(
                target=self._compute, args=(path,), name=f"hash of {path.name}", daemon=True
            )
            self._hashing.start()
        return ""

    def _compute(self, path: Path) -> None:
        try:
            self._hashes.compute(path)
        except OSError as error:
            log.warning("VAE %s could not be hashed: %s.", path, error.strerror)
