"""Whole trajectories of a plan: as the program walks them, and as slow implementations do."""

import warnings
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
import torchsde
from torch import nn

from pipelines.diffusion.noise import noise_source, planned_noise
from pipelines.diffusion.samplers import make_scheduler
from pipelines.diffusion.schedulers import PlannedScheduler
from pipelines.diffusion.sigmas import ModelNoise
from pipelines.plan import ImagePlan, Plan
from pipelines.samplers import Family
from tests.helpers.kdiffusion import (
    SIGMA_SAMPLERS,
    TIMESTEP_SAMPLERS,
    Array,
    Knobs,
    SlowModel,
    slow_sigmas,
)
from tests.helpers.written_samplers import (
    BROWNIAN_SAMPLERS,
    FRESH_SAMPLERS,
    Between,
    CoarseModel,
    ddim_cfgpp,
)

SHAPE = (4, 3, 2)
CPU = torch.device("cpu")
CFG_PLUS_PLUS = "DDIM CFG++"
ALPHAS = ModelNoise.from_config({}).alphas_cumprod.tolist()
Network = Callable[[np.ndarray, float], np.ndarray]


def clean_latents(count: int) -> torch.Tensor:
    return torch.randn((count, *SHAPE), generator=torch.Generator().manual_seed(77))


def negatively(network: Network) -> Network:
    """What a network says to the negative prompt."""
    return lambda x, timestep: network(0.8 * x, timestep)


class Unet(nn.Module):
    """A network as a pipeline calls it: with rows for the negative prompt, and as many others."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, rows: torch.Tensor, timestep: torch.Tensor) -> tuple[torch.Tensor]:
        negative, positive = rows.double().numpy().reshape(2, -1, *SHAPE)
        told = negatively(self.network)(negative, float(timestep))
        answers = [told, self.network(positive, float(timestep))]
        return (torch.tensor(np.concatenate(answers)).float(),)


def scheduler_for(plan: Plan, predicts: str = "epsilon", batch: int = 0) -> PlannedScheduler:
    noise, sources = planned_noise(plan, plan.batches[batch], SHAPE, CPU)
    config = {"prediction_type": predicts}
    return make_scheduler(plan, config, noise=noise, sources=sources, dtype=torch.float32)


def walk(
    scheduler: PlannedScheduler, plan: Plan, clean: torch.Tensor, network: Network
) -> torch.Tensor:
    """What a diffusers pipeline does with a scheduler; the end of the trajectory.

    Only where the sampler wants to know of the negative prompt, there is one.
    """
    scheduler.set_timesteps(plan.steps.executed)
    unet: Any = Unet(network)
    ignored = torch.full_like(clean, torch.nan)
    x = scheduler.add_noise(clean, ignored, scheduler.timesteps[:1])
    with scheduler.listening(unet):
        for timestep in scheduler.timesteps:
            scaled = scheduler.scale_model_input(x, timestep)
            if plan.sampler.label == CFG_PLUS_PLUS:
                negative, positive = unet(torch.cat([scaled, scaled]), timestep)[0].chunk(2)
                output = negative + scheduler.guidance_scale * (positive - negative)
            else:
                output = torch.tensor(network(scaled.double().numpy(), float(timestep))).float()
            (x,) = scheduler.step(output, timestep, x, return_dict=False)
    return x


def walk_job(plan: Plan, clean: torch.Tensor, network: Network, predicts: str = "epsilon") -> Array:
    """The ends of all pictures of a plan, batch by batch."""
    ends = [
        walk(scheduler_for(plan, predicts, number), plan, clean[_indices(images)], network)
        for number, images in enumerate(plan.batches)
    ]
    return torch.cat(ends).numpy()


def slow_job(
    plan: Plan, clean: torch.Tensor, network: Network, knobs: Knobs, predicts: str = "epsilon"
) -> Array:
    """The same ends, from the slow implementations and noise drawn here."""
    model = SlowModel(network, ALPHAS, predicts)
    return np.concatenate(
        [
            _slow_walk(plan, images, model, clean[_indices(images)].double().numpy(), knobs)
            for images in plan.batches
        ]
    )


def _indices(images: Sequence[ImagePlan]) -> list[int]:
    return [image.index for image in images]


def _slow_walk(
    plan: Plan, images: Sequence[ImagePlan], model: SlowModel, clean: Array, knobs: Knobs
) -> Array:
    sources = [noise_source("CPU", image.seed, CPU) for image in images]

    def draw() -> Array:
        return np.stack([source.draw(SHAPE).double().numpy() for source in sources])

    label, executed, noise = plan.sampler.label, plan.steps.executed, draw()
    if plan.sampler.family is Family.timesteps:
        levels = [min(1 + i, 999) for i in range(0, 1000, 1000 // plan.steps.total)]
        alpha = ALPHAS[levels[executed]]
        start = clean * alpha**0.5 + noise * (1 - alpha) ** 0.5
        down = levels[:executed][::-1]
        if label == CFG_PLUS_PLUS:
            unguided = SlowModel(negatively(model.network), ALPHAS, model.predicts)
            scale = plan.request.sampling.cfg_scale
            return ddim_cfgpp(model, unguided, scale, start, down, knobs, draw)
        return TIMESTEP_SAMPLERS[label](model, start, down, knobs, draw)
    model = CoarseModel.of(model) if label == "LCM" else model
    sigmas = slow_schedule(
        plan.schedule,
        plan.steps.total,
        discard=plan.sampler.discards_next_to_last_sigma,
        is_coarse=label == "LCM",
    )
    cut = sigmas[len(sigmas) - executed - 1 :]
    start = clean + noise * cut[0]
    if label in BROWNIAN_SAMPLERS:
        between = brownian(images, min(filter(None, sigmas)), max(sigmas))
        return BROWNIAN_SAMPLERS[label](model.denoise, start, cut, knobs, between)
    return {**SIGMA_SAMPLERS, **FRESH_SAMPLERS}[label](model.denoise, start, cut, knobs, draw)


@cache
def slow_schedule(label: str, total: int, *, discard: bool, is_coarse: bool) -> list[float]:
    """The whole schedule with this label; `discard` drops the last level but one of a longer one.

    `is_coarse` has it for LCM's 50 noise levels.
    """
    model = SlowModel(lambda x, timestep: x, ALPHAS, "epsilon")
    model = CoarseModel.of(model) if is_coarse else model
    low, high = model.sigma_at(0), model.sigma_at(len(model.alphas_cumprod) - 1)
    sigmas = slow_sigmas(label, total + discard, model, low, high, 0)
    return [*sigmas[:-2], sigmas[-1]] if discard else sigmas


def brownian(images: Sequence[ImagePlan], low: float, high: float) -> Between:
    """Noise as k-diffusion has it: of torchsde's trees over the levels, which are float32."""
    ends = torch.tensor(low), torch.tensor(high)
    trees: list[Any] = [
        torchsde.BrownianTree(ends[0], torch.zeros(SHAPE), ends[1], entropy=image.seed)
        for image in images
    ]

    def between(sigma: float, following: float) -> Array:
        first, last = torch.tensor(sigma), torch.tensor(following)
        with warnings.catch_warnings():
            # It rounds the ends of its range, but not the levels that it compares with them.
            warnings.simplefilter("ignore")
            changes = torch.stack([tree(last, first) for tree in trees])
        return (-changes / (first - last).sqrt()).double().numpy()

    return between
