"""The scheduler that a diffusers pipeline is handed: A1111's sampler, schedule, noise and steps.

`make_scheduler` wraps the diffusers class that a row of `SAMPLERS` names. The class's `step` does
the solving; the wrapper decides everything else, as A1111 does: which noise levels are walked (the
schedule, already cut for the denoising strength), at which fractional timestep the network is
asked, where fresh noise comes from, and how the starting latents are made.

How a pipeline is called with it: `image` = clean 4-channel latents, `strength=1.0`,
`num_inference_steps=plan.steps.executed`. The noise that the pipeline draws itself is not used;
pass it a throwaway generator to leave torch's global one alone. Latents stay float32 on the way
(`scale_model_input` casts to the network's dtype), so cast them before decoding. `executed` may be
0 (a timestep sampler at a low strength): the pipeline then returns the noised start, as A1111 does.
One scheduler serves one batch.

Inpainting rides on the same object: a `Blend` replaces what the network predicts outside the mask
before the solver's step. Here the prediction is float32, guidance has been applied, and the noise
level is known exactly, whatever the sampler and however often it asks the network.
"""

import math
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.schedulers.scheduling_utils import SchedulerMixin

from pipelines.diffusion.noise import NoiseSource
from pipelines.diffusion.parts import DiffusersScheduler
from pipelines.diffusion.sigmas import ModelNoise, schedule_sigmas
from pipelines.diffusion.solvers import SOLVERS, Leg, plan_calls, plan_legs
from pipelines.plan import Plan
from pipelines.samplers import Family, Sampler, check_combination, ddim_stride

Blend = Callable[[torch.Tensor, float], torch.Tensor]
"""What becomes of predicted clean latents (BxCxHxW float32) at a sigma, before a solver's step."""


