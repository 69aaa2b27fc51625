"""One step of DPM-Solver of orders 1 to 3, which DPM fast and DPM adaptive are made of.

Lu et al. 2022, "DPM-Solver" (https://arxiv.org/abs/2206.00927), over noises: where the latents are
x at sigma, a noise is (x - predicted) / sigma, and time is -log sigma.
"""

import math
from dataclasses import dataclass

import torch

from pipelines.diffusion.solvers import ancestral_split


@dataclass(frozen=True, kw_only=True, slots=True)
class SolverStep:
    """From noise level `sigma` down to `target`; a share of a step is one of log sigma."""

    sigma: float
    target: float

    def level(self, share: float) -> float:
        """The noise level at this share of the step."""
        return self.sigma ** (1 - share) * self.target**share

    def first(self, x: torch.Tensor, noise: torch.Tensor, share: float = 1.0) -> torch.Tensor:
        """Where the latents are at this share of the step, to first order."""
        return x - noise * (self.sigma - self.level(share))

    def second(
        self, x: torch.Tensor, noise: torch.Tensor, later: torch.Tensor, share: float
    ) -> torch.Tensor:
        """The end to second order; `later` is the noise at this share of the step."""
        return self.first(x, noise) - (later - noise) * ((self.sigma - self.target) / (2 * share))

    def two_thirds(self, x: torch.Tensor, noise: torch.Tensor, later: torch.Tensor) -> torch.Tensor:
        """Two thirds of the step to second order; `later` is the noise at one third."""
        bend = 2 * self.level(2 / 3) * self._bend(2 / 3)
        return self.first(x, noise, 2 / 3) - (later - noise) * bend

    def third(self, x: torch.Tensor, noise: torch.Tensor, latest: torch.Tensor) -> torch.Tensor:
        """The end to third order; `latest` is the noise at two thirds of the step."""
        bend = self.target / (2 / 3) * self._bend(1.0)
        return self.first(x, noise) - (latest - noise) * bend

    def _bend(self, share: float) -> float:
        """(e^h - 1) / h - 1 for this share of the step's length h."""
        length = share * math.log(self.sigma / self.target)
        return math.expm1(length) / length - 1


def split_above(sigma: float, following: float, end: float, eta: float) -> tuple[float, float]:
    """An ancestral step's down and up parts, of which the former stays above `end`."""
    down = max(ancestral_split(sigma, following, eta)[0], end)
    return down, math.sqrt(max(following**2 - down**2, 0.0))
