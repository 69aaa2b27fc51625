"""The units of a job, laid on the shared UNet while a batch is sampled, and taken off again.

Diffusers' pipelines know ControlNets, but neither T2I-Adapters beside them nor unions among them,
and each family has a pipeline of its own. The UNet takes everything there is, so that the units
work from a hook in front of it: one way for all kinds and all pipelines, that of jobs without units
included. The ControlNets among them are one `UnitNetworks`, which diffusers' ControlNet pipelines
would call in just the same way.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from pipelines.diffusion.control.adapter import AdapterFeatures, AdapterUnit
from pipelines.diffusion.control.ip_adapter import ImageAttention, ImageUnit
from pipelines.diffusion.control.networks import NetUnit, UnitNetworks
from pipelines.diffusion.parts import Unet


@dataclass(frozen=True, kw_only=True)
class JobUnits:
    """What acts on a job's sampling, by kind. Units that can change nothing are left out."""

    nets: tuple[NetUnit, ...] = ()
    adapters: tuple[AdapterUnit, ...] = ()
    images: tuple[ImageUnit, ...] = ()

    def __len__(self) -> int:
        return len(self.networks)

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """One for each unit, some perhaps several times."""
        return tuple(unit.network for unit in (*self.nets, *self.adapters, *self.images))


@contextmanager
def laid_on(
    unet: Unet, units: JobUnits | None, *, pictures: int, share: Callable[[], float]
) -> Iterator[None]:
    """`unet` is steered by `units` for one batch of `pictures`; as it was before, afterwards.

    `share` says at every call how much of the steps is done, 0 to 1. Without units nothing is
    touched.
    """
    if units is None:
        yield
        return
    with ExitStack() as undo:
        attention = None
        if units.images:
            attention = ImageAttention(units.images, pictures=pictures, unet=unet)
            undo.enter_context(attention.attached())
        steering = _Steering(
            nets=UnitNetworks(units.nets, pictures=pictures, share=share),
            features=AdapterFeatures(units.adapters, pictures=pictures, unet=unet),
            attention=attention,
            share=share,
        )
        hook = unet.register_forward_pre_hook(steering.add, with_kwargs=True)
        undo.callback(hook.remove)
        yield


@dataclass(frozen=True, kw_only=True)
class _Steering:
    """What comes beside a UNet's own arguments."""

    nets: UnitNetworks
    features: AdapterFeatures
    attention: ImageAttention | None
    share: Callable[[], float]

    def add(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The UNet's arguments with residuals, features and pictures added."""
        sample, timestep = cast(torch.Tensor, args[0]), args[1]
        texts = kwargs["encoder_hidden_states"]
        added = kwargs.get("added_cond_kwargs")
        down, middle = self.nets(
            sample,
            timestep,
            encoder_hidden_states=texts,
            controlnet_cond=[unit.hint for unit in self.nets.units],
            conditioning_scale=[1.0] * len(self.nets.units),
            added_cond_kwargs=added,
        )
        more: dict[str, Any] = {}
        if down is not None:
            more["down_block_additional_residuals"] = down
            more["mid_block_additional_residual"] = middle
        features = self.features.at(self.share(), sample)
        if features is not None:
            more["down_intrablock_additional_residuals"] = features
        if self.attention is not None:
            states, masks = self.attention.states(self.share(), sample)
            more["encoder_hidden_states"] = texts, states
            if any(mask is not None for mask in masks):
                more["cross_attention_kwargs"] = {"ip_adapter_masks": masks}
        return args, {**kwargs, **more}