def keep_prediction(denoised: torch.Tensor, sigma: float) -> torch.Tensor:
    """The Blend of a job without a mask."""
    return denoised


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a scheduler is made for; see `make_scheduler`."""

    plan: Plan
    model: ModelNoise
    noise: torch.Tensor
    sources: Sequence[NoiseSource]
    dtype: torch.dtype
    blend: Blend = keep_prediction


class PlannedScheduler(SchedulerMixin, ConfigMixin):
    """What both families share; the module's text says how to call it.

    `denoised` is the last predicted clean latents (BxCxHxW float32), blended; None before the first
    call.
    `timesteps` has one entry per model call. `steps_done` counts complete sampler steps, of which
    there are `plan.steps.executed`; second-order samplers and PLMS need more calls than that.
    """

    order = 1
    init_noise_sigma = 1.0

    def __init__(self, job: Job) -> None:
        self.register_to_config()
        self.timesteps = torch.empty(0)
        self.denoised: torch.Tensor | None = None
        self.steps_done = 0
        self._calls_done = self._step_seen = 0
        self._job, self._plan, self._settings = job, job.plan, job.plan.settings

    def set_timesteps(self, num_inference_steps: int, device: torch.device | str = "cpu") -> None:
        """Move the planned timesteps to `device`; ValueError if the count is not the plan's."""
        planned = self._plan.steps.executed
        if num_inference_steps != planned:
            raise ValueError(f"{planned} steps are planned, got {num_inference_steps}.")
        self.timesteps = self.timesteps.to(device)

    @property
    def share(self) -> float:
        """How much of the steps is done, as A1111 tells ControlNet at a model call.

        A step counts once its first model call is over, so that the first two see 0. Of timestep
        samplers A1111 counts one step more than they make.
        """
        extra = self._plan.sampler.family is not Family.k_diffusion
        return self._step_seen / max(self._plan.steps.executed + extra, 1)

    @property
    @abstractmethod
    def sigma(self) -> float:
        """The noise level at which the network is asked next, in units of clean latents."""

    def _count_call(self, *, finishes: bool) -> None:
        self._step_seen = self.steps_done
        self._calls_done += 1
        self.steps_done += finishes

    def _start_noise(self, original: torch.Tensor) -> torch.Tensor:
        """The planned noise under A1111's noise multiplier, on the latents' device."""
        return self._job.noise.to(original.device) * self._settings.initial_noise_multiplier

    def _fresh_noise(self, like: torch.Tensor) -> torch.Tensor:
        """The next numbers of every picture's own source."""
        return torch.stack([source.draw(like.shape[1:]) for source in self._job.sources]).to(like)

    @abstractmethod
    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """The float32 starting latents from clean ones; `noise` and `timesteps` are not used."""

    @abstractmethod
    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The latents as the network wants them, in its dtype."""

    @abstractmethod
    def step(
        self,
        model_output: torch.Tensor,
        timestep: torch.Tensor,
        sample: torch.Tensor,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor]:
        """The float32 latents after one model call, in a tuple whatever `return_dict` says."""


class SigmaScheduler(PlannedScheduler):
    """k-diffusion samplers: latents are clean + noise * sigma, whatever diffusers' class holds."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        plan, model = job.plan, job.model
        self._solver = SOLVERS[plan.sampler.scheduler]
        sigmas = _cut_schedule(plan, model)
        legs = plan_legs(plan.sampler, sigmas, plan.settings)
        self._calls = plan_calls(legs, self._solver)
        self._start_sigma, self._first_lift = sigmas[0], legs[0].before
        asked = np.array([call.sigma for call in self._calls])
        self.timesteps = torch.tensor(model.to_timestep(asked), dtype=torch.float32)
        self._inner = self._make_inner(legs)

    @property
    def sigma(self) -> float:
        """The noise level at which the network is asked next, in units of clean latents."""
        return self._calls[self._calls_done].sigma

    def _make_inner(self, legs: Sequence[Leg]) -> DiffusersScheduler:
        """The diffusers class, its tables replaced by ours."""
        options = dict(self._plan.sampler.options)
        if self._plan.sampler.scheduler == "DPMSolverMultistepScheduler":
            # Its last step is first-order if and only if it ends without noise, as in k-diffusion.
            options["final_sigmas_type"] = "zero" if legs[-1].target == 0 else "sigma_min"
        # The class's own tables are replaced below, so short ones will do: long ones take time.
        inner = getattr(diffusers, self._plan.sampler.scheduler)(num_train_timesteps=10, **options)
        inner.set_timesteps(2)
        inner.timesteps = self.timesteps
        for name, table in self._solver.tables(legs).items():
            setattr(inner, name, table)
        inner.is_scale_input_called = True
        return inner

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """clean + noise * sigma, plus A1111's extra noise."""
        start_noise = self._start_noise(original_samples)
        weight = self._start_sigma + self._settings.img2img_extra_noise
        return self._add_fresh(original_samples.float() + start_noise * weight, self._first_lift)

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The latents divided by sqrt(1 + sigma^2), in the network's dtype."""
        return (sample.float() / math.hypot(1, self.sigma)).to(self._job.dtype)

    def step(
        self,
        model_output: torch.Tensor,
        timestep: torch.Tensor,
        sample: torch.Tensor,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor]:
        """The float32 latents after one model call, in a tuple whatever `return_dict` says."""
        call = self._calls[self._calls_done]
        sample = sample.float()
        predicted = self._predict_clean(model_output.float(), sample, call.sigma)
        self.denoised = self._job.blend(predicted, call.sigma)
        direction = (sample - self.denoised) / call.sigma
        # Set before each call, because our tables are not always walked one by one.
        self._inner._step_index = call.index
        before, after = self._scale(call.sigma), self._scale(call.after)
        moved = self._inner.step(direction, timestep, sample / before, return_dict=False)[0] * after
        self._count_call(finishes=call.finishes)
        return (self._add_fresh(moved, call.fresh),)

    def _add_fresh(self, latents: torch.Tensor, deviation: float | None) -> torch.Tensor:
        """With noise of this standard deviation; None draws none."""
        return latents if deviation is None else latents + self._fresh_noise(latents) * deviation

    def _predict_clean(
        self, output: torch.Tensor, sample: torch.Tensor, sigma: float
    ) -> torch.Tensor:
        """The clean latents that a network's output at `sigma` amounts to."""
        if self._job.model.prediction_type == "epsilon":
            return sample - output * sigma
        return sample / (1 + sigma**2) - output * (sigma / math.hypot(1, sigma))

    def _scale(self, sigma: float) -> float:
        """By how much our latents are larger than the diffusers class's."""
        return math.hypot(1, sigma) if self._solver.preserves_variance else 1.0


