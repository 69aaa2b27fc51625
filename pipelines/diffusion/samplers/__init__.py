"""Every sampler of the menu, and `make_scheduler`, which makes one ready for a batch.

A row of `pipelines.samplers.SAMPLERS` names in `scheduler` either a class of diffusers', where that
does what A1111 does (`adapted`, `timesteps`), or a key of `OWN`, where it is written out: one file
each, which links the paper.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch

from pipelines.diffusion.noise import PictureNoise
from pipelines.diffusion.samplers.adapted import AdaptedScheduler
from pipelines.diffusion.samplers.ddim_cfgpp import DdimCfgPlusPlusScheduler
from pipelines.diffusion.samplers.dpm_adaptive import dpm_adaptive
from pipelines.diffusion.samplers.dpm_fast import dpm_fast
from pipelines.diffusion.samplers.dpmpp_2m_sde import dpmpp_2m_sde
from pipelines.diffusion.samplers.dpmpp_3m_sde import dpmpp_3m_sde
from pipelines.diffusion.samplers.dpmpp_sde import dpmpp_sde
from pipelines.diffusion.samplers.lcm import LcmScheduler
from pipelines.diffusion.samplers.restart import restart
from pipelines.diffusion.samplers.timesteps import AdaptedTimestepScheduler, EvenTimeScheduler
from pipelines.diffusion.samplers.walk import WalkScheduler
from pipelines.diffusion.schedulers import Blend, Job, PlannedScheduler, keep_prediction
from pipelines.diffusion.sigmas import ModelNoise
from pipelines.plan import Plan
from pipelines.samplers import Family, Sampler, check_combination

Make = Callable[..., PlannedScheduler]
"""Makes a scheduler from a Job and the options of the sampler's row."""

OWN: Mapping[str, Make] = {
    "dpmpp_sde": partial(WalkScheduler, walk=dpmpp_sde),
    "dpmpp_2m_sde": partial(WalkScheduler, walk=dpmpp_2m_sde),
    "dpmpp_3m_sde": partial(WalkScheduler, walk=dpmpp_3m_sde),
    "dpm_fast": partial(WalkScheduler, walk=dpm_fast),
    "dpm_adaptive": partial(WalkScheduler, walk=dpm_adaptive),
    "restart": partial(WalkScheduler, walk=restart),
    "ddim_cfgpp": DdimCfgPlusPlusScheduler,
    "lcm": LcmScheduler,
}
"""The samplers that diffusers has not, or has otherwise than A1111."""


def make_scheduler(
    plan: Plan,
    model_config: Mapping[str, Any],
    *,
    noise: torch.Tensor,
    sources: Sequence[PictureNoise],
    dtype: torch.dtype,
    blend: Blend = keep_prediction,
    sdxl: bool = False,
) -> PlannedScheduler:
    """The scheduler for one batch of `plan`; `blend` is called at every model call.

    `model_config` is the model's scheduler config (betas, prediction type). `noise` and `sources`
    come from `planned_noise`. `dtype` is the network's. `sdxl` picks the list of Align Your Steps.
    InvalidRequest if sampler and schedule cannot be combined, ModelBroken for an unknown kind of
    model. An option that the sampler does not know is a TypeError.
    """
    check_combination(plan.sampler, plan.schedule)
    model = ModelNoise.from_config(model_config, sdxl=sdxl)
    job = Job(plan=plan, model=model, noise=noise, sources=sources, dtype=dtype, blend=blend)
    own = OWN.get(plan.sampler.scheduler)
    return own(job, **plan.sampler.options) if own else _adapted(plan.sampler)(job)


def _adapted(sampler: Sampler) -> Callable[[Job], PlannedScheduler]:
    if sampler.family is Family.k_diffusion:
        return AdaptedScheduler
    return EvenTimeScheduler if sampler.even_time else AdaptedTimestepScheduler
