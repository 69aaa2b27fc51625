"""Checkpoints: what they are called, where they lie, what they were made for."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from pipelines.catalog.families import ModelFamily
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size

IMG2IMG_CHANNELS = 4
"""Channels that a UNet for plain img2img takes: those of the latents, and nothing more."""

INPAINTING_CHANNELS = 9
"""Of a UNet for inpainting: latents, a mask, and the latents of what the mask leaves."""

EDITING_CHANNELS = 8
"""Of a UNet that edits by instruction (InstructPix2Pix): latents, and those of the picture."""

USABLE_CHANNELS = (IMG2IMG_CHANNELS, EDITING_CHANNELS, INPAINTING_CHANNELS)

MADE_FOR: Mapping[int, str] = {
    5: "depth-to-image",  # latents and a depth map
    EDITING_CHANNELS: "editing by instruction",
    7: "upscaling",  # latents and a small picture
    INPAINTING_CHANNELS: "inpainting",
}
"""What checkpoints with more input channels were trained for."""


class Layout(Enum):
    """How a checkpoint lies on disk."""

    folder = "diffusers folder"
    file = "single file"


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """One model that can be chosen.

    `name` is its path below the checkpoint folder without extension; `title` is A1111's
    "name [10 hex digits]"; `short_hash` those digits of a SHA-256, "" while a large model's hash
    is still being computed. `default_size` is the picture size the model was trained for, in
    pixels, `input_channels` what its UNet takes, and `family` says which control models fit it, all
    read from its own config. `built_in` tells the models that come with the program.
    """

    name: str
    path: Path
    layout: Layout
    short_hash: str
    default_size: Size
    input_channels: int = IMG2IMG_CHANNELS
    family: ModelFamily = ModelFamily.unknown
    built_in: bool = False

    @property
    def title(self) -> str:
        """What the dropdown shows."""
        return f"{self.name} [{self.short_hash}]" if self.short_hash else self.name

    @property
    def edits(self) -> bool:
        """Whether it edits by instruction (InstructPix2Pix)."""
        return self.input_channels == EDITING_CHANNELS

    @property
    def stem(self) -> str:
        """The name without the folders it lies in, as A1111 writes it into the infotext."""
        return self.name.rsplit("/", 1)[-1]


AUTOMATIC_VAE, OWN_VAE = "Automatic", "None"
"""A1111's answers to which VAE, beside a file: what goes with the checkpoint, or its own."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeFile:
    """A VAE in a file of its own; `name` is the file's, as A1111 has it.

    `short_hash` are 10 digits of its SHA-256, "" while that is still being computed.
    """

    name: str
    path: Path
    short_hash: str = ""


def check_for_img2img(checkpoint: Checkpoint) -> None:
    """ModelBroken if the checkpoint's UNet takes what no job of this program could give it."""
    channels = checkpoint.input_channels
    if channels not in USABLE_CHANNELS:
        raise ModelBroken(
            f"Checkpoint {checkpoint.name!r} is made for {MADE_FOR.get(channels, 'another task')} "
            f"(its UNet takes {channels} channels); img2img needs a checkpoint whose UNet takes "
            f"{IMG2IMG_CHANNELS}, {INPAINTING_CHANNELS} for inpainting, or "
            f"{EDITING_CHANNELS} for editing by instruction."
        )


class Catalog(Protocol):
    """Where checkpoints are looked up by the plan."""

    def find(self, name: str) -> Checkpoint:
        """The checkpoint with this title, name or hash; the first one for an empty name.

        Raises ModelNotFound, listing what there is, or ModelBroken, saying what is wrong with it.
        """
        ...

    def find_vae(self, name: str) -> VaeFile:
        """The VAE in the file of this name; raises as `find`."""
        ...

    def choose_vae(
        self, checkpoint: Checkpoint, setting: str, *, overrides: bool
    ) -> VaeFile | None:
        """What A1111's setting `sd_vae` means for this checkpoint; None is the checkpoint's own.

        `overrides`: whether it comes before what the checkpoint prefers. Raises as `find`.
        """
        ...
