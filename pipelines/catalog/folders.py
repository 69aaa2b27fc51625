"""Where A1111 keeps which kind of model, as a table: kind, sub-folders, file extensions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Kind(Enum):
    """What a model file is for; values are what people call them."""

    checkpoint = "checkpoint"
    vae = "VAE"
    lora = "LoRA"
    embedding = "textual inversion"
    controlnet = "ControlNet"
    upscaler = "upscaler"
    preview_decoder = "preview decoder"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Sub-folders of a models folder, searched with everything below them, and what counts."""

    folders: tuple[str, ...]
    extensions: tuple[str, ...]  # lower case, with the dot


PLACES: Mapping[Kind, Place] = {
    Kind.checkpoint: Place(folders=("Stable-diffusion",), extensions=(".ckpt", ".safetensors")),
    Kind.vae: Place(folders=("VAE",), extensions=(".ckpt", ".pt", ".safetensors")),
    Kind.lora: Place(folders=("Lora", "LyCORIS"), extensions=(".ckpt", ".pt", ".safetensors")),
    # A1111 keeps these beside its models folder rather than in it; both places are looked at.
    Kind.embedding: Place(
        folders=("embeddings", "../embeddings"), extensions=(".bin", ".pt", ".safetensors")
    ),
    Kind.controlnet: Place(
        folders=("ControlNet",), extensions=(".ckpt", ".pt", ".pth", ".safetensors")
    ),
    Kind.upscaler: Place(
        folders=("ESRGAN", "RealESRGAN", "DAT", "HAT", "SwinIR", "ScuNET"),
        extensions=(".pt", ".pth", ".safetensors"),
    ),
    Kind.preview_decoder: Place(
        folders=("VAE-approx", "VAE-taesd"), extensions=(".pt", ".pth", ".safetensors")
    ),
}

PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth"})
"""Extensions of Python pickles, which can run code when they are opened."""


def folders_for(
    kind: Kind, models_dirs: Iterable[Path], *, extra: Path | None = None
) -> tuple[Path, ...]:
    """Folders to search for `kind`, first wins: `extra` (such as --ckpt-dir), then each models_dir.

    Give the user's --models-dir before the program's own `models`, which is always searched too so
    that the built-in demo model stays. Folders need not exist; each is named once.
    """
    below = [directory / folder for directory in models_dirs for folder in PLACES[kind].folders]
    return tuple(dict.fromkeys([extra, *below] if extra else below))
