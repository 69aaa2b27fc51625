"""Control models of a few channels, with the tiny model's structure, made offline in a moment."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from diffusers.models.controlnets.controlnet import ControlNetModel
from PIL import Image

from pipelines.catalog.checkpoints import Layout
from pipelines.catalog.models import ModelFile
from pipelines.control.planned import PlannedUnit, PreparedUnit
from pipelines.control.units import ControlUnit
from pipelines.plugins import Detected, Given, Hook, Preprocessor
from tests.helpers.tiny import WIDTH

STRUCTURE: dict[str, Any] = {
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"),
    "cross_attention_dim": WIDTH,
    "attention_head_dim": 2,
    "norm_num_groups": 4,
    "conditioning_embedding_out_channels": (4, 8, 8, 8),
}
"""Of the tiny model's UNet, and of a branch for the map."""


def randomised(network: Any, seed: int) -> Any:
    """A network all of whose weights are random, those that begin at zero, too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in network.parameters():
            # Small enough that what comes out is of the size of what goes in.
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.2)
    return network.eval()


def tiny_controlnet(*, seed: int = 1, **changes: Any) -> Any:
    """A ControlNet for the tiny model; `changes` go to its configuration."""
    return randomised(cast(Any, ControlNetModel)(**{**STRUCTURE, **changes}), seed)


def save_controlnet(folder: Path, *, seed: int = 1, **changes: Any) -> ModelFile:
    """The same as a diffusers folder."""
    tiny_controlnet(seed=seed, **changes).save_pretrained(folder)
    return ModelFile(name=folder.name, path=folder, layout=Layout.folder)


def preprocessor(hook: Hook = Hook.none, **changes: Any) -> Preprocessor:
    """One that does nothing but for its hook."""

    def run(given: Given) -> Detected:
        return Detected(pixels=given.picture.copy())

    return Preprocessor(
        **{"key": hook.value, "label": hook.value, "run": run, "hook": hook, **changes}
    )


def planned_unit(
    model: ModelFile | None, *, hook: Hook = Hook.none, a: float = 0.5, b: float = 0.5, **unit: Any
) -> PlannedUnit:
    """A unit with this model; `unit` are fields of ControlUnit."""
    return PlannedUnit(
        unit=ControlUnit(**{"index": 0, **unit}),
        preprocessor=preprocessor(hook),
        model=model,
        model_title=model.name if model else "None",
        resolution=None,
        a=a,
        b=b,
    )


def prepared_unit(planned: PlannedUnit, picture: Image.Image, **parts: Any) -> PreparedUnit:
    """A unit whose map is `picture`; `parts` are fields of PreparedUnit."""
    return PreparedUnit(
        **{
            "planned": planned,
            "pixels": np.asarray(picture, np.float32) / 255,
            "pictures": (picture,),
            "detected": picture,
            **parts,
        }
    )
