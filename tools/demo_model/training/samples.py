"""Pictures by the finished folder: a sheet to look at, and how often the time of day is right."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image

from tools.demo_model.canvas import Bytes
from tools.demo_model.render import render
from tools.demo_model.scene import Choices
from tools.demo_model.training.library import Part, StableDiffusionPipeline

PROMPTS = (
    "a red house on green hills, day",
    "snowy mountains at sunset, clouds",
    "a sailboat by the sea, sunset",
    "desert with a cactus, a sunny day",
    "night, stars, the moon, meadow",
    "a lighthouse by the sea, night",
    "pine trees in the mountains, winter, snow",
    "an orange tree in a meadow, autumn",
    "a hot air balloon, green hills, blue sky",
    "a blue house in a snowy field, winter",
    "a campfire in the desert, night",
    "a castle on green hills, sunset",
    "watercolor painting of mountains, dawn",
    "black and white ink drawing of a house",
    "a black cat in a meadow, day",
    "a rainbow, green hills, a tree",
)
SIDE, STEPS, GUIDANCE = 256, 20, 5.0
TIMES = ("day", "sunset", "night", "dawn")
_TERRAINS = ("hills", "mountains", "desert", "sea", "meadow")


def open_folder(folder: Path) -> Part:
    """The folder's pipeline in fp32, silent."""
    pipeline = StableDiffusionPipeline.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw(pipeline: Part, prompts: list[str], seed: int) -> Bytes:
    """One picture for each prompt (count×256×256×3), each from a seed of its own."""
    generators = [torch.Generator().manual_seed(seed + i) for i in range(len(prompts))]
    with torch.autocast("cpu", torch.bfloat16):
        pictures = pipeline(
            prompts,
            height=SIDE,
            width=SIDE,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=generators,
            output_type="np",
        ).images
    return (np.asarray(pictures) * 255).round().astype(np.uint8)


def save_sheet(pipeline: Part, target: Path, seed: int = 1) -> None:
    """Draws every prompt of `PROMPTS` once and tiles the pictures, four to a row."""
    pictures = draw(pipeline, list(PROMPTS), seed)
    rows = [np.concatenate(list(pictures[i : i + 4]), 1) for i in range(0, len(pictures), 4)]
    sheet = Image.fromarray(np.concatenate(rows)).resize((768, 768), Image.Resampling.LANCZOS)
    target.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(target, quality=82)


def time_accuracy(pipeline: Part, each: int = 10, seed: int = 100) -> float:
    """The share of pictures whose colours are nearest to those of the time that was asked for."""
    centres = _centres()
    wanted = [time for time in TIMES for _ in range(each)]
    prompts = [f"{_TERRAINS[i % len(_TERRAINS)]}, {time}" for i, time in enumerate(wanted)]
    pictures = draw(pipeline, prompts, seed)
    right = [
        nearest_time(picture, centres) == time
        for picture, time in zip(pictures, wanted, strict=True)
    ]
    return sum(right) / len(right)


def nearest_time(picture: Bytes, centres: dict[str, np.ndarray]) -> str:
    """The time of day of the centre that the picture's coarse colours are nearest to."""
    coarse = _coarse(picture)
    return min(centres, key=lambda name: float(np.square(centres[name] - coarse).sum())).split()[0]


def _centres(each: int = 12) -> dict[str, np.ndarray]:
    """The mean coarse colours of drawn pictures, for each time and terrain."""
    centres: dict[str, np.ndarray] = {}
    for time in TIMES:
        for terrain in _TERRAINS:
            choices = Choices(time=time, terrain=terrain, season="summer", style="flat")
            drawn = [render(seed, replace(choices, sky="clear")).picture for seed in range(each)]
            centres[f"{time} {terrain}"] = np.mean([_coarse(one) for one in drawn], 0)
    return centres


def _coarse(picture: Bytes) -> np.ndarray:
    return cv2.resize(picture, (4, 4), interpolation=cv2.INTER_AREA).astype(np.float64)
