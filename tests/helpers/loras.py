"""LoRAs for tests: files in every spelling of the layers' names, and a catalogue of a few."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import NetworkFile
from pipelines.networks.planned import PlannedLora

Tensors = Mapping[str, torch.Tensor]

TO_Q = "mid_block.attentions.0.transformer_blocks.0.attn1.to_q"
"""A layer of every UNet, by diffusers' name."""


class Loras:
    """A catalogue of these files, whose hashes begin with their names."""

    def __init__(self, *files: NetworkFile) -> None:
        self._files = {file.name: file for file in files}

    def files(self) -> tuple[NetworkFile, ...]:
        return tuple(self._files.values())

    def current(self) -> tuple[NetworkFile, ...]:
        return self.files()

    def find(self, name: str) -> NetworkFile | None:
        return self._files.get(name)

    def hash_of(self, file: NetworkFile) -> str:
        return f"{file.name}-hash"

    def refresh(self) -> None:
        """Nothing changes."""


def lora_file(path: Path, **facts: Any) -> NetworkFile:
    """The file at `path` as the catalogue lists it."""
    return NetworkFile(kind=Kind.lora, name=path.stem, path=path, relative=path.name, **facts)


def planned(
    path: Path,
    text: float = 1.0,
    unet: float | None = None,
    *,
    rank: int | None = None,
    **facts: Any,
) -> PlannedLora:
    """The file at `path` in a job, at these strengths."""
    return PlannedLora(
        file=lora_file(path, **facts),
        mentioned=path.stem,
        text=text,
        unet=text if unet is None else unet,
        rank=rank,
    )


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    """Numbers around 0, the same for the same seed."""
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def factors(weight: torch.Tensor, *, rank: int = 2, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """`up` and `down` of a LoRA for a linear layer's or a convolution's weight."""
    outputs, inputs, *kernel = weight.shape
    up = random(outputs, rank, *[1] * len(kernel), seed=2 * seed)
    return up, random(rank, inputs, *kernel, seed=2 * seed + 1)


def kohya(layers: Mapping[str, torch.Tensor], *, alpha: float = 1.0, seed: int = 0) -> Tensors:
    """A LoRA for these layers' weights, by kohya's names of the layers."""
    tensors: dict[str, torch.Tensor] = {}
    for number, (name, weight) in enumerate(layers.items()):
        up, down = factors(weight, seed=seed + number)
        tensors |= {
            f"{name}.lora_up.weight": up,
            f"{name}.lora_down.weight": down,
            f"{name}.alpha": torch.tensor(alpha),
        }
    return tensors


def write(path: Path, tensors: Tensors, metadata: Mapping[str, str] | None = None) -> Path:
    """A safetensors file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(
        {name: tensor.contiguous() for name, tensor in tensors.items()}, path, dict(metadata or {})
    )
    return path


def state(*networks: Any) -> dict[str, torch.Tensor]:
    """Copies of all weights, to be compared with them later."""
    return {
        f"{number}.{name}": tensor.clone()
        for number, network in enumerate(networks)
        for name, tensor in network.state_dict().items()
    }


def changed(before: Mapping[str, torch.Tensor], *networks: Any) -> set[str]:
    """Names of the weights that are not, bit for bit, what they were."""
    now = state(*networks)
    return {name for name in before if not torch.equal(before[name], now[name])}


def named(names: Iterable[str]) -> set[str]:
    """Without the number of the network and the word at the end."""
    return {name.split(".", 1)[1].removesuffix(".weight") for name in names}
