"""Slow, plain implementations of the samplers that are written out in the program, to compare with.

Written in numpy from the papers' formulas, over time t = -log sigma: Lu et al. 2022 (DPM-Solver,
DPM-Solver++), Xu et al. 2023 (Restart), Luo et al. 2023 (LCM), Chung et al. 2024 (CFG++), with
k-diffusion's and A1111's choices. `between` two sigmas gives noise of the pictures' Brownian paths,
`draw` fresh noise; both for a whole batch.
"""

import math
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

from tests.helpers.kdiffusion import Array, Denoise, Draw, Knobs, SlowModel, split, spread

Between = Callable[[float, float], Array]
NODES, WEIGHTS = np.polynomial.legendre.leggauss(12)


def integrated(decay: float, of: Callable[[float], Array | float]) -> Array | float:
    """What the linear part of a step makes of clean predictions `of` u, u in [0, 1] over the step.

    The integral of decay * exp(-decay * (1 - u)) * of(u), by Gauss's quadrature.
    """
    places = [((node + 1) / 2, weight / 2) for node, weight in zip(NODES, WEIGHTS, strict=True)]
    return sum(weight * decay * math.exp(-decay * (1 - u)) * of(u) for u, weight in places)


def path_deviation(h: float, eta: float, following: float) -> float:
    return following * math.sqrt(1 - math.exp(-2 * eta * h))


def dpmpp_sde(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, between: Between
) -> Array:
    for sigma, following in pairwise(sigmas):
        clean = denoise(x, sigma)
        if following == 0:
            x = clean
            continue
        t = -math.log(sigma)
        middle = math.exp(-(t + (-math.log(following) - t) / 2))
        ends: list[Array] = []
        for target in (middle, following):
            down, up = split(sigma, target, knobs.eta_ancestral)
            h = -math.log(down) - t
            moved = math.exp(-h) * x - (math.exp(-h) - 1) * clean
            ends.append(moved + between(sigma, target) * knobs.s_noise * up)
            clean = denoise(ends[0], middle) if target == middle else clean
        x = ends[1]
    return x


def dpmpp_2m_sde(
    denoise: Denoise,
    x: Array,
    sigmas: list[float],
    knobs: Knobs,
    between: Between,
    heun: bool = False,
) -> Array:
    """Heun's kind integrates the straight line through two predictions, the other half a change."""
    before: tuple[Array, float] | None = None
    for sigma, following in pairwise(sigmas):
        clean = denoise(x, sigma)
        if following == 0:
            return clean
        h = math.log(sigma) - math.log(following)
        decay = h + knobs.eta_ancestral * h
        slope = 0 * clean if before is None else (clean - before[0]) / before[1] * h

        def predicted(u: float, clean: Array = clean, slope: Array = slope) -> Array:
            return clean + slope * (u if heun else 0.5)

        deviation = path_deviation(h, knobs.eta_ancestral, following)
        noise = between(sigma, following) * deviation * knobs.s_noise
        x = math.exp(-decay) * x + integrated(decay, predicted) + noise
        before = (clean, h)
    return x


def dpmpp_2m_sde_heun(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, between: Between
) -> Array:
    return dpmpp_2m_sde(denoise, x, sigmas, knobs, between, heun=True)


def dpmpp_3m_sde(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, between: Between
) -> Array:
    """Integrates the tangent of the parabola through three predictions, and half of its bend."""
    known: list[tuple[float, Array]] = []
    for sigma, following in pairwise(sigmas):
        clean = denoise(x, sigma)
        if following == 0:
            return clean
        t = -math.log(sigma)
        h = -math.log(following) - t
        known = [*known, (t, clean)][-3:]
        tangent, bend = 0 * clean, 0 * clean
        if len(known) == 2:
            tangent = (clean - known[0][1]) / (t - known[0][0]) * h
        if len(known) == 3:
            rows = [[1.0, (time - t) / h, ((time - t) / h) ** 2] for time, _ in known]
            values = np.stack([value.ravel() for _, value in known])
            _, tangent, bend = np.linalg.solve(np.array(rows), values).reshape(3, *clean.shape)

        def predicted(
            u: float, clean: Array = clean, tangent: Array = tangent, bend: Array = bend
        ) -> Array:
            return clean + tangent * u + bend * u**2 / 2

        decay = (1 + knobs.eta_ancestral) * h
        deviation = path_deviation(h, knobs.eta_ancestral, following)
        noise = between(sigma, following) * deviation * knobs.s_noise
        x = math.exp(-decay) * x + integrated(decay, predicted) + noise
    return x


