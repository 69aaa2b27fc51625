"""What the rows share: the model's parts, the judge, the held-out pictures, the drawn scenes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from tools.demo_model import pictures
from tools.demo_model.canvas import Bytes
from tools.demo_model.evaluation.judge import Judge, Verdict
from tools.demo_model.evaluation.prompts import Prompt, scenes
from tools.demo_model.recipe import Recipe
from tools.demo_model.scene import Attributes
from tools.demo_model.training import samples
from tools.demo_model.training.library import (
    ControlNetModel,
    Part,
    StableDiffusionControlNetPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
)

SEED = 5_000  # of the first picture of every row
SCENES = 200
FEW = 64  # prompts or pictures of the rows that have a set of their own


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """Where the parts of the model lie: in the folders of the page, or a running training's."""

    demo: Path  # a diffusers folder, or one with unet and text_encoder
    models: Path  # holds ControlNet, Lora, embeddings and Stable-diffusion/demo-inpainting
    work: Path  # pictures, tokenizer, vae, judge

    @property
    def inpainting(self) -> Path:
        return self.models / "Stable-diffusion" / "demo-inpainting"

    @property
    def lora(self) -> Path:
        return self.models / "Lora" / "demo_ink.safetensors"

    @property
    def embedding(self) -> Path:
        return self.models / "embeddings" / "demo_dusk.safetensors"

    def controlnet(self, kind: str) -> Path:
        """The folder of one of the four ControlNets."""
        return self.models / "ControlNet" / f"demo_{kind}"


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """Drawn pictures that no part was trained on."""

    pictures: Bytes  # count×256×256×3
    labels: Bytes  # count×256×256
    depth: Bytes  # count×256×256
    attributes: tuple[Attributes, ...]

    def chosen(self, places: Sequence[int]) -> "HeldOut":
        """Some of them, in that order."""
        rows = list(places)
        return HeldOut(
            pictures=self.pictures[rows],
            labels=self.labels[rows],
            depth=self.depth[rows],
            attributes=tuple(self.attributes[place] for place in rows),
        )

    def images(self) -> list[Image.Image]:
        """The pictures as pipelines take them."""
        return [Image.fromarray(picture) for picture in self.pictures]


class Bench:
    """Draws and judges; what several rows need is made once, when the first of them asks."""

    def __init__(self, parts: Parts, recipe: Recipe, judge: Judge, count: int | None) -> None:
        self.parts, self.judge = parts, judge
        self._recipe, self._count = recipe, count

    def few(self, count: int = FEW) -> int:
        """How many pictures a row takes: its own number, or what was asked for."""
        return min(self._count or count, self._recipe.held_out)

    @cached_property
    def pipeline(self) -> Part:
        """Text to picture."""
        return self.open_demo()

    def open_demo(self) -> Part:
        """Text to picture, unshared: for a row that changes it."""
        parts = self.parts
        if (parts.demo / "model_index.json").exists():
            return samples.open_folder(parts.demo)
        return samples.open_snapshot(parts.demo, parts.work / "tokenizer", parts.work / "vae")

    @cached_property
    def img2img(self) -> Part:
        """Picture to picture, with the same networks."""
        return _assembled(StableDiffusionImg2ImgPipeline, self.pipeline.components)

    def controlled(self, kind: str) -> Part:
        """Text and control map to picture."""
        controlnet = ControlNetModel.from_pretrained(
            self.parts.controlnet(kind), local_files_only=True
        )
        components = {**self.pipeline.components, "controlnet": controlnet.float()}
        return _assembled(StableDiffusionControlNetPipeline, components)

    def inpainting(self) -> Part:
        """The model with nine channels."""
        pipeline = StableDiffusionInpaintPipeline.from_pretrained(
            self.parts.inpainting, dtype=torch.float32, local_files_only=True
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    @cached_property
    def held_out(self) -> HeldOut:
        """The last pictures, in the order of their seeds."""
        folder, recipe = self.parts.work / "pictures", self._recipe
        starts = pictures.shard_starts(recipe)[-(recipe.held_out // recipe.shard) :]
        return HeldOut(
            pictures=np.concatenate([pictures.read_pictures(folder, one) for one in starts]),
            labels=np.concatenate([pictures.read_labels(folder, one) for one in starts]),
            depth=np.concatenate([pictures.read_depth(folder, one) for one in starts]),
            attributes=tuple(
                shown for one in starts for shown in pictures.read_attributes(folder, one)
            ),
        )

    @cached_property
    def scenes(self) -> list[tuple[Prompt, Verdict]]:
        """The held-out prompts, each with what the judge sees in the picture drawn from it."""
        prompts = scenes(self._count or SCENES)
        drawn = samples.draw(self.pipeline, [prompt.text for prompt in prompts], SEED)
        return list(zip(prompts, self.judge.look(drawn), strict=True))


def _assembled(kind: Part, components: dict[str, Part]) -> Part:
    pipeline = kind(**components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
