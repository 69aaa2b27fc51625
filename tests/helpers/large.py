"""Tiny models of SDXL's kind on disk, as diffusers folders, for whole jobs over them."""

from pathlib import Path

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from tests.helpers.ldm import family_components, save_folder


def save_large(
    folder: Path,
    family: ModelFamily = ModelFamily.sdxl,
    *,
    in_channels: int = 4,
    prediction: str = "epsilon",
) -> Checkpoint:
    """A diffusers folder of this family; the checkpoint that it is."""
    parts = family_components(family, in_channels=in_channels, prediction=prediction)
    return save_folder(folder, parts)
