"""Checkpoints in single files, as published: tiny networks under their authors' own names.

The names are made by walking through diffusers' networks, independently of the conversion that is
tested with them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import torch
from accelerate import init_empty_weights
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.parts import Components
from pipelines.diffusion.tokenizer import TOKENS, clip_tokenizer
from pipelines.imaging.geometry import Size
from tests.helpers.tiny import tiny_components

Tensors = dict[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def family_components(
    family: ModelFamily, *, in_channels: int = 4, prediction: str = "epsilon"
) -> Components:
    """A tiny model of a family, with CLIP's whole vocabulary; in float32."""
    parts = tiny_components(in_channels=in_channels, prediction_type=prediction)
    is_sd2 = family is ModelFamily.sd2
    unet: Any = parts.unet
    config = parts.text_encoder.config.to_dict()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        if is_sd2:
            linear = {**unet.config, "use_linear_projection": True, "attention_head_dim": [2, 4]}
            unet = cast(Any, UNet2DConditionModel).from_config(linear).eval()
        config |= {
            "vocab_size": TOKENS,
            "hidden_act": "gelu" if is_sd2 else "quick_gelu",
            "bos_token_id": 0,
            "eos_token_id": 2,
            "pad_token_id": 1,
        }
        encoder = CLIPTextModel(CLIPTextConfig(**config)).eval()
        torch.nn.init.uniform_(encoder.final_layer_norm.bias, 0.2, 0.8)
    return replace(
        parts,
        unet=unet,
        text_encoder=cast(Any, encoder),
        tokenizer=clip_tokenizer(pads_with_zero=is_sd2),
    )


def config_of(parts: Components) -> Mapping[str, Any]:
    """What `stored_config` would say of a family whose published model were this one."""
    pads = parts.tokenizer.pad_token_id == 0
    return {
        "unet": dict(parts.unet.config),
        "vae": dict(parts.vae.config),
        "text_encoder": parts.text_encoder.config.to_dict(),
        "scheduler": {**parts.scheduler_config, "prediction_type": "epsilon"},
        "tokenizer": {"pads_with_zero": pads},
    }


def original_tensors(parts: Components, family: ModelFamily) -> Tensors:
    """Every tensor of a checkpoint of this family under its published name."""
    text = open_clip_tensors if family is ModelFamily.sd2 else clip_tensors
    return {
        **unet_tensors(parts.unet),
        **vae_tensors(parts.vae, prefix="first_stage_model."),
        **text(parts.text_encoder),
        "betas": torch.linspace(0.1, 0.2, 3),
    }


def published_tensors(config: Mapping[str, Any]) -> dict[str, torch.Size]:
    """The shapes of a Stable Diffusion 1 checkpoint of this configuration, by published name."""
    with init_empty_weights():
        unet = cast(Any, UNet2DConditionModel).from_config(config["unet"])
        vae = cast(Any, AutoencoderKL).from_config(config["vae"])
        encoder = CLIPTextModel(CLIPTextConfig(**config["text_encoder"]))
    tensors = {
        **unet_tensors(unet),
        **vae_tensors(vae, prefix="first_stage_model."),
        **clip_tensors(encoder),
    }
    return {name: tensor.shape for name, tensor in tensors.items()}


def write_checkpoint(
    path: Path,
    parts: Components,
    family: ModelFamily,
    *,
    dtype: torch.dtype = torch.float32,
    extra: Mapping[str, torch.Tensor] | None = None,
    metadata: dict[str, str] | None = None,
) -> Checkpoint:
    """A safetensors file of the model, with `extra` tensors; the checkpoint that it is."""
    tensors = original_tensors(parts, family)
    written = {name: tensor.to(dtype).contiguous() for name, tensor in tensors.items()}
    save_file({**written, **(extra or {})}, path, metadata)
    return checkpoint_at(path, family)


