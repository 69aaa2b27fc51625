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
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl import (
    StableDiffusionXLPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.parts import Components
from pipelines.diffusion.tokenizer import TOKENS, clip_tokenizer
from pipelines.imaging.geometry import Size
from tests.helpers.tiny import WIDTH, tiny_components

SD1, SD2, SDXL, REFINER = FAMILIES = tuple(family for family in ModelFamily)[:4]

Tensors = dict[str, torch.Tensor]

WIDTH_2 = 24
"""Of the second text encoder's embeddings, and of what it says of a whole text."""

_SIZE_WIDTH = 8  # numbers that stand for one of the sizes
_SDXL_CLIP = "conditioner.embedders.0.transformer.text_model."
_OPEN_CLIP = {
    SDXL: "conditioner.embedders.1.model.",
    REFINER: "conditioner.embedders.0.model.",
}

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
    if family in (SDXL, REFINER):
        return _sdxl_components(family, in_channels=in_channels, prediction=prediction)
    parts = tiny_components(in_channels=in_channels, prediction_type=prediction)
    is_sd2 = family is ModelFamily.sd2
    unet: Any = parts.unet
    config = parts.text_encoder.config.to_dict()
    with torch.random.fork_rng():
        torch.manual_seed(1)
        if is_sd2:
            unet = unet_like(unet, use_linear_projection=True, attention_head_dim=[2, 4])
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


def _sdxl_components(family: ModelFamily, *, in_channels: int, prediction: str) -> Components:
    like = family_components(ModelFamily.sd1, in_channels=in_channels, prediction=prediction)
    is_base = family is SDXL
    unet: Any = like.unet
    with torch.random.fork_rng():
        torch.manual_seed(2)
        unet = unet_like(
            unet,
            use_linear_projection=True,
            attention_head_dim=[2, 4],
            transformer_layers_per_block=[1, 2] if is_base else 2,
            cross_attention_dim=WIDTH + WIDTH_2 if is_base else WIDTH_2,
            addition_embed_type="text_time",
            addition_time_embed_dim=_SIZE_WIDTH,
            projection_class_embeddings_input_dim=WIDTH_2 + (5 + is_base) * _SIZE_WIDTH,
        )
        widths = {"hidden_size": WIDTH_2, "projection_dim": WIDTH_2, "hidden_act": "gelu"}
        text = CLIPTextConfig(**{**like.text_encoder.config.to_dict(), **widths})
        second = CLIPTextModelWithProjection(text).eval()
        torch.nn.init.uniform_(second.text_model.final_layer_norm.bias, 0.2, 0.8)
        vae = cast(Any, AutoencoderKL)(**{**_plain(like.vae), "scaling_factor": 0.13025}).eval()
    tokenizer = clip_tokenizer(pads_with_zero=True)
    encoder = cast(Any, second)
    if not is_base:
        return replace(like, vae=vae, unet=unet, text_encoder=encoder, tokenizer=tokenizer)
    return replace(like, vae=vae, unet=unet, text_encoder_2=encoder, tokenizer_2=tokenizer)


def unet_like(unet: Any, **changes: Any) -> Any:
    """A UNet of this configuration but for `changes`, with weights of its own."""
    return cast(Any, UNet2DConditionModel)(**{**_plain(unet), **changes}).eval()


def _plain(network: Any) -> dict[str, Any]:
    """A network's configuration without diffusers' notes on what it made up itself."""
    return {key: value for key, value in network.config.items() if not key.startswith("_")}


def config_of(parts: Components) -> Mapping[str, Any]:
    """What `stored_config` would say of a family whose published model were this one."""
    config: dict[str, Any] = {
        "unet": _plain(parts.unet),
        "vae": _plain(parts.vae),
        "scheduler": {**parts.scheduler_config, "prediction_type": "epsilon"},
    }
    for (encoder, tokenizer), suffix in zip(_texts(parts), _suffixes(parts), strict=True):
        config[f"text_encoder{suffix}"] = encoder.config.to_dict()
        config[f"tokenizer{suffix}"] = {"pads_with_zero": tokenizer.pad_token_id == 0}
    return config


def _texts(parts: Components) -> list[tuple[Any, Any]]:
    """Text encoders, each with its tokenizer."""
    first = [(parts.text_encoder, parts.tokenizer)]
    return (
        first
        if parts.text_encoder_2 is None
        else [*first, (parts.text_encoder_2, parts.tokenizer_2)]
    )


def _suffixes(parts: Components) -> tuple[str, ...]:
    """What diffusers' folders of the text encoders end in."""
    return ("_2",) if parts.is_refiner else ("", "_2")[: len(parts.text_encoders)]


def original_tensors(parts: Components, family: ModelFamily) -> Tensors:
    """Every tensor of a checkpoint of this family under its published name."""
    return {
        **unet_tensors(parts.unet),
        **vae_tensors(parts.vae, prefix="first_stage_model."),
        **_text_tensors(parts, family),
        "betas": torch.linspace(0.1, 0.2, 3),
    }


def _text_tensors(parts: Components, family: ModelFamily) -> Tensors:
    if family is ModelFamily.sd1:
        return clip_tensors(parts.text_encoder)
    if family is ModelFamily.sd2:
        return open_clip_tensors(parts.text_encoder)
    second = projecting_tensors(parts.text_encoders[-1], _OPEN_CLIP[family])
    if family is REFINER:
        return second
    return {**clip_tensors(parts.text_encoder, _SDXL_CLIP), **second}


def published_tensors(config: Mapping[str, Any]) -> dict[str, torch.Size]:
    """The shapes of a checkpoint of Stable Diffusion 1 or SDXL, by published name."""
    with init_empty_weights():
        unet = cast(Any, UNet2DConditionModel).from_config(config["unet"])
        vae = cast(Any, AutoencoderKL).from_config(config["vae"])
        encoder = CLIPTextModel(CLIPTextConfig(**config["text_encoder"]))
        tensors = {**unet_tensors(unet), **vae_tensors(vae, prefix="first_stage_model.")}
        if "text_encoder_2" in config:
            second = CLIPTextModelWithProjection(CLIPTextConfig(**config["text_encoder_2"]))
            tensors |= clip_tensors(encoder, _SDXL_CLIP)
            tensors |= projecting_tensors(second, _OPEN_CLIP[SDXL])
        else:
            tensors |= clip_tensors(encoder)
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
    make: Any = StableDiffusionPipeline
    more: dict[str, Any] = {
        "safety_checker": None,
        "feature_extractor": None,
        "requires_safety_checker": False,
    }
    if parts.is_sdxl:
        make = StableDiffusionXLImg2ImgPipeline if parts.is_refiner else StableDiffusionXLPipeline
        more = dict.fromkeys(("text_encoder", "tokenizer"))
    for (encoder, tokenizer), suffix in zip(_texts(parts), _suffixes(parts), strict=True):
        more |= {f"text_encoder{suffix}": encoder, f"tokenizer{suffix}": tokenizer}
    pipeline = make(
        vae=parts.vae,
        unet=parts.unet,
        scheduler=DDIMScheduler.from_config(dict(parts.scheduler_config)),
        **more,
    )
    pipeline.save_pretrained(folder)
    for (_, tokenizer), suffix in zip(_texts(parts), _suffixes(parts), strict=True):
        if tokenizer.pad_token_id == 0:
            about = folder / f"tokenizer{suffix}" / "tokenizer_config.json"
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


def clip_tensors(encoder: Any, prefix: str = "cond_stage_model.transformer.text_model.") -> Tensors:
    """A text encoder as Stable Diffusion 1 stores it, with the positions' numbers."""
    named = {prefix + name: tensor for name, tensor in encoder.state_dict().items()}
    named[f"{prefix}embeddings.position_ids"] = torch.arange(77)[None]
    return named


def open_clip_tensors(encoder: Any, prefix: str = "cond_stage_model.model.") -> Tensors:
    """A text encoder as Stable Diffusion 2 stores it: with one more layer, which is not used."""
    width, layers = encoder.config.hidden_size, encoder.config.num_hidden_layers
    tensors = _open_clip(encoder)
    tensors["text_projection"] = torch.zeros(width, width)
    last = f"transformer.resblocks.{layers - 1}."
    for name in [name for name in tensors if name.startswith(last)]:
        unused = f"transformer.resblocks.{layers}.{name.removeprefix(last)}"
        tensors[unused] = torch.zeros_like(tensors[name])
    return {prefix + name: tensor for name, tensor in tensors.items()}


def projecting_tensors(encoder: Any, prefix: str) -> Tensors:
    """SDXL's second text encoder as it is stored: its projection is applied from the left."""
    tensors = _open_clip(encoder.text_model)
    tensors["text_projection"] = encoder.text_projection.weight.T
    return {prefix + name: tensor for name, tensor in tensors.items()}


def _open_clip(encoder: Any) -> Tensors:
    state = encoder.state_dict()
    tensors: Tensors = {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
        "logit_scale": torch.ones(()),
    }
    for layer in range(encoder.config.num_hidden_layers):
        for name, tensor in _open_clip_layer(state, f"encoder.layers.{layer}."):
            tensors[f"transformer.resblocks.{layer}.{name}"] = tensor
    return tensors


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
