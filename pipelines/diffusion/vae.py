"""Pictures to latents and back: exact, one picture at a time, with a way out of NaN and memory.

Where A1111 samples the encoder's distribution with an unseeded generator, its mean is taken here:
the same picture always has the same latents, so that they can be kept for the next seed. The two
differ by the distribution's spread, which is around 1 % of the latents' own.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from typing import cast

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from pipelines.diffusion.memory import is_out_of_memory, release_memory
from pipelines.diffusion.parts import Vae, dtype_of
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size

log = logging.getLogger(__name__)


def encode(vae: Vae, picture: Image.Image, device: torch.device) -> torch.Tensor:
    """Scaled latents of an RGB picture: 1x4x(H//8)x(W//8) float32, for any H and W from 8 on."""
    return encode_pixels(vae, centred_pixels(picture, device))


def centred_pixels(picture: Image.Image, device: torch.device) -> torch.Tensor:
    """An RGB picture as 1x3xHxW float32, from -1 to 1."""
    pixels = torch.from_numpy(np.array(picture)).to(device)
    return pixels.permute(2, 0, 1)[None].float() / 255 * 2 - 1


@torch.no_grad()
def encode_pixels(vae: Vae, centred: torch.Tensor) -> torch.Tensor:
    """Scaled latents of what `centred_pixels` gives."""

    def mean() -> torch.Tensor:
        return vae.encode(centred.to(dtype_of(vae))).latent_dist.mode().float()

    return _finite(vae, mean, "encoded the picture to") * vae.config["scaling_factor"]


@torch.no_grad()
def decode(vae: Vae, latent: torch.Tensor, *, widens: bool = True) -> Image.Image:
    """The RGB picture of one CxHxW latent, 8 times as large; fractions of a level are cut off.

    Where the VAE's own number format gives NaN, it goes on in float32 if it `widens`; ModelBroken
    if not, or if that is of no use.
    """
    unscaled = latent[None].float() / vae.config["scaling_factor"]

    def picture() -> torch.Tensor:
        return vae.decode(unscaled.to(dtype_of(vae))).sample.float()

    decoded = _finite(vae, picture, "decoded the picture to", widens=widens)
    pixels = ((decoded[0] + 1) / 2).clamp(0, 1) * 255
    return Image.fromarray(pixels.to(torch.uint8).permute(1, 2, 0).contiguous().cpu().numpy())


def resize_latents(latents: torch.Tensor, size: Size) -> torch.Tensor:
    """Bilinear without antialiasing, as A1111's "Just resize (latent upscale)" does it."""
    return functional.interpolate(latents, size=(size.height, size.width), mode="bilinear")


def _finite(
    vae: Vae, compute: Callable[[], torch.Tensor], verb: str, *, widens: bool = True
) -> torch.Tensor:
    """The result of `compute`, from the VAE in float32 if its own format gives NaN or infinity.

    A VAE that is helped by that stays in float32, as in A1111: it would fail again.
    """
    result = _with_tiling_if_needed(vae, compute)
    if torch.isfinite(result).all():
        return result
    if widens and dtype_of(vae) is not torch.float32 and not _is_offloaded_by_layer(vae):
        log.warning("The VAE %s NaN in %s; trying float32.", verb, dtype_of(vae))
        with _in_float32(vae) as stay:
            result = _with_tiling_if_needed(vae, compute)
            if torch.isfinite(result).all():
                stay()
                return result
    raise ModelBroken(
        f"The VAE {verb} values that are no numbers (NaN); "
        "it is damaged, or --no-half-vae may help if the program runs without it."
    )


def _is_offloaded_by_layer(vae: Vae) -> bool:
    """Under --lowvram weights live elsewhere between calls and cannot be converted."""
    return any(parameter.is_meta for parameter in vae.parameters())


@contextmanager
def _in_float32(vae: Vae) -> Iterator[Callable[[], None]]:
    """The VAE in float32 for a while, or for good once what is yielded is called.

    Converting back is exact.
    """
    dtype, for_good = dtype_of(vae), Event()
    # The class's own `to` warns of modules that it would rather keep as they are; it has none.
    nn.Module.to(cast(nn.Module, vae), dtype=torch.float32)
    try:
        yield for_good.set
    finally:
        if not for_good.is_set():
            nn.Module.to(cast(nn.Module, vae), dtype=dtype)


def _with_tiling_if_needed(vae: Vae, compute: Callable[[], torch.Tensor]) -> torch.Tensor:
    """The result of `compute`; in overlapping tiles when memory runs out for the whole picture."""
    try:
        return compute()
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    log.warning("Memory ran out in the VAE; trying in tiles.")
    release_memory()
    vae.enable_tiling()
    try:
        return compute()
    finally:
        vae.disable_tiling()
