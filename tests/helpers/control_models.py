"""Control models of a few channels, with the tiny model's structure, made offline in a moment."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from diffusers.models.adapter import T2IAdapter
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
from PIL import Image
from safetensors.torch import save_file
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from pipelines.catalog.checkpoints import Layout
from pipelines.catalog.models import ModelFile
from pipelines.control.planned import PlannedUnit, PreparedUnit
from pipelines.control.units import ControlUnit
from pipelines.plugins import Detected, Given, Hook, Preprocessor
from tests.helpers.control_keys import ip_adapter, ip_adapter_plus
from tests.helpers.tiny import WIDTH, tiny_components

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


def tiny_union(*, types: int = 6, seed: int = 2, **changes: Any) -> Any:
    """A union model for the tiny model, for maps of so many types."""
    sizes = {"num_trans_channel": 8, "num_proj_channel": 8, "num_control_type": types}
    config = {**STRUCTURE, "addition_time_embed_dim": 8, **sizes, **changes}
    return randomised(cast(Any, ControlNetUnionModel)(**config), seed)


def save_controlnet(folder: Path, *, seed: int = 1, **changes: Any) -> ModelFile:
    """The same as a diffusers folder."""
    tiny_controlnet(seed=seed, **changes).save_pretrained(folder)
    return ModelFile(name=folder.name, path=folder, layout=Layout.folder)


def save_files(folder: Path) -> Path:
    """A models folder with a control model of every kind, and the IP-Adapters' image encoder."""
    nets = folder / "ControlNet"
    save_controlnet(nets / "controlnet")
    save_controlnet(nets / "shuffle", seed=5, global_pool_conditions=True)
    tiny_union().save_pretrained(nets / "union")
    adapter = cast(Any, T2IAdapter)(
        channels=[8, 16, 16], downscale_factor=16, adapter_type="full_adapter_xl"
    )
    randomised(adapter, 6)
    unet = tiny_components().unet
    files = {
        "t2i": adapter.state_dict(),
        "ip": ip_adapter(unet, width=8, texts=WIDTH),
        "plus": ip_adapter_plus(unet, width=16, texts=WIDTH),
    }
    for name, tensors in files.items():
        save_file(
            {key: tensor.clone() for key, tensor in tensors.items()}, nets / f"{name}.safetensors"
        )
    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        projection_dim=8,
        num_hidden_layers=3,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    encoder = randomised(CLIPVisionModelWithProjection(config), 7)
    encoder.save_pretrained(folder / "ControlNetPreprocessor" / "clip_vision" / "tiny")
    return folder


def preprocessor(hook: Hook = Hook.none, **changes: Any) -> Preprocessor:
    """One that does nothing but for its hook; its map has the mask as alpha if it takes one."""

    def run(given: Given) -> Detected:
        if given.mask is not None:
            return Detected(pixels=np.dstack([given.picture, given.mask]))
        return Detected(pixels=given.picture.copy())

    facts = {"key": hook.value, "label": hook.value, "run": run, "hook": hook, "resolution": None}
    return Preprocessor(**{**facts, **changes})


def planned_unit(
    model: ModelFile | None,
    *,
    hook: Hook = Hook.none,
    a: float = 0.5,
    b: float = 0.5,
    takes_mask: bool = False,
    **unit: Any,
) -> PlannedUnit:
    """A unit with this model; `unit` are fields of ControlUnit."""
    return PlannedUnit(
        unit=ControlUnit(**{"index": 0, **unit}),
        preprocessor=preprocessor(hook, takes_mask=takes_mask),
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
