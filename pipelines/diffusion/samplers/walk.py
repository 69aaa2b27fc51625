"""The k-diffusion samplers that are written out here, each as a function that asks and goes on.

Such a function is a generator: it is given the noised latents and the `Road` down, asks the network
with `denoised = yield Ask(...)` as often as it likes, and returns where it ends. That is how papers
write samplers down. `WalkScheduler` turns one into what a diffusers pipeline is handed.
"""

import inspect
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pipelines.diffusion.brownian import BrownianPath
from pipelines.diffusion.samplers.by_sigma import SigmaScheduler
from pipelines.diffusion.schedulers import Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Ask:
    """A question to the network: what are `latents` without their noise, which has level `sigma`?

    Once it is answered, `done` steps of the sampler are complete.
    """

    latents: torch.Tensor
    sigma: float
    done: int


Walk = Generator[Ask, torch.Tensor, torch.Tensor]
"""Asks, is sent predicted clean latents (BxCxHxW float32, guided and blended), returns the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Road:
    """What a sampler goes by.

    `sigmas` fall, and mostly end with 0. `eta` (0 to 1) is how much of the noise is fresh,
    `s_noise` multiplies that. Both kinds of noise are standard normal, BxCxHxW: `fresh` is drawn by
    every call anew; `between` two sigmas, the higher one first, is always the same for a picture.
    """

    sigmas: Sequence[float]
    eta: float
    s_noise: float
    fresh: Callable[[], torch.Tensor]
    between: Callable[[float, float], torch.Tensor]


def drawn_to(
    latents: torch.Tensor, denoised: torch.Tensor, sigma: float, target: float
) -> torch.Tensor:
    """Straight from noise level `sigma` to `target`, as if `denoised` were right: Euler's step."""
    return denoised + (latents - denoised) * (target / sigma)


class AskedTimesteps:
    """A scheduler's timesteps that come one by one, as its sampler asks.

    It does what a diffusers pipeline does with a tensor of them: cuts off the first to size its
    noise, counts them for a progress bar (which is not shown), and goes through them.
    """

    def __init__(self, scheduler: "WalkScheduler", device: torch.device | str = "cpu") -> None:
        self._scheduler = scheduler
        self._device = device

    def to(self, device: torch.device | str) -> "AskedTimesteps":
        """The same on another device."""
        return AskedTimesteps(self._scheduler, device)

    def __len__(self) -> int:
        """The planned steps, of which a sampler may make several calls each."""
        return self._scheduler.steps_planned

    def __getitem__(self, part: slice) -> "AskedTimesteps | torch.Tensor":
        """All of them for [0:], the first for [:1]."""
        return self if part.stop is None else self._next()[None]

    def __iter__(self) -> Iterator[torch.Tensor]:
        """Until the sampler has asked its last, or a stopped pipeline no longer answers."""
        while not self._scheduler.arrived:
            before = self._scheduler.calls_done
            yield self._next()
            if self._scheduler.calls_done == before:
                return

    def _next(self) -> torch.Tensor:
        return torch.tensor(self._scheduler.timestep, dtype=torch.float32, device=self._device)


class WalkScheduler(SigmaScheduler):
    """Around a function `(latents, road, **options) -> Walk`."""

    def __init__(self, job: Job, walk: Callable[..., Walk], **options: object) -> None:
        """TypeError for an option that `walk` does not know."""
        super().__init__(job)
        inspect.signature(walk).bind(None, None, **options)
        self._begin, self._options = walk, options
        self._walk: Walk | None = None
        self._ask: Ask | None = None
        self._paths: list[BrownianPath] = []
        self.arrived = False
        self.timesteps = AskedTimesteps(self)

    @property
    def sigma(self) -> float:
        """The noise level at which the network is asked next, in units of clean latents."""
        return self._sigmas[0] if self._ask is None else self._ask.sigma

    @property
    def timestep(self) -> float:
        """The fractional timestep of that noise level."""
        return float(self._job.model.to_timestep(np.array(self.sigma)))

    @property
    def steps_planned(self) -> int:
        """How many steps there are to be."""
        return self._plan.steps.executed

    def add_noise(
        self, original_samples: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        """clean + noise * sigma, plus A1111's extra noise; the sampler begins from there."""
        start = self._start(original_samples)
        sampler, settings = self._plan.sampler, self._settings
        road = Road(
            sigmas=self._sigmas,
            eta=settings.eta_ancestral,
            s_noise=settings.s_noise if sampler.scales_fresh_noise else 1.0,
            fresh=lambda: self._fresh_noise(start),
            between=lambda sigma, following: self._noise_between(start, sigma, following),
        )
        self._walk = self._begin(start, road, **self._options)
        return self._go_on(None)

    def step(
        self,
        model_output: torch.Tensor,
        timestep: torch.Tensor,
        sample: torch.Tensor,
        return_dict: bool = False,
    ) -> tuple[torch.Tensor]:
        """The float32 latents to ask about next, or the last, in a tuple as in other schedulers."""
        assert self._ask is not None
        denoised = self._denoise(model_output, sample.float(), self._ask.sigma)
        self._count_call(done=self._ask.done)
        return (self._go_on(denoised),)

    def _go_on(self, denoised: torch.Tensor | None) -> torch.Tensor:
        """What the sampler asks about once it is answered, or where it ends."""
        assert self._walk is not None
        try:
            self._ask = next(self._walk) if denoised is None else self._walk.send(denoised)
        except StopIteration as end:
            self.arrived = True
            # Some samplers make fewer steps than planned, and count them as they can.
            self.steps_done = self.steps_planned
            return end.value
        return self._ask.latents

    def _noise_between(self, like: torch.Tensor, sigma: float, following: float) -> torch.Tensor:
        """Of every picture's own Brownian path over the whole schedule, before it was cut.

        A1111's no_dpmpp_sde_batch_determinism has one for all, so that batches of other sizes
        differ.
        """
        if not self._paths:
            low, high = (
                float(np.float32(end)) for end in (min(filter(None, self._whole)), max(self._whole))
            )
            sources, shape = self._job.sources, like.shape[1:]
            if self._settings.no_dpmpp_sde_batch_determinism:
                sources, shape = sources[:1], like.shape
            self._paths = [source.path(shape, low, high) for source in sources]
        drawn = torch.stack([path.between(sigma, following) for path in self._paths])
        return drawn.reshape(like.shape).to(like)
