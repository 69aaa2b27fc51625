"""The samplers over the model's own timesteps: DDIM and its kin, PLMS, UniPC."""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.diffusion.parts import DiffusersScheduler
from pipelines.diffusion.schedulers import Job, PlannedScheduler
from pipelines.diffusion.sigmas import ModelNoise
from pipelines.samplers import ddim_stride


@dataclass(frozen=True, kw_only=True, slots=True)
class TimestepCall:
    """One model call: the network is `asked` at a timestep, the diffusers class is `given` one.

    They differ where PLMS corrects its first step and there is no second one to look at. UniPC
    asks at fractions.
    """

    asked: float
    given: int
    finishes: bool = True


class TimestepScheduler(PlannedScheduler):
    """DDIM and its kin: clean * sqrt(a) + noise * sqrt(1 - a) with a = alphas_cumprod[timestep].

    All planned timesteps are walked, from the last to the first and on to the training's least
    noise. (A1111's loops over DDIM and PLMS leave the very last of these steps out.)
    """

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        plan, model = job.plan, job.model
        train_steps = len(model.alphas_cumprod)
        self._stride = ddim_stride(plan.steps.total, train_steps)
        levels = np.clip(np.arange(0, train_steps, self._stride) + 1, 0, train_steps - 1)
        self._start_alpha = float(model.alphas_cumprod[levels[plan.steps.executed]])
        self._calls = self._plan_calls(levels[: plan.steps.executed][::-1].tolist())
        asked = [call.asked for call in self._calls]
        self.timesteps = torch.tensor(asked, dtype=torch.float32)

    @property
    def sigma(self) -> float:
        """The noise level at which the network is asked next, in units of clean latents."""
        asked = self._calls[self._calls_done].asked
        alpha = float(self._job.model.to_alpha(np.array(asked)))
        return math.sqrt((1 - alpha) / alpha)

    def _plan_calls(self, walk: Sequence[int]) -> list[TimestepCall]:
        """The model calls down the timesteps of `walk`, one each, but two in PLMS's first step."""
        calls = [TimestepCall(asked=level, given=level) for level in walk]
        if self._plan.sampler.corrects_first_step and calls:
            second = TimestepCall(asked=walk[:2][-1], given=walk[0] - self._stride)
            calls[:1] = [replace(calls[0], finishes=False), second]
        return calls

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """clean * sqrt(a) + noise * sqrt(1 - a), plus A1111's extra noise times sqrt(a)."""
        clean, alpha = original_samples.float(), self._start_alpha
        start_noise = self._start_noise(original_samples)
        extra = self._settings.img2img_extra_noise * math.sqrt(alpha)
        return clean * math.sqrt(alpha) + start_noise * (math.sqrt(1 - alpha) + extra)

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The latents in the network's dtype."""
        return sample.to(self._job.dtype)

    def step(
        self,
        model_output: torch.Tensor,
        timestep: torch.Tensor,
        sample: torch.Tensor,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor]:
        """The float32 latents after one model call, in a tuple whatever `return_dict` says."""
        call = self._calls[self._calls_done]
        moved = self._move(model_output.float(), sample.float(), call)
        self._count_call(done=self.steps_done + call.finishes)
        return (moved,)

    @abstractmethod
    def _move(self, output: torch.Tensor, sample: torch.Tensor, call: TimestepCall) -> torch.Tensor:
        """The latents after a call that the network answered with `output`; all float32."""

    def _predict_noise(
        self, output: torch.Tensor, sample: torch.Tensor, level: float
    ) -> torch.Tensor:
        """The noise that a network's output amounts to."""
        if self._job.model.prediction_type == "epsilon":
            return output
        alpha = float(self._job.model.alphas_cumprod[int(level)])
        return output * math.sqrt(alpha) + sample * math.sqrt(1 - alpha)

    def _blended(self, noise: torch.Tensor, sample: torch.Tensor, level: float) -> torch.Tensor:
        """The noise once the clean latents that it means are blended; remembers those, too."""
        alpha = float(self._job.model.to_alpha(np.array(level)))
        clean_part, noise_part = math.sqrt(alpha), math.sqrt(1 - alpha)
        predicted = (sample - noise * noise_part) / clean_part
        self.denoised = self._job.blend(predicted, noise_part / clean_part)
        return (sample - self.denoised * clean_part) / noise_part


