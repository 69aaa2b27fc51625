"""Extra networks as the page asks for them: cards, what is told of one, names to complete."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pipelines.catalog.cards import (
    Card,
    Selection,
    card_of_network,
    cards_of_checkpoints,
    cards_of_networks,
    folders_of,
    select,
    stem_path,
)
from pipelines.catalog.folders import Kind
from pipelines.catalog.headers import read_header
from pipelines.catalog.networks import NetworkFile
from pipelines.catalog.side_files import Notes, find_preview, read_notes
from pipelines.catalog.thumbnails import Thumbnails
from pipelines.catalog.training import frequent_tags, training_facts
from pipelines.errors import ModelBroken
from pipelines.settings import Settings
from ui.context import Context

PAGES: Mapping[str, Kind] = {
    "textual_inversion": Kind.embedding,
    "checkpoints": Kind.checkpoint,
    "lora": Kind.lora,
}
"""A1111's names of the pages of cards, in its order."""

BY_ALIAS = "Alias from file"
SHORT_DESCRIPTION = 200  # characters on a card
_NO_TAG = ("<", ">")
"""Characters that the name in a tag such as <lora:name:1> cannot hold."""
_MOST_COLONS = 3  # that it can


class NetworkCards:
    """Answers about the catalogues of `context`; nothing but a card's key finds a file.

    With `follow_links` a preview picture may be a symbolic link.
    """

    def __init__(self, context: Context, *, follow_links: bool) -> None:
        self._context = context
        self._follow_links = follow_links
        self._thumbnails = Thumbnails(context.data_dir / "cache" / "previews")
        self._networks = {Kind.lora: context.loras, Kind.embedding: context.embeddings}

    def page(self, kind: Kind, wanted: Selection, start: int, count: int) -> dict[str, Any]:
        """Cards `start` to `start + count` of those wanted, how many there are, and all folders."""
        cards = self._cards(kind)
        found = select(cards, wanted)
        return {
            "total": len(cards),
            "found": len(found),
            "folders": folders_of(cards),
            "cards": [self._describe(card) for card in found[start : start + count]],
        }

    def details(self, kind: Kind, key: str) -> dict[str, Any] | None:
        """What is told of one network in the window on it; None if there is none of this key."""
        card = self.find(kind, key)
        if card is None:
            return None
        facts, tags = _training(card.path)
        return {
            **self._describe(card),
            **asdict(read_notes(stem_path(card))),
            "file": card.path.name,
            "bytes": _size(card.path),
            "modified": card.modified,
            "others": card.others,
            "facts": facts,
            "tags": tags,
        }

    def thumbnail(self, kind: Kind, key: str) -> bytes | None:
        """A JPEG of the preview; None if there is none. InvalidPicture or OSError if it is bad."""
        card = self.find(kind, key)
        preview = self._preview(card) if card else None
        return self._thumbnails.make(preview) if preview else None

    def refresh(self, kind: Kind) -> None:
        """Look for files again."""
        networks = self._networks.get(kind)
        (networks or self._context.catalog).refresh()

    def names(self) -> dict[str, Any]:
        """What prompts may name; of a LoRA what tags call it, and its other name or ""."""
        loras = self._context.loras
        pairs: list[tuple[str, str]] = []
        for file in loras.files():
            name = self._tag_name(file)
            if name:
                other = file.alias if name == file.name else file.name
                is_further = other != name and loras.find(other) is file
                pairs.append((name, other if is_further else ""))
        return {
            "loras": pairs,
            "embeddings": [file.name for file in self._context.embeddings.files()],
            "wildcards": self._context.wildcards.names(),
            "multiplier": f"{self._settings.extra_networks_default_multiplier:g}",
        }

    def find(self, kind: Kind, key: str) -> Card | None:
        """The card of this key."""
        networks = self._networks.get(kind)
        if networks is not None:
            file = networks.find(key)
            return (
                card_of_network(file, networks.doubles(key)) if file and file.name == key else None
            )
        return next((card for card in self._cards(kind) if card.key == key), None)

    @property
    def _settings(self) -> Settings:
        return self._context.settings.current

    def _cards(self, kind: Kind) -> list[Card]:
        networks = self._networks.get(kind)
        if networks is not None:
            return cards_of_networks(networks)
        return cards_of_checkpoints(self._context.catalog)

    def _describe(self, card: Card) -> dict[str, Any]:
        notes = read_notes(stem_path(card))
        preview = self._preview(card)
        shown = notes.description if self._settings.extra_networks_card_show_desc else ""
        insert = INSERTS[card.kind](self, card, notes)
        return {
            "key": card.key,
            "name": card.name,
            "folder": card.folder,
            "base": notes.base or card.base,
            "short": shown[:SHORT_DESCRIPTION],
            "preview": _version(preview) if preview else "",
            "warning": _warning(card, insert),
            "insert": insert,
        }

    def _preview(self, card: Card) -> Path | None:
        """The picture beside a card's file; a diffusers folder may hold its own example."""
        stem = stem_path(card)
        preview = find_preview(stem)
        if preview is None and card.path.suffix.lower() == ".png":
            preview = card.path
        if preview is None and card.path.is_dir():
            preview = find_preview(card.path / "example")
        if preview is None or (preview.is_symlink() and not self._follow_links):
            return None
        return preview

    def _insert_lora(self, card: Card, notes: Notes) -> dict[str, str] | None:
        file = self._context.loras.find(card.key)
        name = self._tag_name(file) if file else None
        if name is None:
            return None
        weight = notes.weight or self._settings.extra_networks_default_multiplier
        return {
            "text": f"<lora:{name}:{weight:g}>",
            "more": notes.activation,
            "negative": f"({notes.negative}:1)" if notes.negative else "",
            "separator": self._settings.extra_networks_add_text_separator,
        }

    def _insert_embedding(self, card: Card, _notes: Notes) -> dict[str, str]:
        separator = self._settings.extra_networks_add_text_separator
        return {"text": card.name, "more": "", "negative": "", "separator": separator}

    def _insert_checkpoint(self, card: Card, _notes: Notes) -> dict[str, str]:
        return {"checkpoint": card.key}

    def _tag_name(self, file: NetworkFile) -> str | None:
        """What a tag calls a LoRA: the preferred name, or the other; None if neither can."""
        names = [file.name, file.alias]
        if self._settings.lora_preferred_name == BY_ALIAS:
            names.reverse()
        return next((name for name in names if name and self._can_tag(name, file)), None)

    def _can_tag(self, name: str, file: NetworkFile) -> bool:
        """Whether a tag with this name is read as this file: a shorter name goes first."""
        parts = name.split(":")
        shorter = (":".join(parts[:count]) for count in range(1, len(parts)))
        loras = self._context.loras
        return (
            not any(mark in name for mark in _NO_TAG)
            and len(parts) <= _MOST_COLONS + 1
            and loras.find(name) is file
            and not any(loras.find(part) for part in shorter)
        )


