"""Models as far as the catalogue can see: the right files with hardly any weights in them."""

import json
from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from tests.helpers.images import gradient

MODEL_INDEX = {
    "_class_name": "StableDiffusionPipeline",
    "unet": ["diffusers", "UNet2DConditionModel"],
    "vae": ["diffusers", "AutoencoderKL"],
    "text_encoder": ["transformers", "CLIPTextModel"],
    "tokenizer": ["transformers", "CLIPTokenizer"],
    "scheduler": ["diffusers", "PNDMScheduler"],
    "safety_checker": [None, None],
    "feature_extractor": ["transformers", "CLIPImageProcessor"],
}


FIRST_LAYER = "model.diffusion_model.input_blocks.0.0.weight"
CLIP_L = "cond_stage_model.transformer.text_model.final_layer_norm.bias"
OPEN_CLIP = "cond_stage_model.model.ln_final.bias"
SDXL_TEXT = "conditioner.embedders.1.model.ln_final.bias"
REFINER_TEXT = "conditioner.embedders.0.model.ln_final.bias"


def write_safetensors(path: Path, names: tuple[str, ...] = ("weight",), fill: int = 0) -> Path:
    """A sound file of one-byte tensors, each holding `fill`."""
    return write_tensors(path, dict.fromkeys(names, (1,)), fill)


def write_single_file(
    path: Path, *, text: str = CLIP_L, in_channels: int = 4, fill: int = 0
) -> Path:
    """A checkpoint in one file as far as the catalogue can see: a UNet's and a text encoder's."""
    return write_tensors(path, {FIRST_LAYER: (1, in_channels, 1, 1), text: (1,)}, fill)


def write_tensors(path: Path, shapes: Mapping[str, tuple[int, ...]], fill: int = 0) -> Path:
    """A sound file of bytes, all of them `fill`."""
    header: dict[str, Any] = {}
    end = 0
    for name, shape in shapes.items():
        start, end = end, end + prod(shape)
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes([fill]) * end)
    return path


def write_folder(
    path: Path, *, sample_size: object = 32, in_channels: object = 4, fill: int = 0
) -> Path:
    """A diffusers folder as far as the catalogue can see."""
    path.mkdir(parents=True)
    (path / "model_index.json").write_text(json.dumps(MODEL_INDEX))
    for part in ("unet", "vae", "text_encoder"):
        write_safetensors(path / part / "model.safetensors", fill=fill)
        (path / part / "config.json").write_text("{}")
    config = {"sample_size": sample_size, "in_channels": in_channels}
    (path / "unet" / "config.json").write_text(json.dumps(config))
    for part, file in (("tokenizer", "vocab.json"), ("scheduler", "scheduler_config.json")):
        (path / part).mkdir()
        (path / part / file).write_text("{}")
    return path


EXAMPLE: Mapping[str, Any] = {
    "prompt": "a dog",
    "negative_prompt": "a cat",
    "sampler": "Euler a",
    "schedule": "Karras",
    "steps": 12,
    "cfg_scale": 4.5,
    "denoising_strength": 0.5,
    "width": 96,
    "height": 64,
    "seed": 7,
}


def write_example(folder: Path, **changes: object) -> Path:
    """An example in a model's folder, with keys changed; None leaves a key out."""
    values = {key: value for key, value in {**EXAMPLE, **changes}.items() if value is not None}
    (folder / "example.json").write_text(json.dumps(values))
    gradient(96, 64).save(folder / "example.png")
    return folder