def _cut_schedule(plan: Plan, model: ModelNoise) -> list[float]:
    """The last `executed` + 1 sigmas of the whole schedule."""
    settings = plan.settings
    sigmas = schedule_sigmas(
        plan.schedule,
        plan.steps.total,
        model,
        sigma_min=settings.sigma_min,
        sigma_max=settings.sigma_max,
        rho=settings.rho,
        discard_next_to_last=plan.sampler.discards_next_to_last_sigma,
    )
    return sigmas[-plan.steps.executed - 1 :].tolist()


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
        self._inner = self._make_inner()

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
        sample = sample.float()
        noise = self._predict_noise(model_output.float(), sample, call.asked)
        direction = self._blended(noise, sample, call.asked)
        moved = self._inner.step(
            direction, call.given, sample, **self._noise_options(sample), return_dict=False
        )[0]
        self._count_call(finishes=call.finishes)
        return (moved,)

    def _noise_options(self, sample: torch.Tensor) -> dict[str, Any]:
        """Eta and its noise, for the sampler that has them."""
        eta = self._settings.eta_ddim
        if not self._plan.sampler.obeys_eta_ddim or eta == 0:
            return {}
        return {"eta": eta, "variance_noise": self._fresh_noise(sample)}

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


class EvenTimeScheduler(TimestepScheduler):
    """UniPC: from the first timestep to 0 in equal fractions, as many as there are steps.

    As in A1111, a network that predicts velocity is read with the noise level of the whole
    timestep below each fraction.
    """

    def _plan_calls(self, walk: Sequence[int]) -> list[TimestepCall]:
        """One model call at the beginning of each fraction."""
        self._times = np.linspace(walk[0] if walk else 0, 0, len(walk) + 1)
        return [TimestepCall(asked=time, given=int(time)) for time in self._times[:-1].tolist()]

    def _make_inner(self) -> DiffusersScheduler:
        """The diffusers class with the noise levels of our fractions."""
        sampler = self._plan.sampler
        inner = getattr(diffusers, sampler.scheduler)(num_train_timesteps=10, **sampler.options)
        inner.set_timesteps(2)
        alphas = self._job.model.to_alpha(self._times)
        inner.sigmas = torch.tensor(np.sqrt((1 - alphas) / alphas), dtype=torch.float32)
        inner.timesteps = self.timesteps
        inner.set_begin_index(0)
        return inner


def _scheduler_class(sampler: Sampler) -> Callable[[Job], PlannedScheduler]:
    if sampler.family is Family.k_diffusion:
        return SigmaScheduler
    return EvenTimeScheduler if sampler.even_time else TimestepScheduler


def make_scheduler(
    plan: Plan,
    model_config: Mapping[str, Any],
    *,
    noise: torch.Tensor,
    sources: Sequence[NoiseSource],
    dtype: torch.dtype,
    blend: Blend = keep_prediction,
    sdxl: bool = False,
) -> PlannedScheduler:
    """The scheduler for one batch of `plan`; `blend` is called at every model call.

    `model_config` is the model's scheduler config (betas, prediction type). `noise` and `sources`
    come from `planned_noise`. `dtype` is the network's. `sdxl` picks the list of Align Your Steps.
    InvalidRequest if sampler and schedule cannot be combined, ModelBroken for an unknown kind of
    model. An option that the diffusers class does not know is a TypeError.
    """
    check_combination(plan.sampler, plan.schedule)
    model = ModelNoise.from_config(model_config, sdxl=sdxl)
    job = Job(plan=plan, model=model, noise=noise, sources=sources, dtype=dtype, blend=blend)
    return _scheduler_class(plan.sampler)(job)
