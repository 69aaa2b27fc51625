"""The cards of extra networks, which are checkpoints, LoRAs and embeddings: found and sorted."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.folders import PLACES, Kind
from pipelines.catalog.network_headers import SD1, SD2, SDXL
from pipelines.catalog.networks import FolderNetworks, NetworkFile, natural
from pipelines.catalog.scan import FolderCatalog

_BASES: Mapping[ModelFamily, str] = {
    ModelFamily.sd1: SD1,
    ModelFamily.sd2: SD2,
    ModelFamily.sdxl: SDXL,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """One thing to choose.

    `key` finds it again in its catalogue; `folder` is "" or a path with "/" between its parts.
    Times are in seconds since 1970, 0 where the file cannot be looked at. `alias`, `base` and
    `refused` are as a NetworkFile has them; `others` are files of the same name that do not count.
    """

    kind: Kind
    key: str
    name: str
    path: Path
    folder: str
    alias: str = ""
    base: str = ""
    created: float = 0.0
    modified: float = 0.0
    refused: str = ""
    others: tuple[str, ...] = ()

    @property
    def searched(self) -> str:
        """What a search looks through, in lower case."""
        return f"{self.folder}/{self.path.name}\n{self.name}\n{self.alias}".casefold()


class Order(Enum):
    """What cards are sorted by; values are A1111's labels."""

    by_path = "Path"
    by_name = "Name"
    created = "Date Created"
    modified = "Date Modified"


SORT_KEYS: Mapping[Order, Callable[[Card], Any]] = {
    Order.by_path: lambda card: (natural(card.folder), natural(card.name)),
    Order.by_name: lambda card: natural(card.name),
    Order.created: lambda card: card.created,
    Order.modified: lambda card: card.modified,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """Which cards are wanted: every word of `search` occurs, and they lie in or below `folder`."""

    search: str = ""
    folder: str = ""
    order: Order = Order.by_path
    descending: bool = False


def select(cards: Sequence[Card], wanted: Selection) -> list[Card]:
    """The cards that are wanted, in their order."""
    words = wanted.search.casefold().split()
    below = f"{wanted.folder}/" if wanted.folder else ""
    found = [
        card
        for card in cards
        if f"{card.folder}/".startswith(below) and all(word in card.searched for word in words)
    ]
    return sorted(found, key=SORT_KEYS[wanted.order], reverse=wanted.descending)


def folders_of(cards: Sequence[Card]) -> list[tuple[str, int]]:
    """All folders that hold cards, and those above them, with the number of cards below each."""
    counts: Counter[str] = Counter()
    for card in cards:
        parts = card.folder.split("/") if card.folder else []
        counts.update("/".join(parts[: depth + 1]) for depth in range(len(parts)))
    return sorted(counts.items(), key=lambda item: natural(item[0]))


def cards_of_networks(networks: FolderNetworks) -> list[Card]:
    """A card for each LoRA or embedding."""
    return [card_of_network(file, networks.doubles(file.name)) for file in networks.files()]


def card_of_network(file: NetworkFile, others: tuple[str, ...] = ()) -> Card:
    """The card of one LoRA or embedding."""
    return Card(
        kind=file.kind,
        key=file.name,
        name=file.name,
        path=file.path,
        folder=_folder_of(file.relative),
        alias=file.alias,
        base=file.base,
        created=file.created,
        modified=file.modified,
        refused=file.refused,
        others=others,
    )


def cards_of_checkpoints(catalog: FolderCatalog) -> list[Card]:
    """A card for each checkpoint."""
    return [_card_of_checkpoint(checkpoint) for checkpoint in catalog.checkpoints()]


def _card_of_checkpoint(checkpoint: Checkpoint) -> Card:
    try:
        status = checkpoint.path.stat()
        created, modified = status.st_ctime, status.st_mtime
    except OSError:
        created = modified = 0.0
    return Card(
        kind=Kind.checkpoint,
        key=checkpoint.title,
        name=checkpoint.stem,
        path=checkpoint.path,
        folder=_folder_of(checkpoint.name),
        base=_BASES.get(checkpoint.family, ""),
        created=created,
        modified=modified,
    )


def _folder_of(relative: str) -> str:
    return relative.rpartition("/")[0]


def stem_path(card: Card) -> Path:
    """The path that files beside a card's begin with: its own without the extension."""
    is_file_name = card.path.suffix.lower() in PLACES[card.kind].extensions
    return card.path.with_suffix("") if is_file_name else card.path
