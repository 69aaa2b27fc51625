"""What is to be downloaded, settled to the last byte: a commit, files with their hashes, a name."""

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, cast

from pipelines.catalog.folders import PLACES, Kind
from pipelines.errors import InvalidRequest
from pipelines.hub.client import Repository, StoredFile
from pipelines.hub.entries import Entry, Group
from pipelines.hub.names import is_commit, is_plain_path, is_repository, is_safe_name
from pipelines.hub.transfer import is_digest

DOWNLOADABLE = (
    Kind.checkpoint,
    Kind.lora,
    Kind.vae,
    Kind.embedding,
    Kind.controlnet,
    Kind.upscaler,
)
"""Kinds that can be chosen, in menu order."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """One download. Made by `make_order`, or read back by `read_order`; checked in both cases.

    `target` is the name in the kind's folder: of the file, or with `is_folder` of the folder below
    which `files` keep their paths.
    """

    repository: str
    commit: str
    kind: Kind
    target: str
    is_folder: bool
    files: tuple[StoredFile, ...]

    def __post_init__(self) -> None:
        """InvalidRequest if anything could lead a file to where it does not belong."""
        sound = (
            is_repository(self.repository)
            and is_commit(self.commit)
            and self.kind in DOWNLOADABLE
            and is_safe_name(self.target)
            and (self.is_folder or len(self.files) == 1)
            and all(is_plain_path(file.path) and is_digest(file.digest) for file in self.files)
            and max(Counter(file.path.casefold() for file in self.files).values(), default=0) == 1
        )
        if not sound:
            raise InvalidRequest(f"{self.target[:200]!r} of {self.repository[:200]} is refused.")

    @property
    def id(self) -> str:
        """16 hex digits that stand for the order in addresses."""
        return hashlib.sha256(json.dumps(record_of(self)).encode()).hexdigest()[:16]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def make_order(repository: Repository, entry: Entry, kind: Kind) -> Order:
    """The order for an entry as a model of this kind; InvalidRequest says why there can be none."""
    if entry.refusal:
        raise InvalidRequest(entry.refusal)
    is_folder = entry.group is Group.folder
    if is_folder and kind is not Kind.checkpoint:
        raise InvalidRequest(f"{repository.name} is a whole checkpoint, and no {kind.value}.")
    allowed = PLACES[kind].extensions
    if not is_folder and PurePosixPath(entry.target).suffix.lower() not in allowed:
        raise InvalidRequest(
            f"{entry.target} is no {kind.value}; such a file ends in {', '.join(allowed)}."
        )
    return Order(
        repository=repository.name,
        commit=repository.commit,
        kind=kind,
        target=entry.target,
        is_folder=is_folder,
        files=entry.files,
    )


def record_of(order: Order) -> dict[str, Any]:
    """The order as JSON values."""
    return {
        "repository": order.repository,
        "commit": order.commit,
        "kind": order.kind.value,
        "target": order.target,
        "is_folder": order.is_folder,
        "files": [[file.path, file.size, file.digest] for file in order.files],
    }


def read_order(record: object) -> Order:
    """What `record_of` gave; InvalidRequest for anything else."""
    told = cast("dict[str, Any]", record) if isinstance(record, dict) else {}
    try:
        return Order(
            repository=str(told["repository"]),
            commit=str(told["commit"]),
            kind=Kind(told["kind"]),
            target=str(told["target"]),
            is_folder=bool(told["is_folder"]),
            files=tuple(
                StoredFile(path=str(path), size=int(size), digest=str(digest))
                for path, size, digest in told["files"]
            ),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidRequest("An entry in the list of downloads cannot be read.") from error
