"""What all k-diffusion samplers share: latents are clean + noise * sigma, down a cut schedule."""

import math

import torch

from pipelines.diffusion.schedulers import Job, PlannedScheduler
from pipelines.diffusion.sigmas import OLD_RANGE, schedule_sigmas


class SigmaScheduler(PlannedScheduler):
    """Walks the last `executed` + 1 sigmas of the job's schedule; how, is the subclass's."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        plan, settings = job.plan, job.plan.settings
        low, high = OLD_RANGE if settings.use_old_karras_scheduler_sigmas else (0.0, 0.0)
        whole = schedule_sigmas(
            plan.schedule,
            plan.steps.total,
            job.model,
            sigma_min=settings.sigma_min or low,
            sigma_max=settings.sigma_max or high,
            rho=settings.rho,
            beta_shape=(settings.beta_dist_alpha, settings.beta_dist_beta),
            discard_next_to_last=plan.sampler.discards_next_to_last_sigma,
        ).tolist()
        self._whole: list[float] = whole
        self._sigmas: list[float] = whole[-plan.steps.executed - 1 :]

    def scale_model_input(self, sample: torch.Tensor, timestep: torch.Tensor) -> torch.Tensor:
        """The latents divided by sqrt(1 + sigma^2), in the network's dtype."""
        return (sample.float() / math.hypot(1, self.sigma)).to(self._job.dtype)

    def _start(self, original: torch.Tensor) -> torch.Tensor:
        """clean + noise * sigma, plus A1111's extra noise."""
        weight = self._sigmas[0] + self._settings.img2img_extra_noise
        return original.float() + self._start_noise(original) * weight

    def _denoise(self, output: torch.Tensor, sample: torch.Tensor, sigma: float) -> torch.Tensor:
        """The clean latents that a network's output at `sigma` amounts to, blended; kept, too."""
        predicted = self._predict_clean(output.float(), sample, sigma)
        self.denoised = self._job.blend(predicted, sigma)
        return self.denoised

    def _predict_clean(
        self, output: torch.Tensor, sample: torch.Tensor, sigma: float
    ) -> torch.Tensor:
        if self._job.model.prediction_type == "epsilon":
            return sample - output * sigma
        return sample / (1 + sigma**2) - output * (sigma / math.hypot(1, sigma))
