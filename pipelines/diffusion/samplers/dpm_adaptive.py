"""DPM adaptive: DPM-Solver-23, which chooses its steps by the error that it estimates.

Lu et al. 2022, "DPM-Solver" (https://arxiv.org/abs/2206.00927), appendix C: steps of third order,
checked by those of second order that share their model calls, with ancestral noise after each and
the tolerances and the step control of k-diffusion. Of the schedule it takes the first level and the
last but one, and leaves the latter's noise in the picture. The slider's steps only scale what is
reported: the share of the way in log sigma.

All pictures of a batch share their steps, as they do in k-diffusion. Since a picture must not
depend on its neighbours, the plan gives this sampler one picture at a time.
"""

import math
from collections.abc import Generator

import torch

from pipelines.diffusion.samplers.dpm_solver import SolverStep, split_above
from pipelines.diffusion.samplers.walk import Ask, Road, Walk

TwoEnds = Generator[Ask, torch.Tensor, tuple[torch.Tensor, torch.Tensor]]

RELATIVE, ABSOLUTE = 0.05, 0.0078
"""Errors that are tolerated: of each number, and whatever the number."""

FIRST_LENGTH = 0.05
"""Of the first step that is tried, in log sigma."""

ACCEPTED = 0.81
"""A step counts if the next one may be at least this many times as long."""

ARRIVED = 1e-5
"""How near to the end is the end, in log sigma."""


def dpm_adaptive(latents: torch.Tensor, road: Road) -> Walk:
    """Three model calls for every step that is tried, whether it counts or not."""
    sigma, end, steps = road.sigmas[0], road.sigmas[-2], len(road.sigmas) - 1
    # With fresh noise the error falls as that of a solver of order 1.5 (k-diffusion's choice).
    order = 1.5 if road.eta > 0 else 3
    way, length, checked = math.log(sigma / end), FIRST_LENGTH, latents
    while (left := math.log(sigma / end)) > ARRIVED:
        following = max(end, sigma * math.exp(-length))
        down, up = split_above(sigma, following, end, road.eta)
        step = SolverStep(sigma=sigma, target=down)
        second, third = yield from _two_orders(latents, step, done=int(steps * (1 - left / way)))
        error = _error(second, third, checked)
        if not math.isfinite(error):
            return third  # Of no use, but of no end otherwise: no step would ever count.
        factor = 1 + math.atan((1 / (error + 1e-8)) ** (1 / order) - 1)
        if factor >= ACCEPTED:
            latents, checked, sigma = third, second, following
            if up > 0:
                latents = latents + road.fresh() * (up * road.s_noise)
        length *= factor
    return latents


def _two_orders(latents: torch.Tensor, step: SolverStep, *, done: int) -> TwoEnds:
    """The ends of one step to second and to third order."""
    clean = yield Ask(latents=latents, sigma=step.sigma, done=done)
    noise = (latents - clean) / step.sigma
    guess, level = step.first(latents, noise, 1 / 3), step.level(1 / 3)
    later = (guess - (yield Ask(latents=guess, sigma=level, done=done))) / level
    guess, level = step.two_thirds(latents, noise, later), step.level(2 / 3)
    latest = (guess - (yield Ask(latents=guess, sigma=level, done=done))) / level
    return step.second(latents, noise, later, 1 / 3), step.third(latents, noise, latest)


def _error(second: torch.Tensor, third: torch.Tensor, checked: torch.Tensor) -> float:
    """The root mean square of the difference in units of what is tolerated."""
    largest = torch.maximum(second.abs(), checked.abs())
    units = (second - third) / (largest * RELATIVE).clamp(min=ABSOLUTE)
    return float(torch.linalg.vector_norm(units)) / math.sqrt(units.numel())
