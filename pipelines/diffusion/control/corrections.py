"""What preprocessors do to a picture while it is sampled: inpaint_only, tile_colorfix and +sharp.

All are stated on the predicted clean latents, as the ControlNet extension states them. What treats
all rows alike is a Blend of the scheduler, exact and after guidance, which mixes linearly and so
commutes with it; what tells the rows of the negative prompt apart changes the UNet's own output.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from pipelines.diffusion.parts import Unet
from pipelines.diffusion.schedulers import Blend


@dataclass(frozen=True, kw_only=True)
class Progress:
    """Where sampling is at a call: share of the steps done, noise level, what the UNet predicts."""

    share: Callable[[], float]
    sigma: Callable[[], float]
    predicts_velocity: bool = False


@dataclass(frozen=True, kw_only=True)
class KeepOutside:
    """inpaint_only: outside its mask the prediction is replaced by what was there.

    `original` is 1x4xhxw, `mask` 1x1xhxw with 1 = repaint; `weight` (0 to 1) is how much of that
    counts between the shares `start` and `end`.
    """

    original: torch.Tensor
    mask: torch.Tensor
    weight: float
    start: float
    end: float

    def __call__(self, denoised: torch.Tensor) -> torch.Tensor:
        """Predicted clean latents, corrected."""
        kept = denoised * self.mask + self.original.to(denoised) * (1 - self.mask)
        return torch.lerp(denoised, kept, self.weight)


@dataclass(frozen=True, kw_only=True)
class KeepColours:
    """tile_colorfix: the prediction gets the colours that were there, blurred as its own are.

    `original` is 1x4xhxw, `radius` half of the blur's width in latents. `sharpen` (0 to 1) is how
    much of its own blur is mixed into the prediction for the negative prompt.
    """

    original: torch.Tensor
    radius: int
    weight: float
    start: float
    end: float
    sharpen: float = 0.0

    def change(self, denoised: torch.Tensor, negative: torch.Tensor) -> torch.Tensor:
        """What to add to predicted clean latents; `negative` (Bx1x1x1) marks rows with 1."""
        original = self.original.to(denoised)
        fixed = denoised - blurred(denoised, self.radius) + blurred(original, self.radius)
        dulled = torch.lerp(fixed, blurred(fixed, self.radius), self.sharpen)
        return (fixed + (dulled - fixed) * negative - denoised) * self.weight


def blurred(latents: torch.Tensor, radius: int) -> torch.Tensor:
    """Averages over squares of 2 x radius + 1; borders are continued as they end."""
    if radius == 0:
        return latents
    around = functional.pad(latents, (radius,) * 4, mode="replicate")
    return functional.avg_pool2d(around, 2 * radius + 1, stride=1)


def latent_mask(mask: torch.Tensor) -> torch.Tensor:
    """A mask of pixels (1x1xHxW, 1 = repaint) for latents: 1 where any pixel around is to go."""
    return functional.max_pool2d(mask, kernel_size=10, stride=8, padding=1)


def then_keep(
    blend: Blend, corrections: Sequence[KeepOutside], share: Callable[[], float]
) -> Blend:
    """The job's own Blend after the corrections that are active, in order."""
    if not corrections:
        return blend

    def corrected(denoised: torch.Tensor, sigma: float) -> torch.Tensor:
        for correction in corrections:
            if correction.start <= share() <= correction.end:
                denoised = correction(denoised)
        return blend(denoised, sigma)

    return corrected


@contextmanager
def recoloured(
    unet: Unet, corrections: Sequence[KeepColours], *, pictures: int, progress: Progress
) -> Iterator[None]:
    """What `unet` predicts is corrected, row by row; it is untouched without corrections."""
    if not corrections:
        yield
        return

    def correct(
        module: nn.Module, args: tuple[Any, ...], output: tuple[torch.Tensor, ...]
    ) -> tuple[Any, ...]:
        predicted, rows = output[0], len(output[0])
        sample = args[0][:, : predicted.shape[1]].to(predicted)
        negative = predicted.new_zeros(rows, 1, 1, 1)
        if rows == 2 * pictures:
            negative[:pictures] = 1
        sigma = progress.sigma()
        # The UNet sees latents of variance 1: clean * near + noise * far.
        near, far = (1 + sigma**2) ** -0.5, sigma * (1 + sigma**2) ** -0.5
        denoised = (
            sample * near - predicted * far
            if progress.predicts_velocity
            else (sample - predicted * far) / near
        )
        share = progress.share()
        change = torch.zeros_like(denoised)
        for correction in corrections:
            if correction.start <= share <= correction.end:
                change = change + correction.change(denoised + change, negative)
        # Only the change goes back, so that what rounding took from the sample does no harm.
        return (predicted - change * (1 / far if progress.predicts_velocity else near / far),)

    hook = unet.register_forward_hook(correct)
    try:
        yield
    finally:
        hook.remove()
