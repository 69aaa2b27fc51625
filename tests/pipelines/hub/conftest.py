"""A hub on this machine with a few repositories, and what a test needs to look at it."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from pipelines.catalog.folders import PLACES
from pipelines.hub.client import Hub
from pipelines.hub.downloads import ModelDownloads
from pipelines.hub.orders import DOWNLOADABLE
from tests.helpers.hub import Hub as FakeHub
from tests.helpers.hub import serving_hub

LORA = "somebody/Style"
LORA_FILE = "style.safetensors"
PIPELINE = "somebody/Whole-Model"


def safetensors(shapes: Mapping[str, tuple[int, ...]], extra: bytes = b"") -> bytes:
    """A file with such a header and some bytes for weights."""
    header = {
        name: {"dtype": "F16", "shape": list(shape), "data_offsets": [0, 0]}
        for name, shape in shapes.items()
    }
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + extra


LORA_CONTENT = safetensors(
    {"lora_unet_down_blocks_0_attentions_0_attn2_to_k.lora_down.weight": (4, 768)}, b"w" * 300_000
)

PIPELINE_FILES = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"unet, full",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"unet, half",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": b"vae, full",
    "text_encoder/config.json": b"{}",
    "text_encoder/model.safetensors": b"text, full",
    "text_encoder/model.fp16.safetensors": b"text, half",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"merges",
    "scheduler/scheduler_config.json": b"{}",
    "safety_checker/model.safetensors": b"large and of no use",
    "README.md": b"read me",
    "v1-pruned.ckpt": b"a pickle of everything",
}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """A LoRA and a diffusers pipeline."""
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving_hub() as fake:
        fake.files = {f"{LORA}/{LORA_FILE}": LORA_CONTENT}
        fake.tags = {LORA: ["lora", "license:mit"]}
        for path, content in PIPELINE_FILES.items():
            fake.files[f"{PIPELINE}/{path}"] = content
            if not path.endswith((".safetensors", ".bin", ".ckpt")):
                fake.small.add(f"{PIPELINE}/{path}")
        yield fake


@pytest.fixture
def hub(fake: FakeHub) -> Hub:
    """The client of that hub."""
    return Hub(endpoint=fake.endpoint)


@pytest.fixture
def downloads(hub: Hub, tmp_path: Path) -> Iterator[ModelDownloads]:
    """Downloads from it into a models folder below `tmp_path`."""
    downloads = make_downloads(hub, tmp_path)
    yield downloads
    downloads.close()


def make_downloads(hub: Hub, data_dir: Path) -> ModelDownloads:
    """As the program makes them when it starts."""
    folders = {kind: data_dir / "models" / PLACES[kind].folders[0] for kind in DOWNLOADABLE}
    return ModelDownloads(hub, folders, data_dir / "cache")
