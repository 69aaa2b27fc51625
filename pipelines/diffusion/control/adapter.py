"""T2I-Adapters: four features of a map that are added inside the UNet's encoder.

They depend on the map alone, so that they are computed once a batch. Where they go is decided by
diffusers' UNet: at the end of each level, before it is made smaller if it has attention, after it
if not, and a fourth after the middle block where there are but three levels.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from pipelines.diffusion.control.networks import Acting, Rows, on_device
from pipelines.diffusion.parts import Unet
from pipelines.errors import ModelBroken

_XL_FACTOR, _FACTOR = 16, 8


def adapter_config(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    """Configuration of a T2I-Adapter by its tensors under diffusers' names."""
    light = "adapter.conv_in.weight" not in tensors
    first = tensors[f"adapter.{'body.0.in_conv' if light else 'conv_in'}.weight"]
    is_xl = first.shape[1] in (_XL_FACTOR**2, 3 * _XL_FACTOR**2)
    factor = _XL_FACTOR if is_xl else _FACTOR
    blocks = _count(r"adapter\.body\.(\d+)\.", tensors)
    repeats = _count(r"adapter\.body\.0\.resnets\.(\d+)\.", tensors)
    last = "out_conv" if light else f"resnets.{repeats - 1}.block2"
    channels = [len(tensors[f"adapter.body.{block}.{last}.weight"]) for block in range(blocks)]
    full = "full_adapter_xl" if is_xl else "full_adapter"
    return {
        "in_channels": first.shape[1] // factor**2,
        # A light adapter's last block is as wide as the one before, without saying so.
        "channels": channels[:-1] if light else channels,
        "num_res_blocks": repeats,
        "downscale_factor": factor,
        "adapter_type": "light_adapter" if light else full,
    }


def _count(pattern: str, names: Mapping[str, object]) -> int:
    """How many numbers there are in `names`: what a file numbers as it likes is not built."""
    found = (re.match(pattern, name) for name in names)
    return len({match[1] for match in found if match})


def check_features(name: str, network: Any, unet: Unet, title: str) -> None:  # noqa: ANN401 a T2IAdapter
    """ModelBroken unless the features are as wide as the levels of the UNet they are added to."""
    channels = list(network.config["channels"])
    if network.config["adapter_type"] == "light_adapter":
        channels = [*channels, channels[-1]]
    levels = list(unet.config["block_out_channels"])
    expected = [*levels, levels[-1]][: len(channels)]
    if channels != expected:
        raise ModelBroken(
            f"model {name} is made for a network with levels of "
            f"{', '.join(map(str, channels))} channels, and checkpoint {title} has "
            f"{', '.join(map(str, levels))}; choose a model made for it."
        )


@dataclass(frozen=True, kw_only=True)
class AdapterUnit:
    """One T2I-Adapter at work: `hint` is 1x3xHxW, `scales` hold one number a feature."""

    network: nn.Module
    hint: torch.Tensor
    scales: tuple[float, ...]
    acting: Acting


class AdapterFeatures:
    """What the T2I-Adapters of a batch of `pictures` add to its UNet's levels."""

    def __init__(self, units: Sequence[AdapterUnit], *, pictures: int, unet: Unet) -> None:
        self._units = units
        self._pictures = pictures
        self._levels = [kind == "DownBlock2D" for kind in unet.config["down_block_types"]]
        self._known: dict[int, list[torch.Tensor]] = {}

    def at(self, share: float, sample: torch.Tensor) -> list[torch.Tensor] | None:
        """For the UNet's `down_intrablock_additional_residuals`; None where no unit acts.

        `sample` is what the UNet is given: its rows, its size and its format.
        """
        total: list[torch.Tensor] | None = None
        for number, unit in enumerate(self._units):
            rows = unit.acting.rows(len(sample), self._pictures)
            if not (rows and any(unit.scales) and unit.acting.is_active(share)):
                continue
            if number not in self._known:
                self._known[number] = self._features(unit, sample)
            picked = Rows(rows, len(sample))
            scaled = [
                picked.put((feature * scale).expand(len(rows), -1, -1, -1))
                for feature, scale in zip(self._known[number], unit.scales, strict=True)
            ]
            total = scaled if total is None else [a + b for a, b in zip(total, scaled, strict=True)]
        return total

    def _features(self, unit: AdapterUnit, sample: torch.Tensor) -> list[torch.Tensor]:
        """Of one row, masked by the region, each of the size it is needed in."""
        network: Any = unit.network
        with on_device(network, unit.acting, sample.device):
            hint = unit.hint[:, : network.config["in_channels"]]
            features = network(_padded(hint, network.config["downscale_factor"]).to(sample))
        sizes = self._sizes(sample)
        return [
            unit.acting.masked(
                feature
                if feature.shape[-2:] == size
                else functional.interpolate(feature, size=size, mode="nearest")
            )
            for feature, size in zip(features, sizes, strict=False)
        ]

    def _sizes(self, sample: torch.Tensor) -> list[tuple[int, int]]:
        """Height and width at the place of every feature; halves are rounded up, as in the UNet."""
        height, width = sample.shape[-2:]
        sizes: list[tuple[int, int]] = []
        for level, plain in enumerate(self._levels):
            last = level == len(self._levels) - 1
            smaller = height if last else -(-height // 2), width if last else -(-width // 2)
            sizes.append(smaller if plain else (height, width))
            height, width = smaller
        return [*sizes, (height, width)]


def _padded(hint: torch.Tensor, factor: int) -> torch.Tensor:
    """Stretched to the next multiple of `factor`, below which a map cannot be unshuffled."""
    height, width = hint.shape[-2:]
    size = -(-height // factor) * factor, -(-width // factor) * factor
    return hint if size == (height, width) else functional.interpolate(hint, size=size)
