"""The finished model as a diffusers folder in fp16."""

import json
import shutil
from pathlib import Path

import torch

from tools.demo_model.training.denoiser import build_scheduler
from tools.demo_model.training.library import (
    AutoencoderKL,
    CLIPTextModel,
    CLIPTokenizer,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)

LARGEST_FILE = "16MB"


def export(tokenizer_folder: Path, vae_folder: Path, training_folder: Path, target: Path) -> None:
    """Writes all parts into `target`, over what is there; its README.md is left alone."""
    unet = UNet2DConditionModel.from_pretrained(training_folder / "unet")
    text_encoder = CLIPTextModel.from_pretrained(training_folder / "text_encoder")
    pipeline = StableDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(vae_folder).to(dtype=torch.float16),
        text_encoder=text_encoder.to(dtype=torch.float16),
        tokenizer=CLIPTokenizer.from_pretrained(tokenizer_folder),
        unet=unet.to(dtype=torch.float16),
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
    shutil.copytree(tokenizer_folder, target / "tokenizer")


def _forget_origin(config: Path) -> None:
    """Removes the folder that a part was loaded from: it means nothing elsewhere."""
    fields = json.loads(config.read_text(encoding="utf-8"))
    fields.pop("_name_or_path", None)
    config.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")
