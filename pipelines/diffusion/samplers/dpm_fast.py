"""DPM fast: as many model calls as steps, spent on DPM-Solver's third-order steps.

Lu et al. 2022, "DPM-Solver" (https://arxiv.org/abs/2206.00927), section 3.4, with ancestral noise
between the steps, as k-diffusion has it. Of the schedule it takes the first level and the last but
one, and leaves the latter's noise in the picture.
"""

import itertools

import numpy as np
import torch

from pipelines.diffusion.samplers.dpm_solver import SolverStep, split_above
from pipelines.diffusion.samplers.walk import Ask, Road, Walk


def dpm_fast(latents: torch.Tensor, road: Road) -> Walk:
    """Equal steps in log sigma of up to three model calls, each of which counts as a step."""
    calls = len(road.sigmas) - 1
    orders = [3] * (calls // 3 - 1) + [2, 1] if calls % 3 == 0 else [3] * (calls // 3) + [calls % 3]
    levels = np.geomspace(road.sigmas[0], road.sigmas[-2], len(orders) + 1).tolist()
    done = 0
    for order, (sigma, following) in zip(orders, itertools.pairwise(levels), strict=True):
        down, up = split_above(sigma, following, levels[-1], road.eta)
        latents = yield from _step(latents, SolverStep(sigma=sigma, target=down), order, done)
        done += order
        if up > 0:
            latents = latents + road.fresh() * (up * road.s_noise)
    return latents


def _step(latents: torch.Tensor, step: SolverStep, order: int, done: int) -> Walk:
    """One step of this order, before which `done` calls were made."""
    clean = yield Ask(latents=latents, sigma=step.sigma, done=done + 1)
    noise = (latents - clean) / step.sigma
    if order == 1:
        return step.first(latents, noise)
    share = 1 / order
    guess, level = step.first(latents, noise, share), step.level(share)
    later = (guess - (yield Ask(latents=guess, sigma=level, done=done + 2))) / level
    if order == 2:
        return step.second(latents, noise, later, share)
    guess, level = step.two_thirds(latents, noise, later), step.level(2 / 3)
    latest = (guess - (yield Ask(latents=guess, sigma=level, done=done + 3))) / level
    return step.third(latents, noise, latest)
