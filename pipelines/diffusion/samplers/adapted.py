"""The k-diffusion samplers that diffusers has: its class solves, everything else is decided here.

`pipelines.diffusion.solvers` says for each class which tables make its `step` do what k-diffusion
does.
"""

import math
from collections.abc import Sequence

import diffusers
import numpy as np
import torch

from pipelines.diffusion.parts import DiffusersScheduler
from pipelines.diffusion.samplers.by_sigma import SigmaScheduler
from pipelines.diffusion.schedulers import Job
from pipelines.diffusion.solvers import SOLVERS, Leg, plan_calls, plan_legs


class AdaptedScheduler(SigmaScheduler):
    """Around the diffusers class that the sampler's row names."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        plan = job.plan
        self._solver = SOLVERS[plan.sampler.scheduler]
        legs = plan_legs(plan.sampler, self._sigmas, plan.settings)
        self._calls = plan_calls(legs, self._solver)
        self._first_lift = legs[0].before
        asked = np.array([call.sigma for call in self._calls])
        self.timesteps = torch.tensor(job.model.to_timestep(asked), dtype=torch.float32)
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
        """clean + noise * sigma, plus A1111's extra noise and the first step's churn."""
        return self._add_fresh(self._start(original_samples), self._first_lift)

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
        direction = (sample - self._denoise(model_output, sample, call.sigma)) / call.sigma
        # Set before each call, because our tables are not always walked one by one.
        self._inner._step_index = call.index
        before, after = self._scale(call.sigma), self._scale(call.after)
        moved = self._inner.step(direction, timestep, sample / before, return_dict=False)[0] * after
        self._count_call(done=self.steps_done + call.finishes)
        return (self._add_fresh(moved, call.fresh),)

    def _add_fresh(self, latents: torch.Tensor, deviation: float | None) -> torch.Tensor:
        """With noise of this standard deviation; None draws none."""
        return latents if deviation is None else latents + self._fresh_noise(latents) * deviation

    def _scale(self, sigma: float) -> float:
        """By how much our latents are larger than the diffusers class's."""
        return math.hypot(1, sigma) if self._solver.preserves_variance else 1.0
