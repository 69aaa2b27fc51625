"""Fetching files from the hub: resumed where they were cut, checked, and with limits of time.

huggingface_hub finds and names the files; the bytes are fetched here, because its own download
keeps nothing of a file that was cut off, and does not compare the hash of one that came.
"""

import errno
import hashlib
import logging
import re
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.errors import DownloadFailed

log = logging.getLogger(__name__)

UNFINISHED = ".unfinished"
"""Sub-folder for what is not yet whole; nothing in it counts as a model."""

CHUNK = 1 << 20
"""Bytes between two looks at whether the download was cancelled."""

SPARE = 64 << 20
"""Bytes that are left free on the disk."""

SILENCE = 20.0
"""Seconds without a single byte after which a connection counts as dead."""

SLOWEST, SLOWEST_PERIOD = 64 << 10, 60.0
"""Bytes that have to come within so many seconds: else a server could keep us waiting for ever."""


class DownloadState(Enum):
    """How far a download is."""

    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"


@dataclass(frozen=True, kw_only=True, slots=True)
class DownloadProgress:
    """A download at one moment. `done` and `total` are bytes of all its files together.

    `total` is 0 until the hub has said how large they are. `file` is the one that is fetched now.
    `error` is the sentence for the user when it failed.
    """

    state: DownloadState = DownloadState.running
    file: str = ""
    done: int = 0
    total: int = 0
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RemoteFile:
    """A file on the hub: `digest` is its sha256 or, for small ones, git's sha1 of it, in hex."""

    file: str
    url: str
    size: int
    digest: str


class Cancelled(Exception):
    """The user cancelled."""


class Transfer:
    """One download and the thread that does it; `progress` is replaced, never changed.

    `work` does it, and is handed the transfer to report to. `explain` makes the sentence for the
    user out of what `work` raised.
    """

    def __init__(
        self, work: Callable[["Transfer"], None], explain: Callable[[Exception], str]
    ) -> None:
        self.progress = DownloadProgress()
        self.cancelled = threading.Event()
        self._work = work
        self._explain = explain
        self.thread = threading.Thread(target=self._run, name="download", daemon=True)

    def came(self, count: int) -> None:
        """Note `count` further bytes (or fewer, if negative); raise if the user has cancelled."""
        if self.cancelled.is_set():
            raise Cancelled
        self.progress = replace(self.progress, done=self.progress.done + count)

    def fetch(self, remote: RemoteFile, path: Path) -> None:
        """Bring the whole of `remote` to `path`, which may hold a beginning, and check its hash.

        DownloadFailed, or what the connection raised, when it did not come; what came stays.
        """
        self.progress = replace(self.progress, file=remote.file)
        _fetch(remote, path, self)
        _check(remote, path, self)

    def _run(self) -> None:
        try:
            self._work(self)
            self.progress = replace(self.progress, state=DownloadState.done)
        except Cancelled:
            self.progress = replace(self.progress, state=DownloadState.cancelled)
        # A thread has nobody to raise to: whatever happened is what `progress` tells.
        except Exception as error:
            sentence = self._explain(error)
            self.progress = replace(self.progress, state=DownloadState.failed, error=sentence)


def is_digest(text: object) -> bool:
    """Whether a text is a hash as the hub tells it, which may then be part of a path."""
    return isinstance(text, str) and bool(re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text))


def size_of(path: Path) -> int:
    """Bytes of the file at `path`; 0 if there is none."""
    return path.stat().st_size if path.is_file() else 0


def free_space(folder: Path) -> int:
    """Bytes that are free where `folder` is, or will be."""
    there = next(place for place in (folder, *folder.parents) if place.exists())
    return shutil.disk_usage(there).free


def require_space(folder: Path, needed: int, name: str) -> None:
    """DownloadFailed, naming `name`, if the disk of `folder` has no room for `needed` bytes."""
    free = free_space(folder)
    if free < needed + SPARE:
        raise DownloadFailed(
            f"The disk is too full for {name}: {megabytes(needed)} are to come, and "
            f"{megabytes(free)} are free."
        )


def megabytes(count: int) -> str:
    """A number of bytes for people."""
    if count < 1e6:
        return f"{-(-count // 1000)} kB"
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"


def limits() -> Any:  # noqa: ANN401 httpx2.Timeout, which takes a moment to import
    """Limits of time for one request; huggingface_hub itself sets none."""
    import httpx2

    return httpx2.Timeout(SILENCE, connect=10.0)