class Solver:
    """DPM-Solver over t = -log sigma, for noises."""

    def __init__(self, denoise: Denoise, x: Array, t: float, t_next: float) -> None:
        self.denoise, self.x, self.t, self.h = denoise, x, t, t_next - t
        self.noises = {0.0: self.noise(x, 0.0)}

    def sigma(self, share: float) -> float:
        return math.exp(-(self.t + share * self.h))

    def noise(self, x: Array, share: float) -> Array:
        return (x - self.denoise(x, self.sigma(share))) / self.sigma(share)

    def moved(self, share: float) -> Array:
        """By the noise of the beginning."""
        return self.x - self.sigma(share) * (math.exp(share * self.h) - 1) * self.noises[0.0]

    def change(self, at: float) -> Array:
        return self.noises[at] - self.noises[0.0]

    def second(self, r: float) -> Array:
        if r not in self.noises:
            self.noises[r] = self.noise(self.moved(r), r)
        grown = self.sigma(1) * (math.exp(self.h) - 1)
        return self.moved(1) - grown / (2 * r) * self.change(r)

    def third(self) -> Array:
        r1, r2 = 1 / 3, 2 / 3
        self.second(r1)
        if r2 not in self.noises:
            curve = (math.exp(r2 * self.h) - 1) / (r2 * self.h) - 1
            guess = self.moved(r2) - self.sigma(r2) * r2 / r1 * curve * self.change(r1)
            self.noises[r2] = self.noise(guess, r2)
        curve = (math.exp(self.h) - 1) / self.h - 1
        return self.moved(1) - self.sigma(1) / r2 * curve * self.change(r2)


def lowered(sigma: float, following: float, end: float, eta: float) -> tuple[float, float]:
    """The time to solve to and the noise to add, in a step that must not pass `end`."""
    down, _ = split(sigma, following, eta)
    t = min(-math.log(down), -math.log(end)) if down > 0 else -math.log(end)
    return t, math.sqrt(max(following**2 - math.exp(-2 * t), 0.0))


