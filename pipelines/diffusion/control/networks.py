"""All ControlNets of a job as the one network that diffusers calls, with A1111's rules for each.

`UnitNetworks` stands where diffusers' `MultiControlNetModel` stands, and is called the same way: by
diffusers' ControlNet pipelines, or by the hook of `pipelines.diffusion.control.laid_on`, which
serves every kind of unit. It decides for every unit whether it acts at this call, on which rows of
the batch, with which scale on which layer, and where in the picture.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
from diffusers.models.controlnets.multicontrolnet import MultiControlNetModel
from torch import nn
from torch.nn import functional


@dataclass(frozen=True, kw_only=True)
class Acting:
    """When, where and on what a unit acts, whatever its kind.

    `start` and `end` are shares of the steps, both inclusive. `region` is 1x1xHxW, 0 to 1.
    `pictures` are positions in the batch, None for all. With `cond_only` the rows of the negative
    prompt are left alone. With `low_vram` the network leaves the device after each call.
    """

    start: float = 0.0
    end: float = 1.0
    region: torch.Tensor | None = None
    pictures: frozenset[int] | None = None
    cond_only: bool = False
    low_vram: bool = False

    def is_active(self, share: float) -> bool:
        """Whether it acts at this share of the steps."""
        return self.start <= share <= self.end

    def rows(self, total: int, pictures: int) -> list[int]:
        """The rows it acts on of a batch of `total`: one, or two (negative first), a picture."""
        guided = total == 2 * pictures
        shown = [k for k in range(pictures) if self.pictures is None or k in self.pictures]
        if not guided:
            return shown
        conditioned = [pictures + k for k in shown]
        return conditioned if self.cond_only else [*shown, *conditioned]

    def masked(self, tensor: torch.Tensor) -> torch.Tensor:
        """`tensor` (BxCxhxw, or BxCx1x1) where the region is, 0 elsewhere."""
        if self.region is None:
            return tensor
        return tensor * stretched(self.region, tensor)


def stretched(region: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
    """A region (1x1xHxW) bilinear at the height and width of `like`, in its format."""
    size = like.shape[-2:]
    return functional.interpolate(region.float(), size=size, mode="bilinear").to(like)


@dataclass(frozen=True, kw_only=True)
class NetUnit:
    """One ControlNet at work.

    `hint` is 1x3xHxW, in pixels. `scales` hold one number for each residual, the middle block's
    last. `union_type` is what a union model takes the hint for, by its number.
    """

    network: nn.Module
    hint: torch.Tensor
    scales: tuple[float, ...]
    acting: Acting
    union_type: int | None = None


@contextmanager
def on_device(network: nn.Module, acting: Acting, device: torch.device) -> Iterator[None]:
    """The network is where it is needed; with Low VRAM, only as long as it is."""
    # Asked first, because to move what is there already takes a while, too.
    if next(network.parameters()).device != device:
        network.to(device)
    try:
        yield
    finally:
        if acting.low_vram:
            network.to("cpu")


class UnitNetworks(MultiControlNetModel):
    """The ControlNets of one batch of `pictures`; `share` is how much of the steps is done.

    A call gives the summed residuals, or (None, None) where no unit acts, which diffusers' UNet
    takes for no ControlNet at all. Scales of `conditioning_scale` come on top of the units' own.
    """

    def __init__(
        self, units: Sequence[NetUnit], *, pictures: int, share: Callable[[], float]
    ) -> None:
        super().__init__([unit.network for unit in units])  # pyright: ignore[reportArgumentType] union models, too
        self.units = tuple(units)
        self._pictures = pictures
        self._share = share
        self._embedded: dict[tuple[int, int], tuple[torch.Tensor, torch.Tensor]] = {}

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float | int,
        encoder_hidden_states: torch.Tensor,
        controlnet_cond: Sequence[torch.Tensor],
        conditioning_scale: Sequence[float],
        class_labels: torch.Tensor | None = None,
        timestep_cond: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        added_cond_kwargs: dict[str, torch.Tensor] | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        guess_mode: bool = False,
        return_dict: bool = True,
    ) -> tuple[list[torch.Tensor] | None, torch.Tensor | None]:
        """Down and middle residuals for these rows; shapes and names are diffusers'."""
        share, total = self._share(), None
        for unit, hint, factor in zip(self.units, controlnet_cond, conditioning_scale, strict=True):
            rows = unit.acting.rows(len(sample), self._pictures)
            if not (rows and factor and any(unit.scales) and unit.acting.is_active(share)):
                continue
            picked = Rows(rows, len(sample))
            raw = self._residuals(
                unit,
                hint,
                picked.take(sample),
                timestep,
                picked.take(encoder_hidden_states),
                {name: picked.take(value) for name, value in (added_cond_kwargs or {}).items()},
            )
            scaled = [
                picked.put(unit.acting.masked(residual * (scale * factor)))
                for residual, scale in zip(raw, unit.scales, strict=True)
            ]
            total = scaled if total is None else [a + b for a, b in zip(total, scaled, strict=True)]
        return (None, None) if total is None else (total[:-1], total[-1])

    def _residuals(
        self,
        unit: NetUnit,
        hint: torch.Tensor,
        sample: torch.Tensor,
        timestep: torch.Tensor | float | int,
        texts: torch.Tensor,
        added: dict[str, torch.Tensor],
    ) -> list[torch.Tensor]:
        """What the unit's network says, unscaled: down residuals, then the middle block's."""
        with on_device(unit.network, unit.acting, sample.device):
            embedded = self._embed(unit.network, hint[:1]).expand(len(sample), -1, -1, -1)
            arguments: dict[str, Any] = {"controlnet_cond": embedded, "conditioning_scale": 1.0}
            if isinstance(unit.network, ControlNetUnionModel):
                arguments = _union_arguments(unit, embedded)
            with _embedding_is_done(unit.network):
                down, middle = unit.network(
                    sample,
                    timestep,
                    encoder_hidden_states=texts,
                    added_cond_kwargs=added or None,
                    return_dict=False,
                    **arguments,
                )
        return [*down, middle]

    def _embed(self, network: nn.Module, hint: torch.Tensor) -> torch.Tensor:
        """The hint at the latents' size: of one row and once a batch, since it does not change."""
        key = (id(network), hint.data_ptr())
        if key not in self._embedded:
            weights: Any = network
            # The hint is kept beside, so that its place in memory is not given to another.
            embedded = weights.controlnet_cond_embedding(hint.to(weights.device, weights.dtype))
            self._embedded[key] = (hint, embedded)
        return self._embedded[key][1]


def _union_arguments(unit: NetUnit, embedded: torch.Tensor) -> dict[str, Any]:
    network: Any = unit.network
    number = unit.union_type or 0
    types = torch.zeros(len(embedded), network.config.num_control_type, device=embedded.device)
    types[:, number] = 1
    return {
        "controlnet_cond": [embedded],
        "conditioning_scale": [1.0],
        "control_type": types,
        "control_type_idx": [number],
    }


@contextmanager
def _embedding_is_done(network: nn.Module) -> Iterator[None]:
    """The network takes hints that are embedded already."""
    embedding = network.controlnet_cond_embedding
    network.controlnet_cond_embedding = nn.Identity()
    try:
        yield
    finally:
        network.controlnet_cond_embedding = embedding


class Rows:
    """Some rows of a batch: taken out of tensors, and put back among rows of zeros."""

    def __init__(self, rows: list[int], total: int) -> None:
        self._rows = rows
        self._total = total
        self._all = rows == list(range(total))

    def take(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor if self._all else tensor[self._rows]

    def put(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._all:
            return tensor
        whole = tensor.new_zeros(self._total, *tensor.shape[1:])
        whole[self._rows] = tensor
        return whole
