"""Downloads of models into their folders: several at a time, remembered until they are whole."""

import json
import logging
import shutil
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from pipelines.catalog.folders import Kind
from pipelines.errors import DownloadFailed, InvalidRequest
from pipelines.files import write_atomically
from pipelines.hub.client import Hub
from pipelines.hub.orders import Order, read_order, record_of
from pipelines.hub.transfer import (
    UNFINISHED,
    DownloadProgress,
    DownloadState,
    Transfer,
    explain,
    require_space,
    size_of,
)

log = logging.getLogger(__name__)

MAX_RUNNING = 4
"""Downloads at the same time."""

CLOSING_SECONDS = 3.0
"""How long the program's end waits for downloads, which a silent server could hold up."""

RECORD = "downloads.json"
"""What is not whole yet, in the cache folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Download:
    """One of them at one moment; `path` is where the model is, or will be."""

    id: str
    order: Order
    path: Path
    progress: DownloadProgress


@dataclass(kw_only=True)
class _Task:
    order: Order
    path: Path
    stopped: DownloadProgress  # what to tell while no thread has begun
    transfer: Transfer | None = None

    @property
    def progress(self) -> DownloadProgress:
        return self.stopped if self.transfer is None else self.transfer.progress

    @property
    def is_running(self) -> bool:
        return self.transfer is not None and self.transfer.thread.is_alive()

    @property
    def partial(self) -> Path:
        return self.path.parent / UNFINISHED


class ModelDownloads:
    """Downloads of models, one thread each; safe in threads.

    `folders` has the folder for each kind. What comes lies in a hidden folder in there until it is
    whole and its hashes are right. What is not, is remembered in `cache_dir` and can be gone on
    with after a restart. `finished` is called after each, with the kind of what there is now.
    """

    def __init__(
        self,
        hub: Hub,
        folders: Mapping[Kind, Path],
        cache_dir: Path,
        *,
        finished: Callable[[Kind], object] = lambda kind: None,
    ) -> None:
        self.hub = hub
        self.folders = folders
        self._record = cache_dir / RECORD
        self._finished = finished
        self._lock = threading.RLock()
        self._tasks: dict[str, _Task] = {}
        for order in _read_record(self._record):
            self._tasks[order.id] = self._make_task(order)

    def listed(self) -> tuple[Download, ...]:
        """All downloads since the start and what was not whole before; the newest first."""
        with self._lock:
            tasks = [*self._tasks.values()]
        return tuple(
            Download(id=task.order.id, order=task.order, path=task.path, progress=task.progress)
            for task in reversed(tasks)
        )

    def find(self, number: str) -> Download | None:
        """The download of this id."""
        return next((download for download in self.listed() if download.id == number), None)

    def start(self, order: Order) -> None:
        """Begin, or go on with what came before; no more if it is under way.

        DownloadFailed if there is something of that name already, or too much goes on.
        """
        with self._lock:
            task = self._tasks.get(order.id)
            if task is not None and task.is_running:
                return
            task = self._make_task(order)
            _require_absent(task.path)
            running = [other for other in self._tasks.values() if other.is_running]
            if any(other.path == task.path for other in running):
                raise DownloadFailed(f"{order.target} is being downloaded already.")
            if len(running) >= MAX_RUNNING:
                raise DownloadFailed(
                    f"{MAX_RUNNING} downloads are running, and no more may at the same time; wait "
                    "for one, or cancel it."
                )
            task.transfer = Transfer(
                lambda transfer: self._download(task, transfer),
                lambda error: explain(error, order.repository, order.target),
            )
            self._tasks.pop(order.id, None)  # to the end of the list
            self._tasks[order.id] = task
            self._keep()
            task.transfer.thread.start()

    def resume(self, number: str) -> None:
        """Go on with a download that ended before it was whole; raises as `start`."""
        found = self.find(number)
        if found is not None and found.progress.state is not DownloadState.done:
            self.start(found.order)

    def cancel(self, number: str) -> None:
        """End it soon; what came so far is kept."""
        task = self._tasks.get(number)
        if task is not None and task.transfer is not None:
            task.transfer.cancelled.set()

    def remove(self, number: str) -> None:
        """Take it off the list, and throw away what came of one that is not whole."""
        with self._lock:
            task = self._tasks.get(number)
            if task is None or task.is_running:
                return
            del self._tasks[number]
            needed = {
                file.digest
                for other in self._tasks.values()
                if other.partial == task.partial
                for file in other.order.files
            }
            for file in task.order.files:
                if file.digest not in needed:
                    (task.partial / file.digest).unlink(missing_ok=True)
            with suppress(OSError):  # not there, or not empty
                task.partial.rmdir()
            self._keep()

    def close(self) -> None:
        """Cancel everything that runs, and wait for it, but not for ever."""
        running = [task.transfer for task in self._tasks.values() if task.transfer is not None]
        for transfer in running:
            transfer.cancelled.set()
        for transfer in running:
            transfer.thread.join(CLOSING_SECONDS)

    def _make_task(self, order: Order) -> _Task:
        path = self.folders[order.kind] / order.target
        partial = path.parent / UNFINISHED
        came = sum(size_of(partial / digest) for digest in {file.digest for file in order.files})
        stopped = DownloadProgress(state=DownloadState.cancelled, done=came, total=order.size)
        return _Task(order=order, path=path, stopped=stopped)

    def _download(self, task: _Task, transfer: Transfer) -> None:
        """Fetch, check, and only then put it where models are looked for."""
        # Files that are alike are fetched once.
        wanted = {file.digest: file for file in task.order.files}
        came = sum(size_of(task.partial / digest) for digest in wanted)
        total = sum(file.size for file in wanted.values())
        task.partial.mkdir(parents=True, exist_ok=True)
        with self._lock:
            transfer.progress = replace(transfer.progress, total=total, done=came)
            require_space(task.partial, total - came + self._promised(task), task.order.repository)
        for digest, file in wanted.items():
            remote = self.hub.remote(task.order.repository, task.order.commit, file)
            transfer.fetch(remote, task.partial / digest)
        with self._lock:
            _require_absent(task.path)
            _put_in_place(task)
            self._keep(without=task)
        self._tell_finished(task.order.kind)

    def _promised(self, task: _Task) -> int:
        """Bytes that other downloads to the same disk will still need."""
        device = task.partial.stat().st_dev
        return sum(
            max(0, other.progress.total - other.progress.done)
            for other in self._tasks.values()
            if other is not task
            and other.is_running
            and other.partial.is_dir()
            and other.partial.stat().st_dev == device
        )

    def _tell_finished(self, kind: Kind) -> None:
        try:
            self._finished(kind)
        except Exception:  # the model is here: whoever looks again finds it
            log.exception("The list of models could not be renewed.")

    def _keep(self, without: _Task | None = None) -> None:
        """Write down what is not whole, for the next start of the program."""
        records = [
            record_of(task.order)
            for task in self._tasks.values()
            if task is not without and task.progress.state is not DownloadState.done
        ]
        try:
            write_atomically(self._record, json.dumps(records, indent=1).encode())
        except OSError as error:
            log.warning("The list of downloads is not kept: %s.", error.strerror)


def _require_absent(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise DownloadFailed(
            f"{path.name} is already in {path.parent.name}, and is kept as it is; rename or move "
            "it to download another of that name."
        )


def _put_in_place(task: _Task) -> None:
    """Make the model of the files that came; the folder of one appears all at once."""
    if not task.order.is_folder:
        (task.partial / task.order.files[0].digest).rename(task.path)
    else:
        staging = task.partial / f"{task.order.id}.folder"
        shutil.rmtree(staging, ignore_errors=True)
        left = Counter(file.digest for file in task.order.files)
        for file in task.order.files:
            place, came = staging / file.path, task.partial / file.digest
            place.parent.mkdir(parents=True, exist_ok=True)
            left[file.digest] -= 1
            if left[file.digest]:
                shutil.copyfile(came, place)
            else:
                came.rename(place)
        staging.rename(task.path)
    with suppress(OSError):  # not empty: something else for this folder is under way
        task.partial.rmdir()


def _read_record(path: Path) -> list[Order]:
    try:
        stored: object = json.loads(path.read_bytes())
        records = cast("list[object]", stored) if isinstance(stored, list) else []
        return [read_order(record) for record in records]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError, InvalidRequest) as error:
        log.warning("The list of downloads in %s cannot be read: %s", path, error)
        return []