def dpm_fast(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    calls = len(sigmas) - 1
    steps = calls // 3 + 1
    times = spread(-math.log(sigmas[0]), -math.log(sigmas[-2]), steps + 1)
    left = calls
    for t, t_next in pairwise(times):
        order = 3 if left > 3 else 2 if left == 3 else left
        left -= order
        t_down, up = lowered(
            math.exp(-t), math.exp(-t_next), math.exp(-times[-1]), knobs.eta_ancestral
        )
        solver = Solver(denoise, x, t, t_down)
        x = {1: lambda s: s.moved(1), 2: lambda s: s.second(1 / 2), 3: lambda s: s.third()}[order](
            solver
        )
        x = x + up * knobs.s_noise * draw()
    return x


def dpm_adaptive(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw
) -> Array:
    s, t_end, h = -math.log(sigmas[0]), -math.log(sigmas[-2]), 0.05
    before = x
    while s < t_end - 1e-5:
        t = min(t_end, s + h)
        t_down, up = lowered(math.exp(-s), math.exp(-t), math.exp(-t_end), knobs.eta_ancestral)
        solver = Solver(denoise, x, s, t_down)
        low, high = solver.second(1 / 3), solver.third()
        delta = np.maximum(0.0078, 0.05 * np.maximum(abs(low), abs(before)))
        error = math.sqrt(np.mean(((low - high) / delta) ** 2))
        inverse = 1 / (error + 1e-8)
        factor = 1 + math.atan(inverse ** (1 / (1.5 if knobs.eta_ancestral else 3)) - 1)
        if factor >= 0.81:
            before, s = low, t
            x = high + up * draw()
        h *= factor
    return x


def restarts(sigmas: list[float]) -> Iterator[tuple[float, float]]:
    """The steps of Restart as A1111 chooses them, where there are 20 or more."""

    def karras(count: int, low: float, high: float) -> list[float]:
        return [root**7 for root in spread(high ** (1 / 7), low ** (1 / 7), count)]

    steps = len(sigmas) - 1
    inner, times = (9, 1) if steps < 36 else (steps // 4, 2)
    levels = [*karras(steps - inner * times, sigmas[-2], sigmas[0]), 0.0]
    bottom = int(np.argmin([abs(level - 0.1) for level in levels]))
    top = int(np.argmin([abs(level - 2.0) for level in levels]))
    for index in range(len(levels) - 1):
        yield levels[index], levels[index + 1]
        if index + 1 == bottom and top < bottom:
            for _ in range(times):
                yield from pairwise(karras(inner + 1, levels[bottom], levels[top]))


def restart(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    steps = list(restarts(sigmas) if len(sigmas) > 20 else pairwise(sigmas))
    reached = sigmas[0]
    for sigma, following in steps:
        if sigma > reached * (1 + 1e-9):
            x = x + draw() * math.sqrt(sigma**2 - reached**2)
        reached = following
        slope = (x - denoise(x, sigma)) / sigma
        guess = x + slope * (following - sigma)
        if following > 0:
            slope = (slope + (guess - denoise(guess, following)) / following) / 2
        x = x + slope * (following - sigma)
    return x


def lcm(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    for sigma, following in pairwise(sigmas):
        x = denoise(x, sigma)
        if following > 0:
            x = x + following * draw()
    return x


class CoarseModel(SlowModel):
    """A network under LCM's boundary condition: whole timesteps of the 50 levels that are known."""

    @classmethod
    def of(cls, model: SlowModel) -> "CoarseModel":
        return cls(model.network, model.alphas_cumprod[19::20], model.predicts)

    def timestep(self, sigma: float) -> float:
        known = [self.sigma_at(step) for step in range(50)]
        return float(np.argmin([abs(math.log(sigma / level)) for level in known]))

    def denoise(self, x: Array, sigma: float) -> Array:
        timestep = 20 * self.timestep(sigma) + 19
        alpha = 1 / (1 + sigma**2)
        clean = self._clean(math.sqrt(alpha) * x, alpha, timestep)
        scaled = 10 * timestep
        return (scaled * clean) / math.sqrt(scaled**2 + 0.25) + 0.25 / (scaled**2 + 0.25) * x


def ddim_cfgpp(
    model: SlowModel,
    unguided: SlowModel,
    scale: float,
    x: Array,
    walk: list[int],
    knobs: Knobs,
    draw: Draw,
) -> Array:
    """`model` answers to the prompt, `unguided` to the negative prompt; `scale` is the page's."""
    for step, to in pairwise([*walk, 0]):
        alpha, following = model.alphas_cumprod[step], model.alphas_cumprod[to]
        away = unguided.noise(x, step)
        noise = away + scale / 12.5 * (model.noise(x, step) - away)
        clean = (x - math.sqrt(1 - alpha) * noise) / math.sqrt(alpha)
        variance = (1 - following) / (1 - alpha) * (1 - alpha / following)
        deviation = knobs.eta_ddim * math.sqrt(variance)
        x = math.sqrt(following) * clean + math.sqrt(1 - following - deviation**2) * away
        if knobs.eta_ddim > 0:
            x = x + deviation * draw()
    return x


FRESH_SAMPLERS = {
    "DPM fast": dpm_fast,
    "DPM adaptive": dpm_adaptive,
    "Restart": restart,
    "LCM": lcm,
}
BROWNIAN_SAMPLERS = {
    "DPM++ SDE": dpmpp_sde,
    "DPM++ 2M SDE": dpmpp_2m_sde,
    "DPM++ 2M SDE Heun": dpmpp_2m_sde_heun,
    "DPM++ 3M SDE": dpmpp_3m_sde,
}
