"""Downloads of preprocessors' weights: only what was asked for, whole or not at all."""

import threading
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from pipelines.errors import DownloadFailed
from pipelines.hub.transfer import (
    UNFINISHED,
    DownloadProgress,
    DownloadState,
    RemoteFile,
    Transfer,
    explain,
    is_digest,
    require_space,
    size_of,
)
from pipelines.plugins import Weights

CLOSING_SECONDS = 3.0
"""How long the program's end waits for downloads, which a silent server could hold up."""


class Downloads:
    """Downloads into `folder`/NAME, one thread each.

    `folder` is models/ControlNetPreprocessor. `endpoint` is the hub's address; None for the one
    that huggingface_hub knows, which HF_ENDPOINT sets.
    """

    def __init__(self, folder: Path, *, endpoint: str | None = None) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._transfers: dict[Weights, Transfer] = {}
        self._lock = threading.Lock()

    def start(self, weights: Weights) -> None:
        """Begin the download, or begin it again where it ended; no more if it is under way."""
        self._begin(weights)

    def progress(self, weights: Weights) -> DownloadProgress | None:
        """How far it is; None if it was never started."""
        transfer = self._transfers.get(weights)
        return None if transfer is None else transfer.progress

    def cancel(self, weights: Weights) -> None:
        """End it soon; what came so far is kept for the next start."""
        transfer = self._transfers.get(weights)
        if transfer is not None:
            transfer.cancelled.set()

    def fetch(self, weights: Weights) -> None:
        """Download, and return when it is done; DownloadFailed says why it is not."""
        transfer = self._begin(weights)
        transfer.thread.join()
        if transfer.progress.state is not DownloadState.done:
            raise DownloadFailed(
                transfer.progress.error or f"The download of {weights.repository} was cancelled."
            )

    def close(self) -> None:
        """Cancel everything that runs, and wait for it, but not for ever."""
        transfers = list(self._transfers.values())
        for transfer in transfers:
            transfer.cancelled.set()
        for transfer in transfers:
            transfer.thread.join(CLOSING_SECONDS)

    def _begin(self, weights: Weights) -> Transfer:
        with self._lock:
            transfer = self._transfers.get(weights)
            if transfer is None or not transfer.thread.is_alive():
                transfer = Transfer(
                    lambda transfer: self._download(weights, transfer),
                    lambda error: explain(error, weights.repository, " or ".join(weights.files)),
                )
                self._transfers[weights] = transfer
                transfer.thread.start()
            return transfer

    def _download(self, weights: Weights, transfer: Transfer) -> None:
        """Fetch what is missing, check it, and only then put it where weights are looked for."""
        target = self._folder / weights.name
        partial = target / UNFINISHED
        wanted = [file for file in weights.files if not (target / file).is_file()]
        remotes = [self._describe(weights, file) for file in wanted]
        came = {remote: size_of(partial / remote.digest) for remote in remotes}
        total = sum(remote.size for remote in remotes)
        transfer.progress = replace(transfer.progress, total=total, done=sum(came.values()))
        partial.mkdir(parents=True, exist_ok=True)
        require_space(self._folder, total - sum(came.values()), weights.repository)
        for remote in remotes:
            transfer.fetch(remote, partial / remote.digest)
        for remote in remotes:
            (target / remote.file).parent.mkdir(parents=True, exist_ok=True)
            (partial / remote.digest).replace(target / remote.file)
        with suppress(OSError):  # not empty: something else for this folder is under way
            partial.rmdir()

    def _describe(self, weights: Weights, file: str) -> RemoteFile:
        hub: Any = import_module("huggingface_hub")  # takes a third of a second

        def url(revision: str) -> str:
            return hub.hf_hub_url(
                weights.repository, file, revision=revision, endpoint=self._endpoint
            )

        told = hub.get_hf_file_metadata(url(weights.revision), endpoint=self._endpoint)
        # The digest becomes a file name: from the network, so only if it is one.
        if not told.commit_hash or told.size is None or not is_digest(told.etag):
            raise DownloadFailed(
                f"{file} of {weights.repository} was not downloaded: the server does not say its "
                "size and its hash, as the Hugging Face hub does."
            )
        # By the commit's own name, so that all requests are about the same file.
        return RemoteFile(file=file, url=url(told.commit_hash), size=told.size, digest=told.etag)
