"""The tables of samplers and schedules, as facts: labels, aliases, orders; no torch.

The page, the infotext, the plan and the HTTP routes read these tables;
`pipelines.diffusion.schedulers` turns a row into a diffusers scheduler. Order is A1111's dropdown
order. The whole trajectory of every sampler equals A1111's for the same noise; the tests compare
each row with an independent slow implementation. Where diffusers has a class that does what A1111
does, the row names it. The others are written out in `pipelines.diffusion.samplers`:

- DPM++ SDE, DPM++ 2M SDE, DPM++ 2M SDE Heun, DPM++ 3M SDE: their noise comes from a Brownian path
  over the whole schedule and is scaled by eta; diffusers' classes draw plain noise for eta 1;
- DPM fast, DPM adaptive, Restart, DDIM CFG++: diffusers has no such sampler;
- LCM: A1111 wraps the model in boundary conditions over 50 levels of its own.

Known to differ, on purpose: A1111 leaves the last step of DDIM, DDIM CFG++ and PLMS out; reads a
network that predicts velocity as if it predicted noise in LCM; counts DPM fast's steps in threes;
and lets the pictures of a batch share DPM adaptive's steps, so that each depends on the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pipelines.errors import InvalidRequest

TRAIN_STEPS = 1000
"""Timesteps that every Stable Diffusion model was trained on."""

LCM_LEVELS = 50
"""Noise levels, of those of the training, that latent consistency models are distilled over."""


class Family(Enum):
    """How a sampler walks its noise levels, which decides A1111's step count.

    k_diffusion samplers walk sigmas and run trunc(min(strength, 0.999) * steps) + 1 steps;
    timestep samplers (DDIM, PLMS, UniPC) walk timesteps and run one step less.
    """

    k_diffusion = "k-diffusion"
    timesteps = "timesteps"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampler:
    """One row of the sampling-method menu."""

    label: str
    aliases: tuple[str, ...]
    scheduler: str  # name of the diffusers class, or a key of `pipelines.diffusion.samplers.OWN`
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])  # its arguments
    family: Family = Family.k_diffusion
    automatic_schedule: str = "Uniform"  # what "Automatic" means for it
    ancestral: bool = False  # fresh noise after every step, by eta_ancestral
    brownian_noise: bool = False  # that noise is of a path of the picture's seed, untouched by ENSD
    scales_fresh_noise: bool = False  # an ancestral sampler that obeys s_noise
    churns: bool = False  # obeys s_churn, s_tmin, s_tmax and s_noise
    obeys_eta_ddim: bool = False
    corrects_first_step: bool = False  # two model calls in the first step
    even_time: bool = False  # UniPC: divides its time into fractions, by settings of its own
    second_order: bool = False  # two model calls a step, but one in the last
    uses_ensd: bool = False  # A1111 writes ENSD to its infotext
    discards_next_to_last_sigma: bool = False
    levels: int = TRAIN_STEPS  # of the model's, which its schedules are made of
    chooses_steps: bool = False  # by what it sees, so that pictures are sampled one at a time


@dataclass(frozen=True, kw_only=True, slots=True)
class Schedule:
    """One row of the schedule-type menu; `pipelines.diffusion.sigmas` computes it."""

    label: str
    aliases: tuple[str, ...] = ()


AUTOMATIC = "Automatic"

SAMPLERS: tuple[Sampler, ...] = (
    Sampler(
        label="DPM++ 2M",
        aliases=("k_dpmpp_2m",),
        scheduler="DPMSolverMultistepScheduler",
        options={"solver_order": 2, "lower_order_final": False},
        automatic_schedule="Karras",
    ),
    Sampler(
        label="DPM++ SDE",
        aliases=("k_dpmpp_sde",),
        scheduler="dpmpp_sde",
        automatic_schedule="Karras",
        ancestral=True,
        brownian_noise=True,
        scales_fresh_noise=True,
        second_order=True,
    ),
    Sampler(
        label="DPM++ 2M SDE",
        aliases=("k_dpmpp_2m_sde",),
        scheduler="dpmpp_2m_sde",
        automatic_schedule="Exponential",
        ancestral=True,
        brownian_noise=True,
        scales_fresh_noise=True,
    ),
    Sampler(
        label="DPM++ 2M SDE Heun",
        aliases=("k_dpmpp_2m_sde_heun",),
        scheduler="dpmpp_2m_sde",
        options={"solver_type": "heun"},
        automatic_schedule="Exponential",
        ancestral=True,
        brownian_noise=True,
        scales_fresh_noise=True,
    ),
    Sampler(
        label="DPM++ 2S a",
        aliases=("k_dpmpp_2s_a",),
        scheduler="DPMSolverSinglestepScheduler",
        options={"solver_order": 2, "lower_order_final": True},
        automatic_schedule="Karras",
        ancestral=True,
        scales_fresh_noise=True,
        second_order=True,
        uses_ensd=True,
    ),
    Sampler(
        label="DPM++ 3M SDE",
        aliases=("k_dpmpp_3m_sde",),
        scheduler="dpmpp_3m_sde",
        automatic_schedule="Exponential",
        ancestral=True,
        brownian_noise=True,
        scales_fresh_noise=True,
        discards_next_to_last_sigma=True,
    ),
    Sampler(
        label="Euler a",
        aliases=("k_euler_a", "k_euler_ancestral"),
        scheduler="EulerDiscreteScheduler",
        ancestral=True,
        uses_ensd=True,
    ),
    Sampler(label="Euler", aliases=("k_euler",), scheduler="EulerDiscreteScheduler", churns=True),
    Sampler(label="LMS", aliases=("k_lms",), scheduler="LMSDiscreteScheduler"),
    Sampler(
        label="Heun",
        aliases=("k_heun",),
        scheduler="HeunDiscreteScheduler",
        churns=True,
        second_order=True,
    ),
    Sampler(
        label="DPM2",
        aliases=("k_dpm_2",),
        scheduler="KDPM2DiscreteScheduler",
        automatic_schedule="Karras",
        churns=True,
        second_order=True,
        discards_next_to_last_sigma=True,
    ),
    Sampler(
        label="DPM2 a",
        aliases=("k_dpm_2_a",),
        scheduler="KDPM2DiscreteScheduler",
        automatic_schedule="Karras",
        ancestral=True,
        scales_fresh_noise=True,
        second_order=True,
        uses_ensd=True,
        discards_next_to_last_sigma=True,
    ),
    Sampler(
        label="DPM fast",
        aliases=("k_dpm_fast",),
        scheduler="dpm_fast",
        ancestral=True,
        scales_fresh_noise=True,
        uses_ensd=True,
    ),
    Sampler(
        label="DPM adaptive",
        aliases=("k_dpm_ad",),
        scheduler="dpm_adaptive",
        ancestral=True,
        uses_ensd=True,
        chooses_steps=True,
    ),
    Sampler(
        label="Restart",
        aliases=("restart",),
        scheduler="restart",
        automatic_schedule="Karras",
        second_order=True,
    ),
    Sampler(
        label="DDIM",
        aliases=("ddim",),
        scheduler="DDIMScheduler",
        options={"clip_sample": False, "set_alpha_to_one": False},
        family=Family.timesteps,
        automatic_schedule=AUTOMATIC,
        obeys_eta_ddim=True,
    ),
    Sampler(
        label="DDIM CFG++",
        aliases=("ddim_cfgpp",),
        scheduler="ddim_cfgpp",
        family=Family.timesteps,
        automatic_schedule=AUTOMATIC,
        obeys_eta_ddim=True,
    ),
    Sampler(
        label="PLMS",
        aliases=("plms",),
        scheduler="PNDMScheduler",
        options={"skip_prk_steps": True, "set_alpha_to_one": False},
        family=Family.timesteps,
        automatic_schedule=AUTOMATIC,
        corrects_first_step=True,
    ),
    Sampler(
        label="UniPC",
        aliases=("unipc",),
        scheduler="UniPCMultistepScheduler",
        family=Family.timesteps,
        automatic_schedule=AUTOMATIC,
        even_time=True,
    ),
    Sampler(label="LCM", aliases=("k_lcm",), scheduler="lcm", levels=LCM_LEVELS),
)

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(label=AUTOMATIC),
    Schedule(label="Uniform"),
    Schedule(label="Karras"),
    Schedule(label="Exponential"),
    Schedule(label="Polyexponential"),
    Schedule(label="SGM Uniform", aliases=("SGMUniform",)),
    Schedule(label="KL Optimal"),
    Schedule(label="Align Your Steps"),
    Schedule(label="Simple"),
    Schedule(label="Normal"),
    Schedule(label="DDIM"),
    Schedule(label="Beta"),
)


def find_sampler(name: str) -> Sampler:
    """The sampler with this label or alias, case-insensitively; InvalidRequest if there is none."""
    wanted = name.strip().lower()
    for sampler in SAMPLERS:
        if wanted in (sampler.label.lower(), *(alias.lower() for alias in sampler.aliases)):
            return sampler
    known = ", ".join(sampler.label for sampler in SAMPLERS)
    raise InvalidRequest(f"Sampling method {name!r} is not known; choose one of {known}.")


def find_schedule(name: str) -> Schedule:
    """The schedule with this label or alias, case-insensitively; InvalidRequest if none."""
    wanted = name.strip().lower()
    for schedule in SCHEDULES:
        if wanted in (schedule.label.lower(), *(alias.lower() for alias in schedule.aliases)):
            return schedule
    known = ", ".join(schedule.label for schedule in SCHEDULES)
    raise InvalidRequest(f"Schedule type {name!r} is not known; choose one of {known}.")


def allowed_schedules(sampler: Sampler) -> tuple[str, ...]:
    """Labels of the schedules that `sampler` can follow, in menu order.

    Timestep samplers walk their own timesteps, so only "Automatic" means something for them.
    """
    if sampler.family is Family.timesteps:
        return (AUTOMATIC,)
    return tuple(schedule.label for schedule in SCHEDULES)


def check_combination(sampler: Sampler, schedule: str) -> None:
    """InvalidRequest if `sampler` cannot follow the schedule with this label."""
    allowed = allowed_schedules(sampler)
    if schedule not in allowed:
        raise InvalidRequest(
            f"Sampling method {sampler.label} cannot follow schedule type {schedule}; "
            f"choose {' or '.join(allowed)}."
        )


def ddim_stride(total: int, train_steps: int = TRAIN_STEPS) -> int:
    """Training timesteps from one level to the next when `total` are asked for."""
    return max(train_steps // total, 1)


def schedule_levels(sampler: Sampler, schedule: str, total: int) -> int:
    """How many steps the whole schedule really has when `total` are asked for.

    Only the DDIM schedule differs: it takes every (1000 // total)-th level, which may be more than
    `total`. InvalidRequest where the model's table has fewer levels than steps.
    """
    levels = sampler.levels
    if sampler.family is Family.timesteps:
        _check_total(sampler.label, total, levels)
        return total
    spare = int(sampler.discards_next_to_last_sigma)
    who = f"{sampler.label} on schedule type {schedule}"
    if schedule == "Simple":
        _check_total(who, total, levels - spare)
    if schedule == "DDIM":
        _check_total(who, total, levels - 1 - spare)
        return len(range(1, levels, ddim_stride(total + spare, levels))) - spare
    return total


def _check_total(who: str, total: int, allowed: int) -> None:
    if total > allowed:
        raise InvalidRequest(
            f"{who} allows at most {allowed} steps for the whole schedule, got {total}."
        )
