"""DPM++ 3M SDE: k-diffusion's multistep SDE solver of third order, on a Brownian path.

The predictor of Lu et al. 2022, "DPM-Solver++" (https://arxiv.org/abs/2211.01095), as an
exponential integrator (Hochbruck and Ostermann 2010, https://doi.org/10.1017/S0962492910000048): it
continues the clean prediction over log sigma as a parabola through the last three, of whose bend
k-diffusion takes half.
"""

import itertools
import math
from collections import deque

import torch

from pipelines.diffusion.samplers.walk import Ask, Road, Walk


def dpmpp_3m_sde(latents: torch.Tensor, road: Road) -> Walk:
    """One model call a step, of the order that the steps before allow; straight down to 0."""
    past: deque[torch.Tensor] = deque(maxlen=2)  # earlier predictions, the last one first
    lengths: deque[float] = deque(maxlen=2)  # of the steps after them, in log sigma
    for number, (sigma, following) in enumerate(itertools.pairwise(road.sigmas)):
        denoised = yield Ask(latents=latents, sigma=sigma, done=number + 1)
        if following == 0:
            return denoised
        length = math.log(sigma / following)
        decay = length * (1 + road.eta)
        latents = latents * math.exp(-decay) - denoised * math.expm1(-decay)
        second = math.expm1(-decay) / decay + 1
        ratios = [earlier / length for earlier in lengths]
        if len(past) == 1:
            latents = latents + (denoised - past[0]) * (second / ratios[0])
        elif len(past) == 2:
            third = second / decay - 0.5
            near, far = (denoised - past[0]) / ratios[0], (past[0] - past[1]) / ratios[1]
            bend = (near - far) / sum(ratios)
            latents = latents + (near + bend * ratios[0]) * second - bend * third
        deviation = following * math.sqrt(-math.expm1(-2 * road.eta * length))
        latents = latents + road.between(sigma, following) * (deviation * road.s_noise)
        past.appendleft(denoised)
        lengths.appendleft(length)
    return latents