INSERTS: Mapping[Kind, Callable[[NetworkCards, Card, Notes], dict[str, str] | None]] = {
    Kind.lora: NetworkCards._insert_lora,  # pyright: ignore[reportPrivateUsage] its own table
    Kind.embedding: NetworkCards._insert_embedding,  # pyright: ignore[reportPrivateUsage]
    Kind.checkpoint: NetworkCards._insert_checkpoint,  # pyright: ignore[reportPrivateUsage]
}
"""What a click on a card puts into the prompts, or chooses; None if it can do neither."""


def _warning(card: Card, insert: Mapping[str, str] | None) -> str:
    """One sentence on what a person should know before using this; "" for nothing."""
    if card.refused:
        return card.refused
    if insert is None:
        return "No prompt can name this file, for the < > or : in its name; rename it."
    if card.others:
        return f"Files of the same name are passed over: {', '.join(card.others)}."
    return ""


def _version(picture: Path) -> str:
    """Changes when the picture does, so that browsers may keep what they have."""
    try:
        return f"{picture.stat().st_mtime_ns:x}"
    except OSError:
        return ""


def _size(path: Path) -> int:
    """Bytes of a file; 0 for a folder, and for what cannot be looked at."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


def _training(path: Path) -> tuple[list[tuple[str, str]], list[tuple[str, int]]]:
    if path.suffix.lower() != ".safetensors":
        return [], []
    try:
        header = read_header(path)
    except ModelBroken:
        return [], []
    return training_facts(header), frequent_tags(header)
