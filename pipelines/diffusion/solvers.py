"""How a k-diffusion sampler's steps become calls of a diffusers class.

A `Leg` is one step of the sampler, a `Call` one question to the network. `SOLVERS` says for each
diffusers class which tables make its `step` do exactly what k-diffusion does; the noise between
the legs, and where the network is asked, are decided here and not by the class.
"""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from pipelines.samplers import Sampler
from pipelines.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """One step of a k-diffusion sampler, deterministic from `start` down to `target`.

    Noise of standard deviation `before` lifts the latents to `start` first (churn), and noise of
    `after` is added at the end (ancestral samplers); None draws no noise at all.
    """

    start: float
    target: float
    before: float | None = None
    after: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One model call: the network is asked at `sigma`, the solver moves the latents to `after`.

    `index` is where the diffusers class finds this call in its tables. The last call of a sampler
    step `finishes` it. Then noise of standard deviation `fresh` is added; None draws none.
    """

    sigma: float
    after: float
    index: int
    finishes: bool = True
    fresh: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Solver:
    """What a diffusers class wants.

    `tables` makes attributes of the class from the legs, `stride` sigmas a step.
    `middle` gives the noise level of a step's second model call; without it there is one call.
    `preserves_variance`: the class holds latents divided by sqrt(1 + sigma^2).
    """

    tables: Callable[[Sequence[Leg]], Mapping[str, object]]
    stride: int
    middle: Callable[[Leg], float] | None = None
    preserves_variance: bool = False


def _geometric_middle(leg: Leg) -> float:
    """Halfway in log sigma; 0 for a step to 0, which needs no second call."""
    return math.sqrt(leg.start * leg.target)


def _chain(legs: Sequence[Leg]) -> Mapping[str, object]:
    """Every leg starts where the one before ended: what multistep solvers look back on."""
    return {"sigmas": torch.tensor([leg.start for leg in legs] + [legs[-1].target])}


def _plain_chain(legs: Sequence[Leg]) -> Mapping[str, object]:
    """The same in plain numbers, which LMS integrates over many times faster than over tensors."""
    return {"sigmas": [leg.start for leg in legs] + [legs[-1].target]}


def _pairs(legs: Sequence[Leg]) -> Mapping[str, object]:
    return {"sigmas": torch.tensor([[leg.start, leg.target] for leg in legs]).flatten()}


def _pairs_and_middles(legs: Sequence[Leg]) -> Mapping[str, object]:
    middles = torch.tensor([[leg.start, _geometric_middle(leg)] for leg in legs]).flatten()
    return {**_pairs(legs), "sigmas_interpol": middles}


def _triples_and_orders(legs: Sequence[Leg]) -> Mapping[str, object]:
    triples = [[leg.start, _geometric_middle(leg), leg.target] for leg in legs]
    return {"sigmas": torch.tensor(triples).flatten(), "order_list": [1, 2, 0] * len(legs)}


SOLVERS: Mapping[str, Solver] = {
    "EulerDiscreteScheduler": Solver(tables=_pairs, stride=2),
    "HeunDiscreteScheduler": Solver(tables=_pairs, stride=2, middle=lambda leg: leg.target),
    "KDPM2DiscreteScheduler": Solver(tables=_pairs_and_middles, stride=2, middle=_geometric_middle),
    "LMSDiscreteScheduler": Solver(tables=_plain_chain, stride=1),
    "DPMSolverMultistepScheduler": Solver(tables=_chain, stride=1, preserves_variance=True),
    "DPMSolverSinglestepScheduler": Solver(
        tables=_triples_and_orders, stride=3, middle=_geometric_middle, preserves_variance=True
    ),
}


def plan_legs(sampler: Sampler, sigmas: Sequence[float], settings: Settings) -> list[Leg]:
    """The steps down the cut schedule `sigmas`, with the noise that the sampler adds."""
    ends = list(itertools.pairwise(sigmas))
    if sampler.ancestral:
        scale = settings.s_noise if sampler.scales_fresh_noise else 1.0
        return [_ancestral_leg(*end, settings.eta_ancestral, scale) for end in ends]
    if sampler.churns and settings.s_churn > 0:
        return [_churned_leg(*end, len(ends), settings) for end in ends]
    return [Leg(start=start, target=target) for start, target in ends]


def _ancestral_leg(start: float, end: float, eta: float, scale: float) -> Leg:
    if end == 0:
        return Leg(start=start, target=end)
    down, up = ancestral_split(start, end, eta)
    return Leg(start=start, target=down, after=up * scale)


def ancestral_split(start: float, end: float, eta: float) -> tuple[float, float]:
    """k-diffusion's split of a step: down to less than `end`, then up by noise to `end`.

    down^2 + up^2 = end^2, and eta 1 gives the variance of DDPM's posterior (Ho et al. 2020).
    """
    up = min(end, eta * end * math.sqrt(max(start**2 - end**2, 0.0)) / start)
    return math.sqrt(end**2 - up**2), up


def _churned_leg(start: float, end: float, steps: int, settings: Settings) -> Leg:
    """Algorithm 2 of Karras et al. 2022: raise the noise level by gamma before the step.

    k-diffusion draws the noise of every step, also of those outside [s_tmin, s_tmax].
    """
    inside = settings.s_tmin <= start <= (settings.s_tmax or math.inf)
    gamma = min(settings.s_churn / steps, math.sqrt(2) - 1) if inside else 0.0
    raised = start * (1 + gamma)
    noise = math.sqrt(raised**2 - start**2) * settings.s_noise
    return Leg(start=raised, target=end, before=noise)


def plan_calls(legs: Sequence[Leg], solver: Solver) -> list[Call]:
    """The model calls of all legs, in order."""
    calls: list[Call] = []
    following = [leg.before for leg in legs[1:]] + [None]
    for number, (leg, lift) in enumerate(zip(legs, following, strict=True)):
        sigma, index = leg.start, number * solver.stride
        if solver.middle is not None and leg.target > 0:
            middle = solver.middle(leg)
            calls.append(Call(sigma=sigma, after=middle, index=index, finishes=False))
            sigma, index = middle, index + 1
        fresh = lift if leg.after is None else leg.after
        calls.append(Call(sigma=sigma, after=leg.target, index=index, fresh=fresh))
    return calls