def save_folder(folder: Path, parts: Components) -> Checkpoint:
    """The same model as a diffusers folder."""
    make = cast(Any, StableDiffusionPipeline)
    pipeline = make(
        vae=parts.vae,
        unet=parts.unet,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        scheduler=DDIMScheduler.from_config(dict(parts.scheduler_config)),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    if parts.tokenizer.pad_token_id == 0:
        about = folder / "tokenizer" / "tokenizer_config.json"
        about.write_text(json.dumps({**json.loads(about.read_text()), "pad_token": "!"}))
    return replace(checkpoint_at(folder), layout=Layout.folder)


def checkpoint_at(path: Path, family: ModelFamily = ModelFamily.unknown) -> Checkpoint:
    """The checkpoint in this file as the catalogue lists it."""
    return Checkpoint(
        name=path.stem,
        path=path,
        layout=Layout.file,
        short_hash="0123456789",
        default_size=Size(64, 64),
        family=family,
    )


def unet_tensors(unet: Any) -> Tensors:
    """A UNet's tensors as its authors number them."""
    places = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "mid_block.attentions.0": "middle_block.1",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }
    resnets = {"mid_block.resnets.0": "middle_block.0", "mid_block.resnets.1": "middle_block.2"}
    number = 0
    for level, block in enumerate(unet.down_blocks):
        attends = len(getattr(block, "attentions", [])) > 0
        for layer in range(len(block.resnets)):
            number += 1
            resnets[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{number}.0"
            if attends:
                places[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{number}.1"
        if block.downsamplers is not None:
            number += 1
            places[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
    number = -1
    for level, block in enumerate(unet.up_blocks):
        attends = len(getattr(block, "attentions", [])) > 0
        for layer in range(len(block.resnets)):
            number += 1
            resnets[f"up_blocks.{level}.resnets.{layer}"] = f"output_blocks.{number}.0"
            if attends:
                places[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{number}.1"
        if block.upsamplers is not None:
            place = f"output_blocks.{number}.{1 + attends}.conv"
            places[f"up_blocks.{level}.upsamplers.0.conv"] = place
    for diffusers, original in resnets.items():
        places |= {f"{diffusers}.{name}": f"{original}.{part}" for name, part in _RESNET.items()}
    return {
        "model.diffusion_model." + _renamed(name, places): tensor
        for name, tensor in unet.state_dict().items()
    }


def vae_tensors(vae: Any, *, prefix: str = "") -> Tensors:
    """A VAE's tensors as its authors call them; attention is made of convolutions of one pixel."""
    places: dict[str, str] = {}
    levels = len(vae.config["block_out_channels"])
    for side in ("encoder", "decoder"):
        places[f"{side}.conv_norm_out"] = f"{side}.norm_out"
        for layer in (0, 1):
            places[f"{side}.mid_block.resnets.{layer}"] = f"{side}.mid.block_{layer + 1}"
        attention, own = f"{side}.mid_block.attentions.0", f"{side}.mid.attn_1"
        for name, part in (("group_norm", "norm"), ("to_out.0", "proj_out")):
            places[f"{attention}.{name}"] = f"{own}.{part}"
        for part in "qkv":
            places[f"{attention}.to_{part}"] = f"{own}.{part}"
    for level in range(levels):
        for block, own, sampler, sampled in (
            (f"encoder.down_blocks.{level}", f"encoder.down.{level}", "downsamplers", "downsample"),
            (
                f"decoder.up_blocks.{level}",
                f"decoder.up.{levels - 1 - level}",
                "upsamplers",
                "upsample",
            ),
        ):
            places[f"{block}.{sampler}.0.conv"] = f"{own}.{sampled}.conv"
            for layer in range(10):
                places[f"{block}.resnets.{layer}"] = f"{own}.block.{layer}"
    tensors: Tensors = {}
    for name, tensor in vae.state_dict().items():
        renamed = _renamed(name, places).replace("conv_shortcut", "nin_shortcut")
        is_matrix = ".mid.attn_1." in renamed and tensor.dim() == 2
        tensors[prefix + renamed] = tensor[:, :, None, None] if is_matrix else tensor
    return tensors


def clip_tensors(encoder: Any) -> Tensors:
    """A text encoder as Stable Diffusion 1 stores it, with the positions' numbers."""
    prefix = "cond_stage_model.transformer.text_model."
    named = {prefix + name: tensor for name, tensor in encoder.state_dict().items()}
    named[f"{prefix}embeddings.position_ids"] = torch.arange(77)[None]
    return named


def open_clip_tensors(encoder: Any, prefix: str = "cond_stage_model.model.") -> Tensors:
    """A text encoder as Stable Diffusion 2 stores it: with one more layer, which is not used."""
    state = encoder.state_dict()
    width = encoder.config.hidden_size
    tensors: Tensors = {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
        "text_projection": torch.zeros(width, width),
        "logit_scale": torch.ones(()),
    }
    layers = encoder.config.num_hidden_layers
    for layer in range(layers):
        for name, tensor in _open_clip_layer(state, f"encoder.layers.{layer}."):
            tensors[f"transformer.resblocks.{layer}.{name}"] = tensor
            if layer == layers - 1:
                tensors[f"transformer.resblocks.{layers}.{name}"] = torch.zeros_like(tensor)
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _open_clip_layer(
    state: Mapping[str, torch.Tensor], place: str
) -> Iterator[tuple[str, torch.Tensor]]:
    """One layer's tensors; queries, keys and values are one matrix."""
    for kind in ("weight", "bias"):
        parts = [state[f"{place}self_attn.{part}_proj.{kind}"] for part in "qkv"]
        yield f"attn.in_proj_{kind}", torch.cat(parts)
        for own, name in (
            ("attn.out_proj", "self_attn.out_proj"),
            ("ln_1", "layer_norm1"),
            ("ln_2", "layer_norm2"),
            ("mlp.c_fc", "mlp.fc1"),
            ("mlp.c_proj", "mlp.fc2"),
        ):
            yield f"{own}.{kind}", state[f"{place}{name}.{kind}"]


def _renamed(name: str, places: Mapping[str, str]) -> str:
    for diffusers, original in places.items():
        if name.startswith(f"{diffusers}."):
            return original + name.removeprefix(diffusers)
    return name
