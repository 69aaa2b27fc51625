"""Pictures by a model: prompts in batches, and a sheet of samples to look at."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from tools.demo_model.canvas import Bytes
from tools.demo_model.training.library import (
    AutoencoderKL,
    CLIPTextModel,
    CLIPTokenizer,
    Part,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from tools.demo_model.training.noise import build_scheduler

PROMPTS = (
    "a red house on green hills, day",
    "snowy mountains at sunset, clouds",
    "a sailboat by the sea, sunset",
    "desert with a cactus, a sunny day",
    "hills at night, stars, the moon",
    "a lighthouse by the sea, night",
    "pine trees in the mountains, winter, snow",
    "an orange tree on the left, hills, dawn",
    "a purple hot air balloon, green hills, clear sky",
    "a blue house in snowy mountains, winter",
    "a yellow tent in the desert, night",
    "a white house and a pink tree on hills, sunset",
    "mountains, dawn, cloudy sky",
    "a blue tent on the right, mountains, night",
    "a red boat on the left and a lighthouse on the right, sea, day",
    "a hot air balloon over the desert, sunset",
)
STEPS, GUIDANCE = 20, 5.0
_BATCH = 16  # pictures that are drawn at once


def open_folder(folder: Path) -> Part:
    """The folder's text-to-picture pipeline in fp32, silent."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def open_snapshot(training_folder: Path, tokenizer_folder: Path, vae_folder: Path) -> Part:
    """The same from the parts of a training that still runs."""
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(vae_folder, dtype=torch.float32),
        text_encoder=CLIPTextModel.from_pretrained(training_folder / "text_encoder"),
        tokenizer=CLIPTokenizer.from_pretrained(tokenizer_folder, local_files_only=True),
        unet=UNet2DConditionModel.from_pretrained(training_folder / "unet"),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


@torch.no_grad()
def draw(
    pipeline: Part,
    prompts: Sequence[str],
    seed: int,
    *,
    each: Mapping[str, Sequence[Any]] | None = None,
    **options: object,
) -> Bytes:
    """One picture for each prompt (count×height×width×3), each from a seed of its own.

    `each` holds arguments of the pipeline with a value for every prompt, such as its init image;
    `options` those that all have in common.
    """
    drawn: list[Bytes] = []
    for start in range(0, len(prompts), _BATCH):
        part = slice(start, start + _BATCH)
        asked = list(prompts[part])
        numbers = range(seed + start, seed + start + len(asked))
        with torch.autocast("cpu", torch.bfloat16):
            pictures = pipeline(
                asked,
                **{name: list(values[part]) for name, values in (each or {}).items()},
                generator=[torch.Generator().manual_seed(number) for number in numbers],
                output_type="np",
                **{"num_inference_steps": STEPS, "guidance_scale": GUIDANCE, **options},
            ).images
        drawn.append((np.asarray(pictures, np.float32) * 255).round().astype(np.uint8))
    return np.concatenate(drawn)


def save_sheet(pipeline: Part, target: Path, seed: int = 1) -> None:
    """Draws every prompt of `PROMPTS` once and tiles the pictures, four to a row."""
    pictures = draw(pipeline, PROMPTS, seed)
    rows = [np.concatenate(list(pictures[i : i + 4]), 1) for i in range(0, len(pictures), 4)]
    sheet = Image.fromarray(np.concatenate(rows)).resize((768, 768), Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, quality=82)
