"""Downloads of weights from the Hugging Face hub: only what was asked for, whole or not at all.

huggingface_hub finds and names the files; the bytes are fetched here, because its own download
keeps nothing of a file that was cut off, and does not compare the hash of one that came.
"""

import errno
import hashlib
import logging
import re
import shutil
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.errors import DownloadFailed
from pipelines.plugins import Weights

log = logging.getLogger(__name__)

UNFINISHED = ".unfinished"
"""Sub-folder for what is not yet whole; nothing in it counts as weights."""

CHUNK = 1 << 20
"""Bytes between two looks at whether the download was cancelled."""

SPARE = 64 << 20
"""Bytes that are left free on the disk."""


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
class _Remote:
    """A file on the hub: `digest` is its sha256 or, for small ones, git's sha1 of it, in hex."""

    file: str
    url: str
    size: int
    digest: str


class _Cancelled(Exception):
    """The user cancelled."""


class _Task:
    """One download and the thread that does it; `progress` is replaced, never changed."""

    def __init__(self, work: Callable[["_Task"], None], weights: Weights) -> None:
        self.progress = DownloadProgress()
        self.cancelled = threading.Event()
        self._work = work
        self._weights = weights
        self.thread = threading.Thread(target=self._run, name="download", daemon=True)

    def came(self, count: int) -> None:
        """Note `count` further bytes (or fewer, if negative); raise if the user has cancelled."""
        if self.cancelled.is_set():
            raise _Cancelled
        self.progress = replace(self.progress, done=self.progress.done + count)

    def _run(self) -> None:
        try:
            self._work(self)
            self.progress = replace(self.progress, state=DownloadState.done)
        except _Cancelled:
            self.progress = replace(self.progress, state=DownloadState.cancelled)
        # A thread has nobody to raise to: whatever happened is what `progress` tells.
        except Exception as error:
            sentence = _sentence(error, self._weights)
            self.progress = replace(self.progress, state=DownloadState.failed, error=sentence)


class Downloads:
    """Downloads into `folder`/NAME, one thread each.

    `folder` is models/ControlNetPreprocessor. `endpoint` is the hub's address; None for the one
    that huggingface_hub knows, which HF_ENDPOINT sets.
    """

    def __init__(self, folder: Path, *, endpoint: str | None = None) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._tasks: dict[Weights, _Task] = {}
        self._lock = threading.Lock()

    def start(self, weights: Weights) -> None:
        """Begin the download, or begin it again where it ended; no more if it is under way."""
        self._begin(weights)

    def progress(self, weights: Weights) -> DownloadProgress | None:
        """How far it is; None if it was never started."""
        task = self._tasks.get(weights)
        return None if task is None else task.progress

    def cancel(self, weights: Weights) -> None:
        """End it soon; what came so far is kept for the next start."""
        task = self._tasks.get(weights)
        if task is not None:
            task.cancelled.set()

    def fetch(self, weights: Weights) -> None:
        """Download, and return when it is done; DownloadFailed says why it is not."""
        task = self._begin(weights)
        task.thread.join()
        if task.progress.state is not DownloadState.done:
            raise DownloadFailed(
                task.progress.error or f"The download of {weights.repository} was cancelled."
            )

    def close(self) -> None:
        """Cancel everything that runs, and wait for it."""
        for task in list(self._tasks.values()):
            task.cancelled.set()
            task.thread.join()

    def _begin(self, weights: Weights) -> _Task:
        with self._lock:
            task = self._tasks.get(weights)
            if task is None or not task.thread.is_alive():
                task = _Task(lambda task: self._download(weights, task), weights)
                self._tasks[weights] = task
                task.thread.start()
            return task

    def _download(self, weights: Weights, task: _Task) -> None:
        """Fetch what is missing, check it, and only then put it where weights are looked for."""
        target = self._folder / weights.name
        partial = target / UNFINISHED
        wanted = [file for file in weights.files if not (target / file).is_file()]
        remotes = [self._describe(weights, file) for file in wanted]
        came = {remote: _size(partial / remote.digest) for remote in remotes}
        total = sum(remote.size for remote in remotes)
        task.progress = replace(task.progress, total=total, done=sum(came.values()))
        partial.mkdir(parents=True, exist_ok=True)
        _require_space(self._folder, total - sum(came.values()), weights)
        for remote in remotes:
            task.progress = replace(task.progress, file=remote.file)
            _fetch(remote, partial / remote.digest, task)
            _check(remote, partial / remote.digest, task)
        for remote in remotes:
            (target / remote.file).parent.mkdir(parents=True, exist_ok=True)
            (partial / remote.digest).replace(target / remote.file)
        with suppress(OSError):  # not empty: something else for this folder is under way
            partial.rmdir()

    def _describe(self, weights: Weights, file: str) -> _Remote:
        hub: Any = import_module("huggingface_hub")  # takes a third of a second

        def url(revision: str) -> str:
            return hub.hf_hub_url(
                weights.repository, file, revision=revision, endpoint=self._endpoint
            )

        told = hub.get_hf_file_metadata(url(weights.revision), endpoint=self._endpoint)
        # The digest becomes a file name: from the network, so only if it is one.
        if not told.commit_hash or told.size is None or not _is_digest(told.etag or ""):
            raise DownloadFailed(
                f"{file} of {weights.repository} was not downloaded: the server does not say its "
                "size and its hash, as the Hugging Face hub does."
            )
        # By the commit's own name, so that all requests are about the same file.
        return _Remote(file=file, url=url(told.commit_hash), size=told.size, digest=told.etag or "")


