"""The scheduler that a diffusers pipeline is handed: A1111's sampler, schedule, noise and steps.

`PlannedScheduler` is what all of them share; `pipelines.diffusion.samplers` has one for every row
of `SAMPLERS`, and makes it. Each decides, as A1111 does, which noise levels are walked (the
schedule, already cut for the denoising strength), at which fractional timestep the network is
asked, where fresh noise comes from, and how the starting latents are made.

How a pipeline is called with it: `image` = clean 4-channel latents, `strength=1.0`,
`num_inference_steps=plan.steps.executed`, `guidance_scale` = the scheduler's own. The noise that
the pipeline draws itself is not used; pass it a throwaway generator to leave torch's global one
alone. Latents stay float32 on the way (`scale_model_input` casts to the network's dtype), so cast
them before decoding. `executed` may be 0 (a timestep sampler at a low strength): the pipeline then
returns the noised start, as A1111 does. One scheduler serves one batch.

Inpainting rides on the same object: a `Blend` replaces what the network predicts outside the mask
before the solver's step. Here the prediction is float32, guidance has been applied, and the noise
level is known exactly, whatever the sampler and however often it asks the network.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import ConfigMixin
from diffusers.schedulers.scheduling_utils import SchedulerMixin

from pipelines.diffusion.noise import PictureNoise
from pipelines.diffusion.parts import Unet
from pipelines.diffusion.sigmas import ModelNoise
from pipelines.plan import Plan
from pipelines.samplers import Family

Blend = Callable[[torch.Tensor, float], torch.Tensor]
"""What becomes of predicted clean latents (BxCxHxW float32) at a sigma, before a solver's step."""


def keep_prediction(denoised: torch.Tensor, sigma: float) -> torch.Tensor:
    """The Blend of a job without a mask."""
    return denoised


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What a scheduler is made for; see `pipelines.diffusion.samplers.make_scheduler`."""

    plan: Plan
    model: ModelNoise
    noise: torch.Tensor
    sources: Sequence[PictureNoise]
    dtype: torch.dtype
    blend: Blend = keep_prediction


class PlannedScheduler(SchedulerMixin, ConfigMixin):
    """What both families share; the module's text says how to call it.

    `denoised` is the last predicted clean latents (BxCxHxW float32), blended; None before the first
    call.
    `timesteps` gives one after the other as the network is to be asked. `steps_done` counts
    complete sampler steps, of which there are `plan.steps.executed`; second-order samplers and PLMS
    need more calls than that.
    """

    order = 1
    init_noise_sigma = 1.0

    def __init__(self, job: Job) -> None:
        self.register_to_config()
        # A tensor, or what a pipeline can take for one.
        self.timesteps: Any = torch.empty(0)
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
    def calls_done(self) -> int:
        """How often the network was asked."""
        return self._calls_done

    @property
    def training_share(self) -> float:
        """How much of the training's timesteps, from the last down, the next call has behind it.

        The nearest noise level counts: (999 - timestep) / 1000, as A1111 tells its refiner.
        """
        levels = self._job.model.sigmas
        nearest = int(np.abs(levels - self.sigma).argmin())
        return (len(levels) - 1 - nearest) / len(levels)

    @property
    def guidance_scale(self) -> float:
        """The CFG scale that the pipeline is to be called with."""
        return self._plan.request.sampling.cfg_scale

    def before_calls(self, look: Callable[[], None]) -> None:
        """Have `look` called each time before the network is asked, in the pipeline's own loop."""
        scale = self.scale_model_input

        def look_and_scale(sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
            look()
            return scale(sample, timestep)

        setattr(self, "scale_model_input", look_and_scale)  # noqa: B010 a method, to type checkers

    def listening(self, unet: Unet) -> AbstractContextManager[None]:
        """While a sampler wants more of `unet` than what guidance makes of its answers."""
        return nullcontext()

    @property
    @abstractmethod
    def sigma(self) -> float:
        """The noise level at which the network is asked next, in units of clean latents."""

    def _count_call(self, *, done: int) -> None:
        """One more call was answered, after which `done` steps are complete."""
        self._step_seen = self.steps_done
        self._calls_done += 1
        self.steps_done = done

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
