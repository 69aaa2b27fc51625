"""DDIM CFG++: DDIM whose noise is the unguided prediction, while the clean picture is guided.

Chung et al. 2024, "CFG++: Manifold-constrained Classifier Free Guidance for Diffusion Models"
(https://arxiv.org/abs/2406.08070), algorithm 2. As in A1111, the CFG Scale of the page is divided
by 12.5, which maps what people are used to to the paper's 0 to 1.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

from pipelines.diffusion.parts import Unet
from pipelines.diffusion.samplers.timesteps import TimestepCall, TimestepScheduler

PER_UNIT = 12.5
"""The CFG Scale that is the paper's 1."""

LEAST_ASKED = 2.0
"""A scale at which every pipeline asks for the negative prompt, which it leaves out up to 1."""


class DdimCfgPlusPlusScheduler(TimestepScheduler):
    """Hears the network's answer to the negative prompt while it is `listening`.

    The pipeline guides as always. Since that is linear, the paper's lower scale is taken of it
    here, whatever the guidance is made of.
    """

    _unguided: torch.Tensor | None = None

    @property
    def guidance_scale(self) -> float:
        """The CFG scale that the pipeline is to be called with."""
        return max(super().guidance_scale, LEAST_ASKED)

    @contextmanager
    def listening(self, unet: Unet) -> Iterator[None]:
        """Enter this after all that changes what `unet` answers."""

        def hear(module: nn.Module, args: object, output: tuple[torch.Tensor, ...]) -> None:
            # Units ask the network in between; the pipeline's own question is answered last.
            self._unguided = output[0].chunk(2)[0].float()

        hook = unet.register_forward_hook(hear)
        try:
            yield
        finally:
            hook.remove()

    def _move(self, output: torch.Tensor, sample: torch.Tensor, call: TimestepCall) -> torch.Tensor:
        """DDIM's step to the next timestep, or from the last one to the training's least noise."""
        assert self._unguided is not None, "The scheduler must be listening to the network."
        unguided = self._unguided
        scale = super().guidance_scale / PER_UNIT / self.guidance_scale
        away = self._blended(self._predict_noise(unguided, sample, call.asked), sample, call.asked)
        guided = unguided + (output - unguided) * scale
        self._blended(self._predict_noise(guided, sample, call.asked), sample, call.asked)
        assert self.denoised is not None
        remaining = self._calls[self._calls_done + 1 :]
        alpha = float(self._job.model.alphas_cumprod[int(call.asked)])
        following = float(
            self._job.model.alphas_cumprod[int(remaining[0].asked) if remaining else 0]
        )
        spread = (1 - following) / (1 - alpha) * (1 - alpha / following)
        deviation = self._settings.eta_ddim * math.sqrt(spread)
        moved = self.denoised * math.sqrt(following)
        moved = moved + away * math.sqrt(1 - following - deviation**2)
        return moved + self._fresh_noise(sample) * deviation if deviation > 0 else moved
