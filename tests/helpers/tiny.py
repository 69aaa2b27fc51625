"""A real Stable Diffusion 1-shaped model, a few channels wide, made offline in a moment.

The same classes, the same four levels of the VAE and the same files as any model of this kind; only
the weights are random. Prompts made of the letters a to z, digits, commas and a few words have
tokens of their own.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion import StableDiffusionPipeline
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.parts import Components
from pipelines.imaging.geometry import Size

START, END = "<|startoftext|>", "<|endoftext|>"
WORDS = ("cat", "dog", "red", "sea")
WIDTH = 16  # of the text embeddings

EXACT = DevicePolicy(
    device=torch.device("cpu"),
    dtype=torch.float32,
    vae_dtype=torch.float32,
    text_dtype=torch.float32,
    reason="tests compare numbers",
)


def vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Byte-pair vocabulary and merges: single characters, and WORDS built letter by letter."""
    characters = "abcdefghijklmnopqrstuvwxyz0123456789,.:()[]\\!"
    names = [*characters, *(character + "</w>" for character in characters)]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        letters = [*word[:-1], word[-1] + "</w>"]
        while len(letters) > 1:
            pair = (letters[0], letters[1])
            letters[:2] = ["".join(pair)]
            if pair not in merges:
                merges.append(pair)
                names.append(letters[0])
    return {name: index for index, name in enumerate([*names, START, END])}, merges


def tiny_tokenizer() -> Any:
    """A CLIP tokenizer over `vocabulary`."""
    names, merges = vocabulary()
    return CLIPTokenizer(vocab=names, merges=cast(Any, merges), model_max_length=77)


def tiny_components(
    *, prediction_type: str = "epsilon", seed: int = 0, in_channels: int = 4
) -> Components:
    """Every part of the model, in float32 and evaluation mode; the same for the same seed."""
    tokenizer = tiny_tokenizer()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        vae = cast(Any, AutoencoderKL)(
            block_out_channels=(4, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=4,
            layers_per_block=1,
            norm_num_groups=2,
            sample_size=64,
        )
        unet = cast(Any, UNet2DConditionModel)(
            sample_size=8,
            in_channels=in_channels,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=WIDTH,
            attention_head_dim=2,
            norm_num_groups=4,
        )
        text_encoder = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=len(tokenizer),
                hidden_size=WIDTH,
                intermediate_size=32,
                num_hidden_layers=3,
                num_attention_heads=2,
                max_position_embeddings=77,
                bos_token_id=tokenizer.bos_token_id,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            )
        )
        # Random embeddings have a mean of almost 0, unlike those of any trained model.
        torch.nn.init.uniform_(text_encoder.final_layer_norm.bias, 0.2, 0.8)
    return Components(
        vae=vae.eval(),
        unet=unet.eval(),
        text_encoder=cast(Any, text_encoder.eval()),
        tokenizer=tokenizer,
        scheduler_config=dict(_scheduler(prediction_type).config),
    )


def save_tiny_model(
    folder: Path, *, prediction_type: str = "epsilon", seed: int = 0, in_channels: int = 4
) -> Checkpoint:
    """Write the model as a diffusers folder; a checkpoint named as the folder is."""
    parts = tiny_components(prediction_type=prediction_type, seed=seed, in_channels=in_channels)
    make = cast(Callable[..., StableDiffusionPipeline], StableDiffusionPipeline)
    pipeline = make(
        vae=parts.vae,
        unet=parts.unet,
        text_encoder=parts.text_encoder,
        tokenizer=parts.tokenizer,
        scheduler=_scheduler(prediction_type),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    _write_vocabulary(folder / "tokenizer")
    return Checkpoint(
        name=folder.name,
        path=folder,
        layout=Layout.folder,
        short_hash="0123456789",
        default_size=Size(64, 64),
        input_channels=in_channels,
    )


def _write_vocabulary(folder: Path) -> None:
    """In the two files that published models have, instead of the one of today's library."""
    names, merges = vocabulary()
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text(json.dumps(names), encoding="utf-8")
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _scheduler(prediction_type: str) -> DDIMScheduler:
    """Stable Diffusion 1's noise table."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        prediction_type=cast(Any, prediction_type),
    )