class AdaptedTimestepScheduler(TimestepScheduler):
    """Around the diffusers class that the sampler's row names."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._inner = self._make_inner()

    def _make_inner(self) -> DiffusersScheduler:
        """The diffusers class on the model's noise table."""
        sampler, table = self._plan.sampler, self._job.model.alphas_cumprod
        inner = getattr(diffusers, sampler.scheduler)(
            num_train_timesteps=len(table), **sampler.options
        )
        inner.alphas_cumprod = torch.tensor(table, dtype=torch.float32)
        inner.final_alpha_cumprod = inner.alphas_cumprod[0]
        # The class finds the next timestep by this count: train steps // count is our stride.
        inner.set_timesteps(self._plan.steps.total)
        return inner

    def _move(self, output: torch.Tensor, sample: torch.Tensor, call: TimestepCall) -> torch.Tensor:
        """The latents after a call that the network answered with `output`; all float32."""
        noise = self._predict_noise(output, sample, call.asked)
        direction = self._blended(noise, sample, call.asked)
        options = self._noise_options(sample)
        return self._inner.step(direction, call.given, sample, **options, return_dict=False)[0]

    def _noise_options(self, sample: torch.Tensor) -> dict[str, Any]:
        """Eta and its noise, for the sampler that has them."""
        eta = self._settings.eta_ddim
        if not self._plan.sampler.obeys_eta_ddim or eta == 0:
            return {}
        return {"eta": eta, "variance_noise": self._fresh_noise(sample)}


def _uniform(first: float, count: int, model: ModelNoise) -> NDArray[np.float64]:
    return np.linspace(first, 0, count + 1)


def _quadratic(first: float, count: int, model: ModelNoise) -> NDArray[np.float64]:
    """Even in the root of time, which begins one step below timestep 0."""
    return np.linspace(math.sqrt(first + 1), 1, count + 1) ** 2 - 1


def _log_snr(first: float, count: int, model: ModelNoise) -> NDArray[np.float64]:
    """Even in the logarithm of the ratio of signal to noise."""
    ends = model.to_alpha(np.array([first, 0.0]))
    start, end = np.log(ends / (1 - ends))
    ratios = np.linspace(start, end, count + 1)
    table = np.log(model.alphas_cumprod)
    # The table falls, and interpolation wants it to rise.
    levels = np.arange(len(table))[::-1]
    return np.interp(-np.logaddexp(0, -ratios), table[::-1], levels)


SKIP_TYPES: Mapping[str, Callable[[float, int, ModelNoise], NDArray[np.float64]]] = {
    "time_uniform": _uniform,
    "time_quadratic": _quadratic,
    "logSNR": _log_snr,
}
"""A1111's `uni_pc_skip_type`: `count` + 1 timesteps from the first down to 0."""


class EvenTimeScheduler(AdaptedTimestepScheduler):
    """UniPC: from the first timestep to 0 in as many fractions as there are steps.

    As in A1111, a network that predicts velocity is read with the noise level of the whole
    timestep below each fraction.
    """

    def _plan_calls(self, walk: Sequence[int]) -> list[TimestepCall]:
        """One model call at the beginning of each fraction."""
        spread = SKIP_TYPES[self._settings.uni_pc_skip_type]
        self._times = spread(walk[0] if walk else 0, len(walk), self._job.model)
        return [TimestepCall(asked=time, given=int(time)) for time in self._times[:-1].tolist()]

    def _make_inner(self) -> DiffusersScheduler:
        """The diffusers class with the noise levels of our fractions."""
        sampler, settings = self._plan.sampler, self._settings
        inner = getattr(diffusers, sampler.scheduler)(
            num_train_timesteps=10,
            **sampler.options,
            solver_order=settings.uni_pc_order,
            solver_type=settings.uni_pc_variant,
            lower_order_final=settings.uni_pc_lower_order_final,
        )
        inner.set_timesteps(2)
        alphas = self._job.model.to_alpha(self._times)
        inner.sigmas = torch.tensor(np.sqrt((1 - alphas) / alphas), dtype=torch.float32)
        inner.timesteps = self.timesteps
        inner.set_begin_index(0)
        return inner