def _is_digest(text: str) -> bool:
    return re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) is not None


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def _require_space(folder: Path, needed: int, weights: Weights) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + SPARE:
        raise DownloadFailed(
            f"The disk is too full for {weights.repository}: {_megabytes(needed)} are to come, and "
            f"{_megabytes(free)} are free."
        )


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.0f} MB"


def _fetch(remote: _Remote, path: Path, task: _Task) -> None:
    """Bring `path` to the file's size; a connection that is cut is made again while bytes come."""
    import httpx2

    while not path.exists() or _size(path) < remote.size:
        before, cut = _size(path), None
        try:
            _continue(remote, path, task)
        except httpx2.TransportError as error:
            cut = error
        if remote.size and _size(path) <= before:
            raise cut or DownloadFailed(
                f"{remote.file} did not come whole: {before} of {remote.size} bytes, then no more."
            )
    if _size(path) != remote.size:
        path.unlink()
        raise DownloadFailed(
            f"{remote.file} is not what the hub announced: more than {remote.size} bytes came. "
            "Nothing was kept."
        )


def _continue(remote: _Remote, path: Path, task: _Task) -> None:
    """One request: for the whole file, or for what `path` lacks of it."""
    hub: Any = import_module("huggingface_hub.utils")
    have = _size(path)
    headers = {"Accept-Encoding": "identity"}  # bytes on the wire are bytes of the file
    if have:
        headers["Range"] = f"bytes={have}-"
    with (
        hub.http_stream_backoff(
            "GET",
            remote.url,
            headers=hub.build_hf_headers(headers=headers),
            follow_redirects=True,
            retry_on_exceptions=(),
            retry_on_status_codes=(),
        ) as response,
        path.open("ab") as file,
    ):
        hub.hf_raise_for_status(response)
        if have and response.status_code != 206:  # the server begins at the beginning
            file.truncate(0)
            task.came(-have)
            have = 0
        for chunk in response.iter_bytes():
            task.came(len(chunk))
            file.write(chunk)
            have += len(chunk)
            if have > remote.size:
                return


def _check(remote: _Remote, path: Path, task: _Task) -> None:
    """Compare with the hash that the hub told; what differs is thrown away."""
    if len(remote.digest) == 40:
        digest = hashlib.sha1(f"blob {remote.size}\0".encode(), usedforsecurity=False)
    else:
        digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            task.came(0)
            digest.update(chunk)
    if digest.hexdigest() != remote.digest:
        path.unlink()
        raise DownloadFailed(
            f"{remote.file} came damaged: its hash is not the one that the hub gives. Nothing was "
            "kept; download it again."
        )


def _sentence(error: Exception, weights: Weights) -> str:
    """What to tell the user; the most special errors first."""
    import httpx2
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    name = weights.repository
    match error:
        case DownloadFailed():
            return str(error)
        case GatedRepoError():
            return (
                f"{name} is given out only to those who accept its terms: do so at "
                f"https://huggingface.co/{name}, and set HF_TOKEN to a token of that account."
            )
        case RepositoryNotFoundError() | RevisionNotFoundError() | EntryNotFoundError():
            return f"{name} is not on the hub, or has no file {' or '.join(weights.files)}."
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
