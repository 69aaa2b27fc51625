"""The units of a job, laid on the shared UNet while a batch is sampled, and taken off again.

Diffusers' pipelines know ControlNets, but neither T2I-Adapters beside them nor unions among them,
and each family has a pipeline of its own. The UNet takes everything there is, so that the units
work from a hook in front of it: one way for all kinds and all pipelines, that of jobs without units
included. The ControlNets among them are one `UnitNetworks`, which diffusers' ControlNet pipelines
would call in just the same way.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from PIL import Image
from torch import nn

from pipelines.diffusion.control.adapter import AdapterFeatures, AdapterUnit
from pipelines.diffusion.control.corrections import (
    KeepColours,
    KeepOutside,
    Progress,
    recoloured,
)
from pipelines.diffusion.control.finishing import Finish
from pipelines.diffusion.control.ip_adapter import ImageAttention, ImageUnit
from pipelines.diffusion.control.networks import NetUnit, UnitNetworks
from pipelines.diffusion.control.reference import References, ReferenceUnit
from pipelines.diffusion.parts import Unet


@dataclass(frozen=True, kw_only=True)
class JobUnits:
    """What acts on a job, by kind. `finishes` come after decoding, in order."""

    nets: tuple[NetUnit, ...] = ()
    adapters: tuple[AdapterUnit, ...] = ()
    images: tuple[ImageUnit, ...] = ()
    references: tuple[ReferenceUnit, ...] = ()
    kept: tuple[KeepOutside, ...] = ()
    recoloured: tuple[KeepColours, ...] = ()
    finishes: tuple[Finish, ...] = ()

    @property
    def networks(self) -> tuple[nn.Module, ...]:
        """One for each unit that has one, some perhaps several times."""
        return tuple(unit.network for unit in (*self.nets, *self.adapters, *self.images))

    def finish(self, picture: Image.Image) -> Image.Image:
        """A decoded picture (RGB) as it is shown."""
        for finish in self.finishes:
            picture = finish(picture)
        return picture


@contextmanager
def laid_on(
    unet: Unet, units: JobUnits | None, *, seeds: Sequence[int], progress: Progress
) -> Iterator[None]:
    """`unet` is steered by `units` for one batch; as it was before, afterwards.

    `seeds` are those of the batch's pictures. Without units nothing is touched.
    """
    if units is None:
        yield
        return
    pictures = len(seeds)
    with ExitStack() as undo:
        references = None
        if units.references:
            references = References(units.references, pictures=pictures, unet=unet, seeds=seeds)
            undo.enter_context(references.attached())
        attention = None
        if units.images:
            attention = ImageAttention(units.images, pictures=pictures, unet=unet)
            undo.enter_context(attention.attached())
        steering = _Steering(
            nets=UnitNetworks(units.nets, pictures=pictures, share=progress.share),
            features=AdapterFeatures(units.adapters, pictures=pictures, unet=unet),
            attention=attention,
            references=references,
            progress=progress,
        )
        hook = unet.register_forward_pre_hook(steering.add, with_kwargs=True)
        undo.callback(hook.remove)
        undo.enter_context(recoloured(unet, units.recoloured, pictures=pictures, progress=progress))
        yield


class _Steering:
    """What comes beside a UNet's own arguments."""

    def __init__(
        self,
        *,
        nets: UnitNetworks,
        features: AdapterFeatures,
        attention: ImageAttention | None,
        references: References | None,
        progress: Progress,
    ) -> None:
        self._nets = nets
        self._features = features
        self._attention = attention
        self._references = references
        self._progress = progress
        self._remembering = False

    def add(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The UNet's arguments with residuals, features and pictures added."""
        sample, timestep = cast(torch.Tensor, args[0]), args[1]
        texts = kwargs["encoder_hidden_states"]
        if self._remembering:
            return args, {**kwargs, **self._pictures(sample, texts, share=None)}
        share = self._progress.share()
        self._remember(module, args, kwargs, share)
        down, middle = self._nets(
            sample,
            timestep,
            encoder_hidden_states=texts,
            controlnet_cond=[unit.hint for unit in self._nets.units],
            conditioning_scale=[1.0] * len(self._nets.units),
            added_cond_kwargs=kwargs.get("added_cond_kwargs"),
        )
        more = self._pictures(sample, texts, share=share)
        if down is not None:
            more["down_block_additional_residuals"] = down
            more["mid_block_additional_residual"] = middle
        features = self._features.at(share, sample)
        if features is not None:
            more["down_intrablock_additional_residuals"] = features
        return args, {**kwargs, **more}

    def _remember(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], share: float
    ) -> None:
        """Let the references pass through the UNet, which nothing else steers meanwhile."""
        if self._references is None:
            return

        def ask(latents: torch.Tensor) -> object:
            return module(latents, *args[1:], **kwargs)

        self._remembering = True
        try:
            self._references.remember(
                ask, share=share, sigma=self._progress.sigma(), sample=args[0]
            )
        finally:
            self._remembering = False

    def _pictures(
        self, sample: torch.Tensor, texts: torch.Tensor, *, share: float | None
    ) -> dict[str, Any]:
        """What IP-Adapters attend to beside the texts; nothing of it counts if `share` is None."""
        if self._attention is None:
            return {}
        states, masks = self._attention.states(share, sample)
        more: dict[str, Any] = {"encoder_hidden_states": (texts, states)}
        if any(mask is not None for mask in masks):
            more["cross_attention_kwargs"] = {"ip_adapter_masks": masks}
        return more
