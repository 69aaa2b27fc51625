"""Slow, plain implementations of A1111's samplers and schedules, to compare ours with.

Written from the papers' formulas in numpy and loops: Karras et al. 2022 (Euler, Heun, churn,
Karras sigmas), Lu et al. 2022 (DPM-Solver-2, DPM-Solver++), Liu et al. 2022 (PLMS), Song et al.
2021 (DDIM). Latents are float64 arrays; `draw` gives the next fresh noise of a whole batch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from scipy.special import betainc

Array = np.ndarray
Draw = Callable[[], Array]
Denoise = Callable[[Array, float], Array]


@dataclass(frozen=True)
class SlowModel:
    """A network and the noise it was trained on.

    `network` takes latents of variance 1 and a timestep, and predicts noise or velocity.
    """

    network: Callable[[Array, float], Array]
    alphas_cumprod: list[float]
    predicts: str

    def sigma_at(self, step: int) -> float:
        alpha = self.alphas_cumprod[step]
        return math.sqrt((1 - alpha) / alpha)

    def timestep(self, sigma: float) -> float:
        """Where log sigma lies between two training steps."""
        last = len(self.alphas_cumprod) - 1
        if sigma <= self.sigma_at(0):
            return 0.0
        if sigma >= self.sigma_at(last):
            return float(last)
        low = max(step for step in range(last) if self.sigma_at(step) <= sigma)
        below, above = math.log(self.sigma_at(low)), math.log(self.sigma_at(low + 1))
        return low + (math.log(sigma) - below) / (above - below)

    def sigma(self, timestep: float) -> float:
        """The inverse of `timestep`."""
        low = min(math.floor(timestep), len(self.alphas_cumprod) - 2)
        share = timestep - low
        below, above = math.log(self.sigma_at(low)), math.log(self.sigma_at(low + 1))
        return math.exp(below + share * (above - below))

    def alpha(self, timestep: float) -> float:
        """`alphas_cumprod` between training steps, straight in its logarithm."""
        low = min(math.floor(timestep), len(self.alphas_cumprod) - 2)
        below, above = (math.log(self.alphas_cumprod[step]) for step in (low, low + 1))
        return math.exp(below + (timestep - low) * (above - below))

    def denoise(self, x: Array, sigma: float) -> Array:
        """The clean latents predicted from x = clean + noise * sigma."""
        alpha = 1 / (1 + sigma**2)
        return self._clean(math.sqrt(alpha) * x, alpha, self.timestep(sigma))

    def noise(self, x: Array, step: int) -> Array:
        """The noise predicted from x = clean * sqrt(a) + noise * sqrt(1 - a)."""
        alpha = self.alphas_cumprod[step]
        return (x - math.sqrt(alpha) * self._clean(x, alpha, step)) / math.sqrt(1 - alpha)

    def _clean(self, x: Array, alpha: float, timestep: float) -> Array:
        output = self.network(x, timestep)
        if self.predicts == "epsilon":
            return (x - math.sqrt(1 - alpha) * output) / math.sqrt(alpha)
        return math.sqrt(alpha) * x - math.sqrt(1 - alpha) * output


@dataclass(frozen=True)
class Knobs:
    """Sampler parameters by A1111's names."""

    eta_ancestral: float = 1.0
    eta_ddim: float = 0.0
    s_churn: float = 0.0
    s_tmin: float = 0.0
    s_tmax: float = 0.0
    s_noise: float = 1.0
    uni_pc_order: int = 3
    uni_pc_variant: str = "bh1"
    uni_pc_skip_type: str = "time_uniform"
    uni_pc_lower_order_final: bool = True


def churned(x: Array, sigma: float, steps: int, knobs: Knobs, draw: Draw) -> tuple[Array, float]:
    """Latents and noise level after Karras' churn; one draw in every step while it is on."""
    if knobs.s_churn == 0:
        return x, sigma
    noise = draw() * knobs.s_noise
    if sigma < knobs.s_tmin or (knobs.s_tmax > 0 and sigma > knobs.s_tmax):
        return x, sigma
    raised = sigma * (1 + min(knobs.s_churn / steps, math.sqrt(2) - 1))
    return x + noise * math.sqrt(raised**2 - sigma**2), raised


def split(sigma: float, following: float, eta: float) -> tuple[float, float]:
    """Down and up part of an ancestral step."""
    variance = following**2 * (sigma**2 - following**2) / sigma**2
    up = min(following, eta * math.sqrt(variance))
    return math.sqrt(following**2 - up**2), up


