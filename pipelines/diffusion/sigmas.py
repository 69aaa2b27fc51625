"""Noise levels: a model's own table, and every schedule type of A1111 as a list of sigmas.

A sigma is the standard deviation of the noise relative to a clean latent (k-diffusion's "variance
exploding" convention): noisy = clean + noise * sigma. Everything here is float64 numpy.
The formulas are A1111 1.10's; `SCHEDULES` in `pipelines.samplers` is the menu.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from pipelines.errors import ModelBroken
from pipelines.samplers import ddim_stride

Sigmas = NDArray[np.float64]

AYS_SD15 = (14.615, 6.475, 3.861, 2.697, 1.886, 1.396, 0.963, 0.652, 0.399, 0.152, 0.029)
AYS_SDXL = (14.615, 6.315, 3.771, 2.181, 1.342, 0.862, 0.555, 0.380, 0.234, 0.113, 0.029)
"""The sigmas published with "Align Your Steps" (Sabour et al. 2024) for the two model families."""

BETA_SHAPE = (0.6, 0.6)
"""Alpha and beta of the Beta schedule's distribution, as A1111 sets them by default."""

OLD_RANGE = (0.1, 10.0)
"""Sigmas between which A1111 once drew every schedule, whatever the model's own are."""


@dataclass(frozen=True, kw_only=True)
class ModelNoise:
    """What a model was trained on: its noise table and what it predicts.

    `alphas_cumprod` falls over the training timesteps 0..999; `sigmas` rises over them.
    `prediction_type` is "epsilon" or "v_prediction". `sdxl` picks the list of Align Your Steps.
    """

    alphas_cumprod: NDArray[np.float64]
    prediction_type: str = "epsilon"
    sdxl: bool = False

    @property
    def sigmas(self) -> Sigmas:
        """The sigma of each training timestep, ascending."""
        return np.sqrt((1 - self.alphas_cumprod) / self.alphas_cumprod)

    def to_sigma(self, timesteps: NDArray[np.float64]) -> Sigmas:
        """Sigmas at fractional timesteps, linear in log sigma."""
        table = np.log(self.sigmas)
        return np.exp(np.interp(timesteps, np.arange(len(table)), table))

    def to_timestep(self, sigmas: Sigmas) -> NDArray[np.float64]:
        """Fractional timesteps of positive sigmas, linear in log sigma, clamped to the table."""
        table = np.log(self.sigmas)
        return np.interp(np.log(sigmas), table, np.arange(len(table)))

    def to_alpha(self, timesteps: NDArray[np.float64]) -> NDArray[np.float64]:
        """`alphas_cumprod` at fractional timesteps, linear in its logarithm."""
        table = np.log(self.alphas_cumprod)
        return np.exp(np.interp(timesteps, np.arange(len(table)), table))

    @classmethod
    def from_config(cls, config: Mapping[str, Any], *, sdxl: bool = False) -> "ModelNoise":
        """From a model's scheduler_config.json; ModelBroken for a kind that is not known."""
        count = int(config.get("num_train_timesteps", 1000))
        prediction = str(config.get("prediction_type", "epsilon"))
        if prediction not in ("epsilon", "v_prediction"):
            raise ModelBroken(
                f"The model predicts {prediction!r}; only epsilon and v_prediction are supported."
            )
        alphas = np.cumprod(1 - _betas(config, count), dtype=np.float64)
        return cls(alphas_cumprod=alphas, prediction_type=prediction, sdxl=sdxl)


