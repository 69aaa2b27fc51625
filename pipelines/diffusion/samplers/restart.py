"""Restart: Heun's steps, some of which are gone down again after the noise was put back.

Xu et al. 2023, "Restart Sampling for Improving Generative Processes"
(https://arxiv.org/abs/2306.14878), algorithm 1, with A1111's choice of where to restart.
"""

import itertools
import math
from collections.abc import Sequence

import torch

from pipelines.diffusion.samplers.walk import Ask, Road, Walk, drawn_to
from pipelines.diffusion.sigmas import karras

LOW, HIGH = 0.1, 2.0
"""From the level nearest to the one, the noise is put back to the level nearest to the other."""


def restart(latents: torch.Tensor, road: Road) -> Walk:
    """Two model calls a step, but one down to 0."""
    level = road.sigmas[0]
    for number, (sigma, following) in enumerate(restart_steps(road.sigmas)):
        if sigma > level:
            latents = latents + road.fresh() * (math.sqrt(sigma**2 - level**2) * road.s_noise)
        level = following
        if following == 0:
            latents = yield Ask(latents=latents, sigma=sigma, done=number + 1)
            continue
        denoised = yield Ask(latents=latents, sigma=sigma, done=number)
        guess = drawn_to(latents, denoised, sigma, following)
        again = yield Ask(latents=guess, sigma=following, done=number + 1)
        slope = (latents - denoised) / sigma + (guess - again) / following
        latents = latents + slope * ((following - sigma) / 2)
    return latents


def restart_steps(sigmas: Sequence[float]) -> list[tuple[float, float]]:
    """Pairs of levels to go down by: `sigmas` one after the other if there are under 20 steps.

    Else some steps (9 once, from 36 on a quarter of them twice) are kept for going down again, and
    all levels are Karras', whatever schedule was chosen. Where the start is below both levels,
    there is nowhere to restart from, and these steps are never made.
    """
    count = len(sigmas) - 1
    if count < 20:
        return list(itertools.pairwise(sigmas))
    again, times = (9, 1) if count < 36 else (count // 4, 2)
    levels = [*karras(count - again * times, sigmas[-2], sigmas[0]).tolist(), 0.0]
    low, high = (_nearest(levels, level) for level in (LOW, HIGH))
    steps: list[tuple[float, float]] = []
    for number, step in enumerate(itertools.pairwise(levels), start=1):
        steps.append(step)
        if number == low and high < low:
            inner = karras(again + 1, levels[low], levels[high])[1:-1].tolist()
            steps += [*itertools.pairwise([levels[high], *inner, levels[low]])] * times
    return steps


def _nearest(levels: Sequence[float], wanted: float) -> int:
    return min(range(len(levels)), key=lambda index: abs(levels[index] - wanted))
