"""Embeddings in every layout that is shared, as the programs that make them write them."""

import base64
import json
import random
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from safetensors.torch import save_file

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import NetworkFile


def vectors(count: int, width: int, seed: int = 0) -> torch.Tensor:
    """Random ones, count x width."""
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


def network_file(path: Path, refused: str = "") -> NetworkFile:
    """What the catalogue says of an embedding."""
    return NetworkFile(
        kind=Kind.embedding, name=path.stem, path=path, relative=path.name, refused=refused
    )


def trained_state(tensor: torch.Tensor, *, parameters: bool = False) -> dict[str, Any]:
    """A1111's training state; the oldest programs wrote a torch module in it."""
    held: Any = {"*": tensor}
    if parameters:
        held = torch.nn.ParameterDict({"*": torch.nn.Parameter(tensor)})
    return {"string_to_token": {"*": 265}, "string_to_param": held, "name": "x", "step": 100}


def save_embedding(path: Path, tensor: torch.Tensor, layout: str) -> NetworkFile:
    """Write `tensor` in one of LAYOUTS."""
    WRITERS[layout](path, tensor)
    return network_file(path)


def _picture(path: Path, tensor: torch.Tensor) -> None:
    state = trained_state(tensor)
    state["string_to_param"] = {"*": {"TORCHTENSOR": tensor.tolist()}}
    text = PngInfo()
    text.add_text("sd-ti-embedding", base64.b64encode(json.dumps(state).encode()).decode())
    Image.new("RGB", (8, 8), "teal").save(path, pnginfo=text)


WRITERS = {
    "a1111.safetensors": lambda path, tensor: save_file({"emb_params": tensor}, path),
    "diffusers.safetensors": lambda path, tensor: save_file({"<token>": tensor}, path),
    "a1111.pt": lambda path, tensor: torch.save(trained_state(tensor), path),
    "parameters.pt": lambda path, tensor: torch.save(trained_state(tensor, parameters=True), path),
    "diffusers.bin": lambda path, tensor: torch.save({"<token>": tensor}, path),
    "picture.png": _picture,
}
LAYOUTS = tuple(WRITERS)


def fuzzed(data: bytes, rng: random.Random) -> bytes:
    """A damaged copy: some bytes changed, or the end cut off."""
    damaged = bytearray(data)
    for _ in range(rng.randint(1, 8)):
        damaged[rng.randrange(len(damaged))] = rng.randrange(256)
    return bytes(damaged[: rng.randint(1, len(damaged))] if rng.random() < 0.3 else damaged)
