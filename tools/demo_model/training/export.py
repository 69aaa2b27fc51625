"""The finished model, and the one for inpainting, as diffusers folders in fp16."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import torch

from tools.demo_model.training.library import (
    AutoencoderKL,
    CLIPTextModel,
    CLIPTokenizer,
    Part,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from tools.demo_model.training.noise import build_scheduler

LARGEST_FILE = "16MB"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """The folders of the parts."""

    tokenizer: Path
    vae: Path
    text_encoder: Path
    unet: Path


def export(tokenizer_folder: Path, vae_folder: Path, training_folder: Path, target: Path) -> None:
    """Writes all parts into `target`, over what is there; its README.md is left alone."""
    sources = Sources(
        tokenizer=tokenizer_folder,
        vae=vae_folder,
        text_encoder=training_folder / "text_encoder",
        unet=training_folder / "unet",
    )
    _write(StableDiffusionPipeline, sources, target)


def export_inpainting(sources: Sources, target: Path) -> None:
    """The same for a UNet that also takes a mask; the other files equal the model's own."""
    _write(StableDiffusionInpaintPipeline, sources, target)


def _write(kind: Part, sources: Sources, target: Path) -> None:
    parts = {
        "vae": AutoencoderKL.from_pretrained(sources.vae),
        "text_encoder": CLIPTextModel.from_pretrained(sources.text_encoder),
        "unet": UNet2DConditionModel.from_pretrained(sources.unet),
    }
    pipeline = kind(
        **{name: part.to(dtype=torch.float16) for name, part in parts.items()},
        tokenizer=CLIPTokenizer.from_pretrained(sources.tokenizer),
        scheduler=build_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(target, max_shard_size=LARGEST_FILE)
    for config in target.glob("*/config.json"):
        _forget_origin(config)
    # The vocabulary in the two files that every reader of CLIP's tokenizer knows.
    shutil.rmtree(target / "tokenizer")
    shutil.copytree(sources.tokenizer, target / "tokenizer")


def _forget_origin(config: Path) -> None:
    """Removes the folder that a part was loaded from: it means nothing elsewhere."""
    fields = json.loads(config.read_text(encoding="utf-8"))
    fields.pop("_name_or_path", None)
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")
