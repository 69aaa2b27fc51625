"""Where A1111 keeps which kind of model, as a table: kind, sub-folders, file extensions."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from fnmatch import fnmatch
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
    preprocessor = "preprocessor"


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Sub-folders of a models folder, searched with everything below them, and what counts.

    A file counts by its extension. A folder is one model, in diffusers' layout, if for each pattern
    of `folder_files` a file in it matches; where there are no patterns, no folder is.
    """

    folders: tuple[str, ...]
    extensions: tuple[str, ...]  # lower case, with the dot
    folder_files: tuple[str, ...] = ()

    def is_model_folder(self, names: Collection[str]) -> bool:
        """Whether a folder that holds files of these names is one model."""
        return bool(self.folder_files) and all(
            any(fnmatch(name, pattern) for name in names) for pattern in self.folder_files
        )


PIPELINE_INDEX = "model_index.json"
"""The file that makes a folder a whole pipeline, whose parts are no models of their own."""


PLACES: Mapping[Kind, Place] = {
    Kind.checkpoint: Place(
        folders=("Stable-diffusion",),
        extensions=(".ckpt", ".safetensors"),
        folder_files=(PIPELINE_INDEX,),
    ),
    Kind.vae: Place(folders=("VAE",), extensions=(".ckpt", ".pt", ".safetensors")),
    Kind.lora: Place(folders=("Lora", "LyCORIS"), extensions=(".ckpt", ".pt", ".safetensors")),
    # A1111 keeps these beside its models folder rather than in it; both places are looked at.
    # Pictures count if they carry an embedding: see `pipelines.catalog.networks`.
    Kind.embedding: Place(
        folders=("embeddings", "../embeddings"), extensions=(".bin", ".png", ".pt", ".safetensors")
    ),
    Kind.controlnet: Place(
        folders=("ControlNet",),
        extensions=(".bin", ".ckpt", ".pt", ".pth", ".safetensors"),
        folder_files=("config.json", "diffusion_pytorch_model*.safetensors"),
    ),
    Kind.upscaler: Place(
        folders=("ESRGAN", "RealESRGAN", "DAT", "HAT", "SwinIR", "ScuNET"),
        extensions=(".pt", ".pth", ".safetensors"),
    ),
    Kind.preview_decoder: Place(
        folders=("VAE-approx", "VAE-taesd"), extensions=(".pt", ".pth", ".safetensors")
    ),
    # Not listed as models, but looked for by name: see `pipelines.catalog.weights`.
    Kind.preprocessor: Place(
        folders=("ControlNetPreprocessor",),
        extensions=(".bin", ".onnx", ".pt", ".pth", ".safetensors"),
    ),
}

PICKLES = frozenset({".bin", ".ckpt", ".pt", ".pth"})
"""Extensions of Python pickles, which can run code when they are opened."""


BUILT_IN = ("demo", "demo-inpainting")
"""Names of the checkpoints that come with the program."""


def built_in_checkpoints(own_models: Path) -> frozenset[Path]:
    """Where those lie below the program's own models folder, links resolved."""
    folder = own_models.resolve() / PLACES[Kind.checkpoint].folders[0]
    return frozenset(folder / name for name in BUILT_IN)


def folders_for(
    kind: Kind, models_dirs: Iterable[Path], *, extra: Path | None = None
) -> tuple[Path, ...]:
    """Folders to search for `kind`, first wins: `extra` (such as --ckpt-dir), then each models_dir.

    Give the user's --models-dir before the program's own `models`, which is always searched too so
    that the built-in demo model stays. Folders need not exist; each is named once.
    """
    below = [directory / folder for directory in models_dirs for folder in PLACES[kind].folders]
    return tuple(dict.fromkeys([extra, *below] if extra else below))
