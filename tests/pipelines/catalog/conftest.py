"""Models for the catalogue's tests: the right files with hardly any weights in them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

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


def write_safetensors(path: Path, names: tuple[str, ...] = ("weight",), fill: int = 0) -> Path:
    """A sound file of one-byte tensors, each holding `fill`."""
    header = {
        name: {"dtype": "U8", "shape": [1], "data_offsets": [index, index + 1]}
        for index, name in enumerate(names)
    }
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(text).to_bytes(8, "little") + text + bytes([fill]) * len(names))
    return path


def write_folder(path: Path, *, sample_size: object = 32, fill: int = 0) -> Path:
    """A diffusers folder as far as the catalogue can see."""
    path.mkdir(parents=True)
    (path / "model_index.json").write_text(json.dumps(MODEL_INDEX))
    for part in ("unet", "vae", "text_encoder"):
        write_safetensors(path / part / "model.safetensors", fill=fill)
        (path / part / "config.json").write_text("{}")
    (path / "unet" / "config.json").write_text(json.dumps({"sample_size": sample_size}))
    for part, file in (("tokenizer", "vocab.json"), ("scheduler", "scheduler_config.json")):
        (path / part).mkdir()
        (path / part / file).write_text("{}")
    return path


@pytest.fixture
def safetensors() -> Callable[..., Path]:
    return write_safetensors


@pytest.fixture
def folder() -> Callable[..., Path]:
    return write_folder