def _betas(config: Mapping[str, Any], count: int) -> NDArray[np.float64]:
    """The training betas a scheduler config describes, in diffusers' words."""
    if config.get("trained_betas") is not None:
        return np.asarray(config["trained_betas"], dtype=np.float64)
    kind = config.get("beta_schedule", "scaled_linear")
    start, end = float(config.get("beta_start", 0.00085)), float(config.get("beta_end", 0.012))
    if kind == "linear":
        return np.linspace(start, end, count)
    if kind == "scaled_linear":
        return np.linspace(start**0.5, end**0.5, count) ** 2
    if kind == "squaredcos_cap_v2":
        edges = np.cos((np.arange(count + 1) / count + 0.008) / 1.008 * np.pi / 2) ** 2
        return np.minimum(1 - edges[1:] / edges[:-1], 0.999)
    raise ModelBroken(
        f"The model's noise schedule {kind!r} is not supported; it must be linear, scaled_linear "
        "or squaredcos_cap_v2."
    )


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a schedule is drawn over: `count` levels from `high` down to `low`, for one model.

    `rho` bends Karras and Polyexponential; 0 means the schedule's own value. `beta_shape` is the
    Beta schedule's.
    """

    count: int
    low: float
    high: float
    rho: float
    model: ModelNoise
    beta_shape: tuple[float, float] = BETA_SHAPE

    @property
    def ramp(self) -> NDArray[np.float64]:
        """`count` values from 0 to 1."""
        return np.linspace(0, 1, self.count)


def _uniform(over: Range) -> Sigmas:
    last = len(over.model.alphas_cumprod) - 1
    return over.model.to_sigma(np.linspace(last, 0, over.count))


def karras(count: int, low: float, high: float, rho: float = 0.0) -> Sigmas:
    """`count` levels from `high` down to `low`, as Karras et al. 2022 space them; rho 0 means 7."""
    rho = rho or 7.0
    first, last = high ** (1 / rho), low ** (1 / rho)
    return (first + np.linspace(0, 1, count) * (last - first)) ** rho


def _karras(over: Range) -> Sigmas:
    return karras(over.count, over.low, over.high, over.rho)


def _exponential(over: Range) -> Sigmas:
    return np.exp(np.linspace(np.log(over.high), np.log(over.low), over.count))


def _polyexponential(over: Range) -> Sigmas:
    ramp = np.linspace(1, 0, over.count) ** (over.rho or 1.0)
    return np.exp(ramp * (np.log(over.high) - np.log(over.low)) + np.log(over.low))


def _sgm_uniform(over: Range) -> Sigmas:
    first, last = over.model.to_timestep(np.array([over.high, over.low]))
    return over.model.to_sigma(np.linspace(first, last, over.count + 1)[:-1])


def _normal(over: Range) -> Sigmas:
    first, last = over.model.to_timestep(np.array([over.high, over.low]))
    return over.model.to_sigma(np.linspace(first, last, over.count))


def _kl_optimal(over: Range) -> Sigmas:
    """One level more than the others, in place of the final zero: it ends at `low`."""
    share = np.arange(over.count + 1) / over.count
    return np.tan(share * np.arctan(over.low) + (1 - share) * np.arctan(over.high))


def _align_your_steps(over: Range) -> Sigmas:
    published = AYS_SDXL if over.model.sdxl else AYS_SD15
    return np.exp(np.interp(over.ramp, np.linspace(0, 1, len(published)), np.log(published)))


def _simple(over: Range) -> Sigmas:
    table = over.model.sigmas
    back = 1 + (np.arange(over.count) * (len(table) / over.count)).astype(int)
    return table[-back]


def _ddim(over: Range) -> Sigmas:
    """May have more levels than asked for when 1000 is no multiple of them, as in A1111."""
    table = over.model.sigmas
    return table[1 :: ddim_stride(over.count, len(table))][::-1]


def _beta(over: Range) -> Sigmas:
    share = scipy.stats.beta.ppf(1 - over.ramp, *over.beta_shape)
    return over.low + share * (over.high - over.low)


ENDS_ABOVE_ZERO = frozenset({"KL Optimal"})
"""Schedules whose formula gives the last level too; the others get a final zero appended."""

FORMULAS: Mapping[str, Callable[[Range], Sigmas]] = {
    "Uniform": _uniform,
    "Karras": _karras,
    "Exponential": _exponential,
    "Polyexponential": _polyexponential,
    "SGM Uniform": _sgm_uniform,
    "KL Optimal": _kl_optimal,
    "Align Your Steps": _align_your_steps,
    "Simple": _simple,
    "Normal": _normal,
    "DDIM": _ddim,
    "Beta": _beta,
}


def schedule_sigmas(
    label: str,
    count: int,
    model: ModelNoise,
    *,
    sigma_min: float = 0.0,
    sigma_max: float = 0.0,
    rho: float = 0.0,
    beta_shape: tuple[float, float] = BETA_SHAPE,
    discard_next_to_last: bool = False,
) -> Sigmas:
    """The descending sigmas of schedule `label` (a key of FORMULAS) for `count` steps.

    `count` + 1 values, the last one 0 (KL Optimal: the smallest sigma; DDIM: possibly more values).
    `sigma_min`, `sigma_max` and `rho` replace the model's range and the formula's exponent where
    the formula has them; 0 leaves them. `beta_shape` is that of the schedule "Beta".
    `discard_next_to_last` computes one step more and drops the last level but one, as A1111 does
    for the DPM2 samplers.
    """
    table = model.sigmas
    over = Range(
        count=count + discard_next_to_last,
        low=sigma_min or float(table[0]),
        high=sigma_max or float(table[-1]),
        rho=rho,
        model=model,
        beta_shape=beta_shape,
    )
    sigmas = FORMULAS[label](over)
    if label not in ENDS_ABOVE_ZERO:
        sigmas = np.append(sigmas, 0.0)
    return np.delete(sigmas, -2) if discard_next_to_last else sigmas
