"""Inpainting in the latents: where a masked area starts, what holds outside it, 9-channel networks.

Outside the mask, what the network predicts is replaced by the clean source before the solver's
step, at every call (A1111's denoiser for k-diffusion samplers). The solver then walks the exact
line from the noised source back to the source. A1111 instead pastes the clean source into the noisy
latents of timestep samplers, which its own authors call over-smoothing; here all samplers are
treated alike. One that does not end at sigma zero (DDIM, PLMS) leaves a remainder of noise, which
the final blend removes, as in A1111.

A mask is 1x1xhxw float32 on the latents' device: 1 = repaint, 0 = keep.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn
from torch.nn import functional

from pipelines.diffusion.parts import Unet, Vae
from pipelines.diffusion.schedulers import Blend, keep_prediction
from pipelines.diffusion.vae import centred_pixels, encode_pixels, resize_latents
from pipelines.imaging.geometry import Size
from pipelines.requests import MaskedContent, SoftInpainting

_EPSILON = 1e-5


@dataclass(frozen=True, kw_only=True)
class LatentInpaint:
    """How one job treats its latents; `mask` as the module's text says, fractions only if soft."""

    mask: torch.Tensor
    content: MaskedContent
    soft: SoftInpainting | None = None

    def begin(self, clean: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The source's latents with the masked area changed as the masked content wants it.

        `clean` and `noise` are BxCxhxw. The noise is the one that sampling starts from, so that
        every picture of a batch gets what it would get alone.
        """
        kept = clean * (1 - self.mask)
        if self.content is MaskedContent.latent_noise:
            return kept + noise * self.mask
        if self.content is MaskedContent.latent_nothing:
            return kept
        return clean

    def blend(self, clean: torch.Tensor) -> Blend:
        """For every model call; `clean` (BxCxhxw) is what `begin` gave."""
        if self.soft is not None:
            return soft_blend(clean, self.mask, self.soft)
        return hard_blend(clean, self.mask)

    def end(self, latents: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
        """The sampled latents, with the clean ones outside the mask unless inpainting is soft."""
        return latents if self.soft is not None else hard_blend(clean, self.mask)(latents, 0.0)


def hard_blend(clean: torch.Tensor, mask: torch.Tensor) -> Blend:
    """Predictions under the mask, `clean` elsewhere: to the bit, for a mask of zeros and ones."""

    def blend(denoised: torch.Tensor, sigma: float) -> torch.Tensor:
        return torch.where(mask > 0, denoised, clean.to(denoised))

    return blend


def soft_blend(clean: torch.Tensor, mask: torch.Tensor, soft: SoftInpainting) -> Blend:
    """A1111's Soft inpainting: from `clean` to the prediction, by a share t that grows over time.

    t = mask ^ (sigma^power * scale), and v = clean * (1 - t) + predicted * t. Mixing shortens
    vectors that point in different ways, so v gets the length (over channels)
    (|clean|^d * (1 - t) + |predicted|^d * t)^(1/d) back; computed in float64. A1111 takes the
    timestep for sigma where timestep samplers run; here it is sigma for every sampler.
    """
    power, scale, detail = (
        soft.schedule_bias,
        soft.preservation_strength,
        soft.transition_contrast_boost,
    )

    def blend(denoised: torch.Tensor, sigma: float) -> torch.Tensor:
        before, after = _exactly(clean), _exactly(denoised)
        share = _exactly(mask) ** (sigma**power * scale)
        mixed = before * (1 - share) + after * share
        wanted = (_length(before) ** detail * (1 - share) + _length(after) ** detail * share) ** (
            1 / detail
        )
        return (mixed * (wanted / (_length(mixed) + _EPSILON))).to(denoised)

    return blend


def latent_change(latents: torch.Tensor, clean: torch.Tensor) -> NDArray[np.float32]:
    """How far each latent pixel has moved, over channels: (batch, height, width)."""
    return _length(latents.float() - clean.float())[:, 0].cpu().numpy()


def blend_for(inpaint: LatentInpaint | None, clean: torch.Tensor) -> Blend:
    """The job's Blend; without a mask predictions are kept."""
    return keep_prediction if inpaint is None else inpaint.blend(clean)


def picture_channels(
    vae: Vae,
    picture: Image.Image,
    mask: NDArray[np.float32],
    *,
    weight: float,
    size: Size,
    device: torch.device,
) -> torch.Tensor:
    """What a 9-channel network takes besides the latents: mask and masked picture, 1x5xhxw.

    `picture` is RGB, after any filling, `mask` (height, width) of its size, 1 = repaint, and `size`
    the latents'. At `weight` 1 what is masked becomes 0, a mid grey; at 0 the network sees the
    picture whole (A1111: inpainting_mask_weight). The mask is resized by nearest neighbours.
    """
    hidden = torch.from_numpy(mask)[None, None].to(device)
    pixels = centred_pixels(picture, device)
    shown = torch.lerp(pixels, pixels * (1 - hidden), weight)
    latents = encode_pixels(vae, shown)
    if latents.shape[-2:] != (size.height, size.width):
        latents = resize_latents(latents, size)
    small = functional.interpolate(hidden, size=latents.shape[-2:])
    return torch.cat([small, latents], dim=1)


Hidden = Callable[[], AbstractContextManager[None]]
"""A context in which a network sees zeros for what stands beside its latents."""


@contextmanager
def conditioned(unet: Unet, channels: torch.Tensor | None) -> Iterator[Hidden]:
    """`unet` takes plain latents for a while and sees `channels` (1xCxhxw) beside every row.

    None for a network that takes nothing else. The rows of a guided batch all get the same. Yields
    what hides them.
    """
    if channels is None:
        yield nullcontext
        return
    hidden = False

    def widen(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        latents = args[0]
        beside = channels.to(latents).expand(len(latents), -1, -1, -1)
        beside = torch.zeros_like(beside) if hidden else beside
        return (torch.cat([latents, beside], dim=1), *args[1:])

    @contextmanager
    def hide() -> Iterator[None]:
        nonlocal hidden
        hidden = True
        try:
            yield
        finally:
            hidden = False

    hook = unet.register_forward_pre_hook(widen)
    try:
        yield hide
    finally:
        hook.remove()


def _exactly(tensor: torch.Tensor) -> torch.Tensor:
    """In float64, which Apple's cards do not have."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def _length(vectors: torch.Tensor) -> torch.Tensor:
    """Over channels: Bx1xhxw."""
    return torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
