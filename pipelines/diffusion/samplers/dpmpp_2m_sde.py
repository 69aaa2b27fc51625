"""DPM++ 2M SDE and DPM++ 2M SDE Heun: the multistep SDE-DPM-Solver++ on a Brownian path.

Lu et al. 2022, "DPM-Solver++" (https://arxiv.org/abs/2211.01095), section 5 and appendix D:
SDE-DPM-Solver++(2M), with k-diffusion's `eta`, under which 0 is the ODE and 1 the SDE.
"""

import itertools
import math

import torch

from pipelines.diffusion.samplers.walk import Ask, Road, Walk


def dpmpp_2m_sde(latents: torch.Tensor, road: Road, *, solver_type: str = "midpoint") -> Walk:
    """One model call a step; `solver_type` ("midpoint" or "heun") weighs the change since the last.

    First-order where there is no step before, and down to 0.
    """
    before: torch.Tensor | None = None
    length_before = 0.0
    for number, (sigma, following) in enumerate(itertools.pairwise(road.sigmas)):
        denoised = yield Ask(latents=latents, sigma=sigma, done=number + 1)
        if following == 0:
            return denoised
        length = math.log(sigma / following)
        decay = length * (1 + road.eta)
        gain = -math.expm1(-decay)
        latents = latents * math.exp(-decay) + denoised * gain
        if before is not None:
            weight = gain / 2 if solver_type == "midpoint" else 1 - gain / decay
            latents = latents + (denoised - before) * (weight * length / length_before)
        deviation = following * math.sqrt(-math.expm1(-2 * road.eta * length))
        latents = latents + road.between(sigma, following) * (deviation * road.s_noise)
        before, length_before = denoised, length
    return latents
