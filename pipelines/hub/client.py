"""What is on the Hugging Face hub: searching, looking into a repository, reading a header.

huggingface_hub gives addresses, token, offline mode and errors; the answers are read here, bounded
in size and time, and nothing in them is believed before it was looked at.
"""

import json
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, cast
from urllib.parse import quote, urlsplit

from pipelines.errors import DownloadFailed
from pipelines.hub.names import is_commit, is_plain_path, is_repository
from pipelines.hub.query import HOSTS
from pipelines.hub.transfer import RemoteFile, explain, is_digest, limits

FOUND = 30
"""Repositories that a search lists."""

ANSWER_BYTES, ANSWER_SECONDS = 32 << 20, 30.0
"""The longest answer that is read, and for how long."""

HEADER_BYTES = 16 << 20
"""The largest safetensors header that is read from afar; real ones have less than 1 MB."""

HEADER_GUESS = 256 << 10
"""Bytes that are asked for at first, which most headers fit into."""

LARGEST_IN_GIT = 10 << 20
"""Bytes of a file that the hub keeps in git; larger ones are kept apart, under their sha256."""

LONGEST_TEXT = 100
"""Characters of a licence or tag that are shown."""

_LICENCE_TAG = "license:"


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A repository that a search found.

    `licence` is "" where none is told; `updated` the day of the last change as "2024-05-31", or "".
    """

    name: str
    downloads: int
    licence: str
    gated: bool
    updated: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredFile:
    """A file of a repository.

    `path` consists of safe names. `size` is in bytes; `digest` its sha256 or git's sha1 of it, in
    hex, "" where the hub does not tell.
    """

    path: str
    size: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Repository:
    """A repository at one commit, with the files whose names are no danger."""

    name: str
    commit: str
    licence: str
    gated: bool
    tags: tuple[str, ...]
    files: tuple[StoredFile, ...]


class Hub:
    """The hub at `endpoint`; None for the one that huggingface_hub knows, which HF_ENDPOINT sets.

    Every method raises DownloadFailed with a sentence for the user. Nothing is asked before one is
    called.
    """

    def __init__(self, *, endpoint: str | None = None) -> None:
        self._endpoint = endpoint
        self._at_commit = lru_cache(maxsize=32)(self._ask_for_repository)

    @property
    def endpoint(self) -> str:
        """The hub's address, without a slash at the end."""
        if self._endpoint is not None:
            return self._endpoint
        constants: Any = import_module("huggingface_hub.constants")
        return constants.ENDPOINT

    @property
    def hosts(self) -> tuple[str, ...]:
        """Names by which links lead to it."""
        return (*HOSTS, urlsplit(self.endpoint).netloc.lower())

    def search(self, words: str) -> tuple[Found, ...]:
        """Repositories whose name contains these words, the most downloaded first."""
        answer = self._json(
            "/api/models",
            words,
            {
                "search": words,
                "limit": FOUND,
                "sort": "downloads",
                "expand": ["downloads", "gated", "lastModified", "tags"],
            },
        )
        listed = cast("list[object]", answer) if isinstance(answer, list) else []
        found = (_found(entry) for entry in listed[:FOUND])
        return tuple(entry for entry in found if entry is not None)

    def repository(self, name: str, revision: str = "") -> Repository:
        """What is in a repository; `revision` is a branch, tag or commit, "" for the newest.

        What was read of a commit is kept, since a commit never changes.
        """
        if not is_repository(name):
            raise DownloadFailed(f"{name[:200]!r} is no name of a repository, such as owner/name.")
        if is_commit(revision):
            return self._at_commit(name, revision)
        return self._ask_for_repository(name, revision)

    def remote(self, repository: str, commit: str, file: StoredFile) -> RemoteFile:
        """Where `file` of a repository at a commit is fetched from."""
        hub: Any = import_module("huggingface_hub")
        url = hub.hf_hub_url(repository, file.path, revision=commit, endpoint=self.endpoint)
        return RemoteFile(file=file.path, url=url, size=file.size, digest=file.digest)

    def header(self, repository: Repository, file: StoredFile) -> Mapping[str, Any]:
        """The header of a safetensors file: tensor names to dtype, shape and data offsets."""
        remote = self.remote(repository.name, repository.commit, file)
        begin = self._part(remote, repository.name, min(HEADER_GUESS, file.size))
        length = 8 + int.from_bytes(begin[:8], "little")
        if length > min(HEADER_BYTES, file.size):
            raise DownloadFailed(f"{file.path} is no safetensors file that could be read.")
        if length > len(begin):
            begin = self._part(remote, repository.name, length)
        header = _parse(begin[8:length], repository.name)
        told = cast("dict[str, object]", header) if isinstance(header, dict) else {}
        if not told or not all(isinstance(tensor, dict) for tensor in told.values()):
            raise DownloadFailed(f"{file.path} has a damaged safetensors header.")
        return told

    def _ask_for_repository(self, name: str, revision: str) -> Repository:
        rest = f"/revision/{quote(revision, safe='')}" if revision else ""
        answer = self._json(f"/api/models/{name}{rest}", name, {"blobs": True})
        told = cast("dict[str, Any]", answer) if isinstance(answer, dict) else {}
        if not is_commit(told.get("sha")):
            raise _strange(name)
        tags = _texts(told.get("tags"))
        siblings: object = told.get("siblings")
        listed = cast("list[object]", siblings) if isinstance(siblings, list) else []
        files = (_stored_file(entry) for entry in listed)
        return Repository(
            name=name,
            commit=told["sha"],
            licence=_licence(tags),
            gated=bool(told.get("gated")),
            tags=tags,
            files=tuple(file for file in files if file is not None),
        )

    def _json(self, path: str, name: str, params: Mapping[str, Any]) -> object:
        with self._asking(f"{self.endpoint}{path}", name, params=params) as response:
            body = _read(response, ANSWER_BYTES, name)
            if len(body) > ANSWER_BYTES:
                raise DownloadFailed(f"The hub's answer about {name} is too long to be read.")
        return _parse(body, name)

    def _part(self, remote: RemoteFile, name: str, count: int) -> bytes:
        """The first `count` bytes of a file, also from a server that would send all of it."""
        wanted = {"Range": f"bytes=0-{count - 1}", "Accept-Encoding": "identity"}
        with self._asking(remote.url, name, headers=wanted) as response:
            body = _read(response, count, name)
        if len(body) < count:
            raise DownloadFailed(f"{remote.file} did not come whole; try again.")
        return body[:count]

    @contextmanager
    def _asking(
        self,
        url: str,
        name: str,
        *,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Generator[Any, None, None]:
        """The response to a GET, which is about `name`; every failure becomes a sentence."""
        hub: Any = import_module("huggingface_hub.utils")
        try:
            with hub.http_stream_backoff(
                "GET",
                url,
                params=params,
                headers=hub.build_hf_headers(headers=dict(headers or {})),
                follow_redirects=True,
                timeout=limits(),
                retry_on_exceptions=(),
                retry_on_status_codes=(),
            ) as response:
                hub.hf_raise_for_status(response)
                yield response
        # Whatever a server or a library does here, the user is to read one sentence.
        except Exception as error:
            raise DownloadFailed(_sentence(error, name)) from error


def _sentence(error: Exception, name: str) -> str:
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    match error:
        case OfflineModeIsEnabled():
            return "Hugging Face was not asked: HF_HUB_OFFLINE forbids it."
        case HfHubHTTPError():  # it was reached, and refused
            return explain(error, name)
        case httpx2.HTTPError():
            return "Hugging Face cannot be reached."
        case _:
            return explain(error, name)


def _read(response: Any, most: int, name: str) -> bytes:  # noqa: ANN401 httpx2.Response
    """The answer's content, cut off soon after `most` bytes."""
    until = time.monotonic() + ANSWER_SECONDS
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > most:
            break
        if time.monotonic() > until:
            raise DownloadFailed(f"The hub's answer about {name} takes too long; try again later.")
    return bytes(body)


def _parse(body: bytes, name: str) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _strange(name) from error


def _strange(name: str) -> DownloadFailed:
    return DownloadFailed(f"What came back about {name} is not an answer of the Hugging Face hub.")


def _found(entry: object) -> Found | None:
    told = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    name, updated = told.get("id"), told.get("lastModified")
    if not isinstance(name, str) or not is_repository(name):
        return None
    return Found(
        name=name,
        downloads=_count(told.get("downloads")) or 0,
        licence=_licence(_texts(told.get("tags"))),
        gated=bool(told.get("gated")),
        updated=updated[:10] if isinstance(updated, str) else "",
    )


def _stored_file(entry: object) -> StoredFile | None:
    """A file of which the name can be used; None else."""
    told = cast("dict[str, Any]", entry) if isinstance(entry, dict) else {}
    path, lfs = told.get("rfilename"), told.get("lfs")
    if not isinstance(path, str) or not is_plain_path(path):
        return None
    large = cast("dict[str, Any]", lfs) if isinstance(lfs, dict) else {}
    size = _count(large.get("size", told.get("size")))
    # Of what git does not keep itself, its hash is that of a pointer, not of the content.
    digest: object = large.get("sha256") or (told.get("blobId") if not _is_large(size) else None)
    known = size is not None and is_digest(digest)
    return StoredFile(path=path, size=size or 0, digest=str(digest) if known else "")


def _is_large(size: int | None) -> bool:
    return size is not None and size > LARGEST_IN_GIT


def _licence(tags: tuple[str, ...]) -> str:
    found = (tag.removeprefix(_LICENCE_TAG) for tag in tags if tag.startswith(_LICENCE_TAG))
    return next(found, "")


def _texts(value: object) -> tuple[str, ...]:
    listed = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(text[:LONGEST_TEXT] for text in listed if isinstance(text, str))


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return cast(int, value) if whole else None
