"""The diffusion: the noise schedule, noisy latents and their velocity, and what each step draws."""

import torch
from torch import Tensor

from tools.demo_model.training.library import DDIMScheduler, Part


def build_scheduler() -> Part:
    """Stable Diffusion 1.5's noise schedule with v-prediction."""
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
        timestep_spacing="leading",
    )


_SCHEDULER = build_scheduler()
TIMESTEPS: int = _SCHEDULER.config["num_train_timesteps"]
_ALPHAS: Tensor = _SCHEDULER.alphas_cumprod


def diffuse(latents: Tensor, noise: Tensor, timesteps: Tensor) -> tuple[Tensor, Tensor]:
    """The noisy latents (channels last) and the velocity that a network is to predict from them.

    The velocity is that of Salimans & Ho 2022: sqrt(a) * noise - sqrt(1 - a) * latents.
    """
    signal = _ALPHAS[timesteps].view(-1, 1, 1, 1)
    noisy = signal.sqrt() * latents + (1 - signal).sqrt() * noise
    velocity = signal.sqrt() * noise - (1 - signal).sqrt() * latents
    return noisy.contiguous(memory_format=torch.channels_last), velocity


def draw(latents: Tensor, step: int, lateness: float = 1.0) -> tuple[Tensor, Tensor]:
    """Noise for `latents`, and timesteps spread over the batch; both decided by the step's number.

    The density of the timesteps grows with their power of `lateness` - 1: it is even at 1, and
    above 1 there are more of the noisy ones, in which the layout of a picture is decided.
    """
    generator = torch.Generator().manual_seed(step)
    count = len(latents)
    places = torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)
    timesteps = ((places / count) ** (1 / lateness) * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)
    return torch.randn(latents.shape, generator=generator), timesteps


def fixed(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Always the same noise, and timesteps evenly spread: what a held-out loss is measured on."""
    count = len(latents)
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    return noise, ((torch.arange(count) + 0.5) / count * TIMESTEPS).long()
