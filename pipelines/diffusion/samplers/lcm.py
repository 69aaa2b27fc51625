"""LCM: the sampler of latent consistency models, which jump to the clean picture at every step.

Luo et al. 2023, "Latent Consistency Models" (https://arxiv.org/abs/2310.04378), algorithm 3. As in
A1111, the noise levels are those 50 of the model's that such models are distilled over, the network
is asked at the nearest of them, and its answer passes the paper's boundary condition.
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.diffusion.samplers.walk import Ask, Road, Walk, WalkScheduler
from pipelines.diffusion.schedulers import Job
from pipelines.diffusion.sigmas import ModelNoise, Sigmas

SIGMA_DATA = 0.5
TIMESTEP_SCALING = 10.0
"""The constants of the boundary condition, as the models are published."""


@dataclass(frozen=True, kw_only=True)
class CoarseNoise(ModelNoise):
    """Every `stride`-th level of a model's; timesteps count these, and only whole ones exist."""

    stride: int

    def to_timestep(self, sigmas: Sigmas) -> NDArray[np.float64]:
        """The nearest level in log sigma."""
        distances = np.abs(np.log(sigmas)[..., None] - np.log(self.sigmas))
        return np.argmin(distances, axis=-1).astype(np.float64)


def coarse(model: ModelNoise, levels: int) -> CoarseNoise:
    """`levels` of the model's noise levels at equal distances, up to the highest."""
    stride = len(model.alphas_cumprod) // levels
    return CoarseNoise(
        alphas_cumprod=model.alphas_cumprod[stride - 1 :: stride],
        prediction_type=model.prediction_type,
        sdxl=model.sdxl,
        stride=stride,
    )


def lcm(latents: torch.Tensor, road: Road) -> Walk:
    """One model call a step: to the clean prediction, and by fresh noise to the next level."""
    for number, (sigma, following) in enumerate(itertools.pairwise(road.sigmas)):
        latents = yield Ask(latents=latents, sigma=sigma, done=number + 1)
        if following > 0:
            latents = latents + road.fresh() * following
    return latents


class LcmScheduler(WalkScheduler):
    """The walk `lcm` over a coarse noise table, with the boundary condition."""

    def __init__(self, job: Job, **options: object) -> None:
        self._coarse = coarse(job.model, job.plan.sampler.levels)
        super().__init__(replace(job, model=self._coarse), lcm, **options)

    @property
    def timestep(self) -> float:
        """The whole timestep that the network is asked at, in the model's count."""
        return self._network_timestep(self.sigma)

    def _network_timestep(self, sigma: float) -> float:
        stride = self._coarse.stride
        return float(self._coarse.to_timestep(np.array(sigma))) * stride + stride - 1

    def _predict_clean(
        self, output: torch.Tensor, sample: torch.Tensor, sigma: float
    ) -> torch.Tensor:
        """The prediction drawn towards the latents, the more the nearer timestep 0 is."""
        predicted = super()._predict_clean(output, sample, sigma)
        time = self._network_timestep(sigma) * TIMESTEP_SCALING
        skip = SIGMA_DATA**2 / (time**2 + SIGMA_DATA**2)
        return predicted * (time / math.hypot(time, SIGMA_DATA)) + sample * skip
