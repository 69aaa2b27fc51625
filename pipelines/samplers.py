"""The tables of samplers and schedules, as facts: labels, aliases, orders; no torch.

The page, the infotext, the plan and (later) the HTTP routes read these tables.
`pipelines.diffusion.schedulers` turns a row into a diffusers scheduler.
Order is A1111's dropdown order. A sampler appears only once it is exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from pipelines.errors import InvalidRequest


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
    scheduler: str  # name of the diffusers class
    options: Mapping[str, Any] = field(default_factory=dict)  # its constructor arguments
    family: Family = Family.k_diffusion
    automatic_schedule: str = "Uniform"  # what "Automatic" means for it
    second_order: bool = False  # two model calls a step
    uses_ensd: bool = False  # later draws follow eta_noise_seed_delta
    discards_next_to_last_sigma: bool = False


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
        options={"solver_order": 2},
        automatic_schedule="Karras",
    ),
    Sampler(
        label="Euler a",
        aliases=("k_euler_a", "k_euler_ancestral"),
        scheduler="EulerAncestralDiscreteScheduler",
        uses_ensd=True,
    ),
    Sampler(label="Euler", aliases=("k_euler",), scheduler="EulerDiscreteScheduler"),
    Sampler(
        label="DDIM", aliases=("ddim",), scheduler="DDIMScheduler", family=Family.timesteps
    ),
)

SCHEDULES: tuple[Schedule, ...] = (
    Schedule(label=AUTOMATIC),
    Schedule(label="Uniform"),
    Schedule(label="Karras"),
    Schedule(label="Exponential"),
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
