"""A picture's Brownian path over the noise levels: where the SDE samplers take their noise from.

A path is drawn once, over all noise levels of the schedule, by its seed alone: however many steps
look at it, they look at the same path, and a batch gives every picture the path it has alone. It
is drawn from the coarse to the fine: the increment over the whole range first, then that over its
lower half given the whole (a Brownian bridge), and so on by halves down to a millionth.

Every number is the one that k-diffusion gets from the package torchsde's `BrownianTree` (Li et al.
2020, https://arxiv.org/abs/2001.01328); the tests compare the two. That package is not used, for
it has had no release since 2023, draws from torch's generators only (A1111's random source "NV" is
none) and warns about its own rounding at almost every schedule.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from pipelines.diffusion.cache import BoundedCache

DIGITS = 6
"""Decimal places to which levels are rounded, so that halving ends."""

POOL_SIZE = 24
"""Words of entropy that numpy mixes a seed into."""

KEPT = 48
"""Increments that stay in memory: two ways from the whole range down to the finest halves."""


@dataclass(frozen=True, slots=True)
class _Span:
    """A part of the range: the `place`-th from below after halving it `depth` times."""

    low: float
    high: float
    place: int = 0
    depth: int = 0


class BrownianPath:
    """One path from `low` to `high`, both in sigmas; every query is answered consistently."""

    def __init__(
        self, seed: int, low: float, high: float, draw: Callable[[int], torch.Tensor]
    ) -> None:
        """`draw` makes standard normal numbers of one picture's shape from a seed of 32 bits."""
        self._seed, self._draw = seed, draw
        self._range = _Span(round(low, DIGITS), round(high, DIGITS))
        self._whole = draw(_mixed(seed, ())) * math.sqrt(high - low)
        self._lower: BoundedCache[torch.Tensor] = BoundedCache(KEPT, lambda _: 1)

    def between(self, sigma: float, following: float) -> torch.Tensor:
        """Standard normal noise: the path's change from `sigma` down to the lower `following`.

        Levels count as float32, in which k-diffusion has them, and end where the range does.
        """
        first, last = (float(np.float32(level)) for level in (sigma, following))
        low, high = (
            min(max(round(level, DIGITS), self._range.low), self._range.high)
            for level in (last, first)
        )
        change = torch.zeros_like(self._whole)
        if low < high:
            first_part, *parts = self._parts(self._range, self._whole, low, high)
            change = sum(parts, first_part)
        return change / -math.sqrt(first - last)

    def _parts(
        self, span: _Span, change: torch.Tensor, low: float, high: float
    ) -> Iterator[torch.Tensor]:
        """The changes over the halves that make [low, high], from below; `change` is `span`'s."""
        if (low, high) == (span.low, span.high):
            yield change
            return
        middle = round(0.5 * (span.high + span.low), DIGITS)
        lower = self._lower.get(
            (span.place, span.depth), lambda: self._lower_change(span, change, middle)
        )
        place, depth = 2 * span.place, span.depth + 1
        if low < middle:
            half = _Span(span.low, middle, place, depth)
            yield from self._parts(half, lower, low, min(high, middle))
        if high > middle:
            half = _Span(middle, span.high, place + 1, depth)
            yield from self._parts(half, change - lower, max(low, middle), high)

    def _lower_change(self, span: _Span, change: torch.Tensor, middle: float) -> torch.Tensor:
        """The change up to `middle` given that over `span`: its mean, and noise around it."""
        below, above, share = middle - span.low, span.high - middle, 1 / (span.high - span.low)
        noise = self._draw(_mixed(self._seed, (span.place, span.depth)))
        return below * change * share + math.sqrt(below * above * share) * noise


def _mixed(seed: int, place: tuple[int, ...]) -> int:
    """A seed of 32 bits for one place of the path."""
    mixed = np.random.SeedSequence(seed, spawn_key=place, pool_size=POOL_SIZE)
    return int(mixed.generate_state(1)[0])
