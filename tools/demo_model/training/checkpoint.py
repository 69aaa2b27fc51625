"""Checkpoints that a training resumes from, and the running average of its weights."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor


class Stateful(Protocol):
    """What has a state to save: a network, an optimizer, an average."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any: ...  # noqa: ANN401 torch's own


class Ema:
    """The exponential moving average of some parameters, quick to forget at the start."""

    def __init__(self, parameters: Sequence[Tensor], decay: float) -> None:
        self._parameters = parameters
        self._decay = decay
        self._average = [parameter.detach().clone() for parameter in parameters]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves the average towards the parameters as they are after `step`, counted from 0."""
        decay = min(self._decay, (1 + step) / (10 + step))
        for parameter, average in zip(self._parameters, self._average, strict=True):
            average.lerp_(parameter, 1 - decay)

    @torch.no_grad()
    def swap(self) -> None:
        """Exchanges average and parameters; a second call undoes it."""
        for parameter, average in zip(self._parameters, self._average, strict=True):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    @torch.no_grad()
    def copy_to_model(self) -> None:
        """Overwrites the parameters with the average."""
        for parameter, average in zip(self._parameters, self._average, strict=True):
            parameter.copy_(average)

    def state_dict(self) -> dict[str, Any]:
        return {"average": self._average}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for average, saved in zip(self._average, state_dict["average"], strict=True):
            average.copy_(saved)


def save_checkpoint(path: Path, parts: Mapping[str, Stateful], step: int) -> None:
    """Writes the state of all parts after `step` steps; a kill leaves the old file whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    state = {name: part.state_dict() for name, part in parts.items()}
    torch.save({"step": step, "parts": state}, temporary)
    temporary.replace(path)


def load_checkpoint(path: Path, parts: Mapping[str, Stateful]) -> int:
    """Restores all parts and returns the number of steps done; 0 where there is no checkpoint."""
    if not path.exists():
        return 0
    saved = torch.load(path, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(saved["parts"][name])
    return saved["step"]
