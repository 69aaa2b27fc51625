"""Checkpoints: what they are called, where they lie, what size they like."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from pipelines.imaging.geometry import Size


class Layout(Enum):
    """How a checkpoint lies on disk."""

    folder = "diffusers folder"
    file = "single safetensors file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """One model that can be chosen.

    `name` is its path below the checkpoint folder without extension; `title` is A1111's
    "name [10 hex digits]"; `short_hash` those digits of a SHA-256, "" while a large model's hash
    is still being computed. `default_size` is the picture size the model was trained for, in
    pixels, read from its own config.
    """

    name: str
    path: Path
    layout: Layout
    short_hash: str
    default_size: Size

    @property
    def title(self) -> str:
        """What the dropdown shows."""
        return f"{self.name} [{self.short_hash}]" if self.short_hash else self.name

    @property
    def stem(self) -> str:
        """The name without the folders it lies in, as A1111 writes it into the infotext."""
        return self.name.rsplit("/", 1)[-1]


class Catalog(Protocol):
    """Where checkpoints are looked up by the plan."""

    def find(self, name: str) -> Checkpoint:
        """The checkpoint with this title, name or hash; the first one for an empty name.

        Raises ModelNotFound, listing what there is, or ModelBroken, saying what is wrong with it.
        """
        ...
