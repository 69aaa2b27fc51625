"""The weights of a layer wherever they are, and the ones that were there before."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from pipelines.diffusion.networks.names import Layer, Part

WEIGHT, BIAS = "weight", "bias"


def stored(module: nn.Module, name: str) -> torch.Tensor | None:
    """The weight or bias of a layer, where it stays between its calls; None if it has none.

    Under --lowvram the layer holds an empty shell, and what offloads it the weights.
    """
    parameter = module._parameters.get(name)
    if parameter is None or not parameter.is_meta:
        return None if parameter is None else parameter.data
    for hook in _hooks(getattr(module, "_hf_hook", None)):
        kept = getattr(hook, "weights_map", None)
        if kept is not None:
            return kept[name]
    return None


def _hooks(hook: Any) -> Iterator[Any]:  # noqa: ANN401 accelerate's hooks, of several classes
    """accelerate's hook of a layer, or those that it does one after the other."""
    if hook is not None:
        yield from getattr(hook, "hooks", (hook,))


class Originals:
    """What networks have changed of a model, as it was; on the processor."""

    def __init__(self) -> None:
        self._kept: dict[tuple[Layer, str], torch.Tensor] = {}

    def of(self, layer: Layer, name: str, current: torch.Tensor) -> torch.Tensor:
        """The weight or bias as it was, kept from now on; `current` is what is there."""
        key = (layer, name)
        if key not in self._kept:
            self._kept[key] = current.detach().to("cpu", copy=True)
        return self._kept[key]

    def put_back(self, *, but: Sequence[tuple[Layer, str]] = ()) -> None:
        """Lay everything back, bit by bit, but for these, and keep it no more."""
        stays = set(but)
        for layer, name in [key for key in self._kept if key not in stays]:
            current = stored(layer.module, name)
            assert current is not None  # it was there when it was kept
            current.copy_(self._kept[layer, name])
            del self._kept[layer, name]

    def by_name(self, part: Part) -> Mapping[str, torch.Tensor]:
        """Those of one network, by their names in its state."""
        return {
            f"{layer.name}.{name}": kept
            for (layer, name), kept in self._kept.items()
            if layer.part is part
        }

    def __len__(self) -> int:
        return len(self._kept)