def euler(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    steps = len(sigmas) - 1
    for number in range(steps):
        x, sigma = churned(x, sigmas[number], steps, knobs, draw)
        slope = (x - denoise(x, sigma)) / sigma
        x = x + slope * (sigmas[number + 1] - sigma)
    return x


def euler_ancestral(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw
) -> Array:
    for number in range(len(sigmas) - 1):
        sigma, following = sigmas[number], sigmas[number + 1]
        down, up = split(sigma, following, knobs.eta_ancestral)
        slope = (x - denoise(x, sigma)) / sigma
        x = x + slope * (down - sigma)
        if following > 0:
            x = x + draw() * up
    return x


def heun(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    steps = len(sigmas) - 1
    for number in range(steps):
        x, sigma = churned(x, sigmas[number], steps, knobs, draw)
        following = sigmas[number + 1]
        slope = (x - denoise(x, sigma)) / sigma
        guess = x + slope * (following - sigma)
        if following > 0:
            slope = (slope + (guess - denoise(guess, following)) / following) / 2
        x = x + slope * (following - sigma)
    return x


def lms(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    """Adams-Bashforth of order up to 4 over sigma: the slopes' interpolation, integrated."""
    slopes: list[Array] = []
    for number in range(len(sigmas) - 1):
        slopes.append((x - denoise(x, sigmas[number])) / sigmas[number])
        nodes = range(max(number - 3, 0), number + 1)
        for node in nodes:
            weight = Polynomial([1.0])
            for other in nodes:
                if other != node:
                    gap = sigmas[node] - sigmas[other]
                    weight = weight * Polynomial([-sigmas[other] / gap, 1 / gap])
            area = weight.integ()
            x = x + slopes[node] * (area(sigmas[number + 1]) - area(sigmas[number]))
    return x


def midpoint(denoise: Denoise, x: Array, sigma: float, target: float) -> Array:
    """One step of DPM-Solver-2: the slope at the geometric middle."""
    slope = (x - denoise(x, sigma)) / sigma
    if target == 0:
        return x + slope * (target - sigma)
    middle = math.sqrt(sigma * target)
    guess = x + slope * (middle - sigma)
    return x + (guess - denoise(guess, middle)) / middle * (target - sigma)


def dpm2(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    steps = len(sigmas) - 1
    for number in range(steps):
        x, sigma = churned(x, sigmas[number], steps, knobs, draw)
        x = midpoint(denoise, x, sigma, sigmas[number + 1])
    return x


def dpm2_ancestral(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw
) -> Array:
    for number in range(len(sigmas) - 1):
        down, up = split(sigmas[number], sigmas[number + 1], knobs.eta_ancestral)
        x = midpoint(denoise, x, sigmas[number], down)
        if sigmas[number + 1] > 0:
            x = x + draw() * knobs.s_noise * up
    return x


def dpmpp_2m(denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw) -> Array:
    """DPM-Solver++(2M) over time -log sigma; first-order at the start and down to 0."""
    before: Array | None = None
    for number in range(len(sigmas) - 1):
        sigma, following = sigmas[number], sigmas[number + 1]
        clean = denoise(x, sigma)
        used = clean
        if before is not None and following > 0:
            ratio = math.log(sigmas[number - 1] / sigma) / math.log(sigma / following)
            used = clean + (clean - before) / (2 * ratio)
        x = (following / sigma) * x + (1 - following / sigma) * used
        before = clean
    return x


def dpmpp_2s_ancestral(
    denoise: Denoise, x: Array, sigmas: list[float], knobs: Knobs, draw: Draw
) -> Array:
    """DPM-Solver++(2S) down to each ancestral level, with the middle in log sigma."""
    for number in range(len(sigmas) - 1):
        sigma, following = sigmas[number], sigmas[number + 1]
        down, up = split(sigma, following, knobs.eta_ancestral)
        clean = denoise(x, sigma)
        if down > 0:
            middle = math.exp((math.log(sigma) + math.log(down)) / 2)
            clean = denoise((middle / sigma) * x + (1 - middle / sigma) * clean, middle)
        x = (down / sigma) * x + (1 - down / sigma) * clean
        if following > 0:
            x = x + draw() * knobs.s_noise * up
    return x


def transfer(model: SlowModel, x: Array, noise: Array, step: int, to: int) -> Array:
    """DDIM's deterministic move between two timesteps for a given noise prediction."""
    alpha, following = model.alphas_cumprod[step], model.alphas_cumprod[to]
    clean = (x - math.sqrt(1 - alpha) * noise) / math.sqrt(alpha)
    return math.sqrt(following) * clean + math.sqrt(1 - following) * noise


def ddim(model: SlowModel, x: Array, walk: list[int], knobs: Knobs, draw: Draw) -> Array:
    """Down the timesteps of `walk` and at last to the training's least noise."""
    for step, to in zip(walk, [*walk, 0][1:], strict=True):
        alpha, following = model.alphas_cumprod[step], model.alphas_cumprod[to]
        spread = (1 - following) / (1 - alpha) * (1 - alpha / following)
        deviation = knobs.eta_ddim * math.sqrt(spread)
        noise = model.noise(x, step)
        clean = (x - math.sqrt(1 - alpha) * noise) / math.sqrt(alpha)
        x = math.sqrt(following) * clean + math.sqrt(1 - following - deviation**2) * noise
        if knobs.eta_ddim > 0:
            x = x + draw() * deviation
    return x


def plms(model: SlowModel, x: Array, walk: list[int], knobs: Knobs, draw: Draw) -> Array:
    """Adams-Bashforth over predicted noises; the first step is corrected like Heun's."""
    past: list[Array] = []
    for number, (step, to) in enumerate(zip(walk, [*walk, 0][1:], strict=True)):
        past = [model.noise(x, step), *past][:4]
        if number == 0:
            guess = transfer(model, x, past[0], step, to)
            ahead = walk[1] if len(walk) > 1 else walk[0]
            noise = (past[0] + model.noise(guess, ahead)) / 2
        elif len(past) == 2:
            noise = (3 * past[0] - past[1]) / 2
        elif len(past) == 3:
            noise = (23 * past[0] - 16 * past[1] + 5 * past[2]) / 12
        else:
            noise = (55 * past[0] - 59 * past[1] + 37 * past[2] - 9 * past[3]) / 24
        x = transfer(model, x, noise, step, to)
    return x


def phi(order: int, z: float) -> float:
    """Exponential integrators' phi functions, by their power series."""
    return sum(z**n / math.factorial(n + order) for n in range(60))


def unipc_times(model: SlowModel, first: float, steps: int, skip_type: str) -> list[float]:
    """Where UniPC asks, and its end: even in time, in time's root, or in the log of the SNR."""
    if skip_type == "time_uniform":
        return spread(first, 0, steps + 1)
    if skip_type == "time_quadratic":  # time runs from 1/1000 for timestep 0 to 1
        roots = spread(math.sqrt((first + 1) / 1000), math.sqrt(1 / 1000), steps + 1)
        return [1000 * root**2 - 1 for root in roots]

    def log_snr(time: float) -> float:
        return math.log(model.alpha(time) / (1 - model.alpha(time)))

    times = []
    for wanted in spread(log_snr(first), log_snr(0), steps + 1):
        low, high = 0.0, float(first)
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (low, middle) if log_snr(middle) < wanted else (middle, high)
        times.append((low + high) / 2)
    return times


def unipc(model: SlowModel, x: Array, walk: list[int], knobs: Knobs, draw: Draw) -> Array:
    """UniPC with B1(h) or B2(h) (Zhao et al. 2023)."""
    steps = len(walk)
    times = unipc_times(model, walk[0], steps, knobs.uni_pc_skip_type) if walk else []
    alphas = [model.alpha(time) for time in times]
    rates = [0.5 * math.log(alpha / (1 - alpha)) for alpha in alphas]

    def clean(x: Array, number: int) -> Array:
        """The clean prediction; a velocity is read with the whole timestep's noise level."""
        output, whole = model.network(x, times[number]), model.alphas_cumprod[int(times[number])]
        if model.predicts == "v_prediction":
            output = math.sqrt(whole) * output + math.sqrt(1 - whole) * x
        return (x - math.sqrt(1 - alphas[number]) * output) / math.sqrt(alphas[number])

    past = [clean(x, 0)] if walk else []
    for number in range(1, steps + 1):
        left = steps + 1 - number if knobs.uni_pc_lower_order_final else steps
        order = min(knobs.uni_pc_order, number, left)
        h = rates[number] - rates[number - 1]
        shrink = math.sqrt((1 - alphas[number]) / (1 - alphas[number - 1]))
        base = shrink * x + math.sqrt(alphas[number]) * (1 - math.exp(-h)) * past[-1]
        b = h if knobs.uni_pc_variant == "bh1" else 1 - math.exp(-h)
        gain = math.sqrt(alphas[number]) * b
        places = [(rates[number - 1 - i] - rates[number - 1]) / h for i in range(1, order)]
        changes = [(past[-1 - i] - past[-1]) / place for i, place in enumerate(places, 1)]

        def weights(nodes: list[float], size: int, h: float = h, b: float = b) -> Array:
            if size == 1:
                return np.array([0.5])
            rows = [[node**power for node in nodes] for power in range(size)]
            wanted = [math.factorial(k) * phi(k + 1, -h) * h / b for k in range(1, size + 1)]
            return np.linalg.solve(np.array(rows), np.array(wanted))

        parts = zip(weights(places, order - 1), changes, strict=True) if changes else []
        x_next = base + gain * sum((w * change for w, change in parts), np.zeros_like(x))
        if number < steps:
            past.append(clean(x_next, number))
            changes.append(past[-1] - past[-2])
            parts = zip(weights([*places, 1.0], order), changes, strict=True)
            x_next = base + gain * sum((w * change for w, change in parts), np.zeros_like(x))
        x = x_next
    return x


SIGMA_SAMPLERS = {
    "Euler": euler,
    "Euler a": euler_ancestral,
    "Heun": heun,
    "LMS": lms,
    "DPM2": dpm2,
    "DPM2 a": dpm2_ancestral,
    "DPM++ 2M": dpmpp_2m,
    "DPM++ 2S a": dpmpp_2s_ancestral,
}
TIMESTEP_SAMPLERS = {"DDIM": ddim, "PLMS": plms, "UniPC": unipc}


def spread(first: float, last: float, count: int) -> list[float]:
    """`count` values from `first` to `last` at equal distances."""
    return [first + (last - first) * (i / (count - 1) if count > 1 else 0.0) for i in range(count)]


def beta_quantile(share: float, shape: float) -> float:
    """Where the Beta(shape, shape) distribution has `share` below it, by halving."""
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if betainc(shape, shape, middle) < share else (low, middle)
    return (low + high) / 2


def log_linear(values: list[float], count: int) -> list[float]:
    """`values` read off at `count` equally spaced places, straight lines between logarithms."""
    result = []
    for place in spread(0, len(values) - 1, count):
        low = min(int(place), len(values) - 2)
        below, above = math.log(values[low]), math.log(values[low + 1])
        result.append(math.exp(below + (place - low) * (above - below)))
    return result


def slow_sigmas(
    label: str, count: int, model: SlowModel, low: float, high: float, rho: float
) -> list[float]:
    """The schedule with this label, as the table in A1111's description reads; 0 is no rho."""
    last = len(model.alphas_cumprod) - 1
    top, bottom = model.timestep(high), model.timestep(low)
    if label == "KL Optimal":
        angles = spread(math.atan(high), math.atan(low), count + 1)
        return [math.tan(angle) for angle in angles]
    if label == "Uniform":
        levels = [model.sigma(t) for t in spread(last, 0, count)]
    elif label == "Karras":
        power = rho or 7
        roots = spread(high ** (1 / power), low ** (1 / power), count)
        levels = [root**power for root in roots]
    elif label == "Exponential":
        levels = [math.exp(value) for value in spread(math.log(high), math.log(low), count)]
    elif label == "Polyexponential":
        bent = [value ** (rho or 1) for value in spread(1, 0, count)]
        levels = [math.exp(b * math.log(high / low) + math.log(low)) for b in bent]
    elif label == "SGM Uniform":
        levels = [model.sigma(t) for t in spread(top, bottom, count + 1)[:-1]]
    elif label == "Normal":
        levels = [model.sigma(t) for t in spread(top, bottom, count)]
    elif label == "Align Your Steps":
        published = "14.615 6.475 3.861 2.697 1.886 1.396 0.963 0.652 0.399 0.152 0.029"
        levels = log_linear([float(value) for value in published.split()], count)
    elif label == "Simple":
        rising = [model.sigma_at(step) for step in range(last + 1)]
        levels = [rising[-(1 + int(i * (last + 1) / count))] for i in range(count)]
    elif label == "DDIM":
        step, levels = 1, []
        while step <= last:
            levels.insert(0, model.sigma_at(step))
            step += max((last + 1) // count, 1)
    else:
        assert label == "Beta"
        shares = [beta_quantile(value, 0.6) for value in spread(1, 0, count)]
        levels = [low + share * (high - low) for share in shares]
    return [*levels, 0.0]
