"""DPM++ SDE: DPM-Solver++(2S) with fresh noise, on a Brownian path.

Lu et al. 2022, "DPM-Solver++" (https://arxiv.org/abs/2211.01095), the single-step solver of second
order, whose two stages each go down by an ancestral step, as k-diffusion has it.
"""

import itertools
import math

import torch

from pipelines.diffusion.samplers.walk import Ask, Road, Walk, drawn_to
from pipelines.diffusion.solvers import ancestral_split


def dpmpp_sde(latents: torch.Tensor, road: Road) -> Walk:
    """Two model calls a step, the second halfway in log sigma; one down to 0."""

    def lowered(denoised: torch.Tensor, sigma: float, target: float) -> torch.Tensor:
        down, up = ancestral_split(sigma, target, road.eta)
        noise = road.between(sigma, target) * (up * road.s_noise)
        return drawn_to(latents, denoised, sigma, down) + noise

    for number, (sigma, following) in enumerate(itertools.pairwise(road.sigmas)):
        if following == 0:
            return (yield Ask(latents=latents, sigma=sigma, done=number + 1))
        denoised = yield Ask(latents=latents, sigma=sigma, done=number)
        middle = math.sqrt(sigma * following)
        guess = lowered(denoised, sigma, middle)
        denoised = yield Ask(latents=guess, sigma=middle, done=number + 1)
        latents = lowered(denoised, sigma, following)
    return latents