def _fetch(remote: RemoteFile, path: Path, transfer: Transfer) -> None:
    """Bring `path` to the file's size; a connection that is cut is made again while bytes come."""
    import httpx2

    while not path.exists() or size_of(path) < remote.size:
        before, cut = size_of(path), None
        try:
            _continue(remote, path, transfer)
        except httpx2.TransportError as error:
            cut = error
        if remote.size and size_of(path) <= before:
            raise cut or DownloadFailed(
                f"{remote.file} did not come whole: {before} of {remote.size} bytes, then no more."
            )
    if size_of(path) != remote.size:
        path.unlink()
        raise DownloadFailed(
            f"{remote.file} is not what the hub announced: more than {remote.size} bytes came. "
            "Nothing was kept."
        )


def _continue(remote: RemoteFile, path: Path, transfer: Transfer) -> None:
    """One request: for the whole file, or for what `path` lacks of it."""
    hub: Any = import_module("huggingface_hub.utils")
    have = size_of(path)
    headers = {"Accept-Encoding": "identity"}  # bytes on the wire are bytes of the file
    if have:
        headers["Range"] = f"bytes={have}-"
    with (
        hub.http_stream_backoff(
            "GET",
            remote.url,
            headers=hub.build_hf_headers(headers=headers),
            follow_redirects=True,
            timeout=limits(),
            retry_on_exceptions=(),
            retry_on_status_codes=(),
        ) as response,
        path.open("ab") as file,
    ):
        hub.hf_raise_for_status(response)
        if have and response.status_code != 206:  # the server begins at the beginning
            file.truncate(0)
            transfer.came(-have)
            have = 0
        pace = _Pace(remote.file)
        for chunk in response.iter_bytes():
            transfer.came(len(chunk))
            pace.came(len(chunk))
            file.write(chunk)
            have += len(chunk)
            if have > remote.size:
                return


class _Pace:
    """Gives up on a connection over which next to nothing comes."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._begun = time.monotonic()
        self._count = 0

    def came(self, count: int) -> None:
        self._count += count
        now = time.monotonic()
        if now - self._begun < SLOWEST_PERIOD:
            return
        if self._count < SLOWEST:
            raise DownloadFailed(
                f"{self._file} comes too slowly: {self._count} bytes in {SLOWEST_PERIOD:.0f} "
                "seconds. What came is kept; try again later."
            )
        self._begun, self._count = now, 0


def _check(remote: RemoteFile, path: Path, transfer: Transfer) -> None:
    """Compare with the hash that the hub told; what differs is thrown away."""
    if len(remote.digest) == 40:
        digest = hashlib.sha1(f"blob {remote.size}\0".encode(), usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            transfer.came(0)
            digest.update(chunk)
    if digest.hexdigest() != remote.digest:
        path.unlink()
        raise DownloadFailed(
            f"{remote.file} came damaged: its hash is not the one that the hub gives. Nothing was "
            "kept; download it again."
        )


def explain(error: Exception, name: str, files: str = "") -> str:
    """What to tell the user of `error`, which ended a request about the repository `name`.

    `files` are what was asked for of it, if that was anything in particular. No token is ever part
    of the sentence.
    """
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    match error:
        case DownloadFailed():
            return str(error)
        case GatedRepoError():
            return (
                f"{name} is given out only to those who accept its terms: do so at "
                f"https://huggingface.co/{name}, and set HF_TOKEN to a token of that account, or "
                "log in with `hf auth login`."
            )
        case RepositoryNotFoundError() | RevisionNotFoundError() | EntryNotFoundError():
            return (
                f"{name} is not on the hub, or {f'has no file {files}' if files else 'is private'}."
            )
        case HfHubHTTPError():
            return f"The hub refused {name} with status {error.response.status_code}; try later."
        case OfflineModeIsEnabled():
            return f"{name} was not downloaded: HF_HUB_OFFLINE forbids it."
        case httpx2.HTTPError():
            return f"{name} was not downloaded: the hub cannot be reached; try again to go on."
        case OSError() if error.errno == errno.ENOSPC:
            return f"The disk is full; {name} was not downloaded to the end."
        case OSError():
            return f"{name} was not downloaded: {error.strerror or error}."
        case _:
            log.error("The download of %s failed.", name, exc_info=error)
            return f"{name} was not downloaded: {type(error).__name__}."
