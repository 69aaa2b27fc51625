"""SHA-256 hashes of models, kept on disk because reading gigabytes takes a while.

A single file's hash is the SHA-256 of the file, as A1111 and model sites give it. A diffusers
folder's hash is the SHA-256 of its safetensors files, one after the other in the order of their
paths: `find . -name '*.safetensors' | LC_ALL=C sort | xargs cat | sha256sum`.
"""

import hashlib
import json
import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, cast

from pipelines.files import write_atomically

log = logging.getLogger(__name__)

SHORT = 10
"""Hex digits of a short hash, as in A1111's titles and its `Model hash`."""

_BLOCK = 1 << 20
_LEGACY_OFFSET, _LEGACY_LENGTH = 0x100000, 0x10000


def weight_files(path: Path) -> list[Path]:
    """What is hashed for `path`: the file itself, or a folder's safetensors files in path order."""
    if not path.is_dir():
        return [path]
    return sorted(path.rglob("*.safetensors"), key=lambda file: file.relative_to(path).as_posix())


def total_size(path: Path) -> int:
    """Bytes that would have to be read to hash `path`; OSError when it cannot be looked at."""
    return sum(file.stat().st_size for file in weight_files(path))


def sha256(path: Path) -> str:
    """64 hex digits, read afresh; OSError when the file cannot be read."""
    digest = hashlib.sha256()
    for weights in weight_files(path):
        with weights.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()


def legacy_hash(path: Path) -> str:
    """The 8 digits A1111 used in 2022: SHA-256 of 64 KiB at offset 1 MiB; OSError if unreadable."""
    with path.open("rb") as file:
        file.seek(_LEGACY_OFFSET)
        return hashlib.sha256(file.read(_LEGACY_LENGTH)).hexdigest()[:8]


class HashCache:
    """Hashes by path, size and time of change, in the file `name` of `cache_dir`; safe in threads.

    A cache that cannot be read or written costs time, never an error; without a folder it lasts as
    long as the program. `digest` computes a hash of 64 hex digits.
    """

    def __init__(
        self,
        cache_dir: Path | None,
        name: str = "hashes.json",
        digest: Callable[[Path], str] = sha256,
    ) -> None:
        self._path = cache_dir / name if cache_dir else None
        self._digest = digest
        self._lock = threading.Lock()
        self._entries = _load(self._path) if self._path else {}

    def known(self, path: Path) -> str | None:
        """The full hash if it was computed since `path` last changed; OSError if unreadable."""
        entry = self._entries.get(str(path.absolute()))
        return entry["sha256"] if entry and entry["state"] == _state(path) else None

    def compute(self, path: Path) -> str:
        """The full hash, remembered from then on; OSError when `path` cannot be read."""
        state = _state(path)
        full = self._digest(path)
        with self._lock:
            self._entries[str(path.absolute())] = {"state": state, "sha256": full}
            if self._path is None:
                return full
            text = json.dumps(self._entries, indent=1, ensure_ascii=False)
            try:
                write_atomically(self._path, text.encode())
            except OSError as error:
                log.warning("Model hashes could not be kept in %s: %s", self._path, error.strerror)
        return full


def _state(path: Path) -> str:
    """A text that changes when any hashed file does: sizes, times of change, names."""
    return _describe((file, file.stat()) for file in weight_files(path))


def _describe(files: Iterable[tuple[Path, Any]]) -> str:
    lines = (f"{file.name} {status.st_size} {status.st_mtime_ns}" for file, status in files)
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]


def _load(path: Path) -> dict[str, dict[str, str]]:
    try:
        stored: object = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("Model hashes in %s are forgotten, since they cannot be read: %s", path, error)
        return {}
    if not isinstance(stored, dict):
        return {}
    return {name: entry for name, entry in cast(dict[str, Any], stored).items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    if not isinstance(entry, dict):
        return False
    values = cast(dict[str, Any], entry)
    return isinstance(values.get("state"), str) and isinstance(values.get("sha256"), str)
