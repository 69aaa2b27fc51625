"""Masks: where they come from, invert and blur, and the forms in which a run needs them.

A mask is a picture of mode L in which 255 means "repaint" and 0 "leave". Facts about A1111's
arithmetic are in the functions' descriptions.
"""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps

from pipelines.errors import InvalidPicture
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.geometry import Size
from pipelines.imaging.resize import just_resize

ALPHA_THRESHOLD = 128
"""An uploaded mask's alpha above this is masked, if masks are rounded."""


def mask_from_strokes(layer: Image.Image) -> Image.Image:
    """The opacity of strokes on a transparent layer (LA or RGBA), with its soft edges.

    InvalidPicture for a layer without an alpha channel, on which everything would count as drawn.
    """
    if layer.mode not in ("LA", "RGBA"):
        raise InvalidPicture(
            f"A drawn mask must be a picture with an alpha channel, got mode {layer.mode}."
        )
    return layer.getchannel("A")


def mask_from_picture(image: Image.Image, *, rounded: bool = True) -> Image.Image:
    """A mask that was uploaded or sent, in any of Pillow's modes.

    With transparency in it, the mask is its alpha: above 128 masked, or as it is if not `rounded`
    (Soft inpainting). Otherwise it is the brightness, gray staying gray (A1111:
    create_binary_mask). Colour profiles are ignored: they say how a mask looks, not what it means.
    """
    if image.has_transparency_data:
        alpha = image.convert("RGBA").getchannel("A")
        if alpha.getextrema() != (255, 255):
            return alpha.point(_above(ALPHA_THRESHOLD)) if rounded else alpha
    plain = image.copy()
    plain.info.pop("icc_profile", None)
    return to_rgb(plain).convert("L")


def mask_from_transparency(image: Image.Image) -> Image.Image:
    """What is transparent in `image` is to be painted, half of it by half.

    InvalidPicture when nothing in it is transparent.
    """
    alpha = image.convert("RGBA").getchannel("A") if image.has_transparency_data else None
    if alpha is None or alpha.getextrema() == (255, 255):
        raise InvalidPicture(
            "The picture has no transparent parts to make a mask of; "
            "draw a mask, or choose a picture with transparency."
        )
    return ImageOps.invert(alpha)


def changed_pixels(painted: Image.Image, original: Image.Image) -> Image.Image:
    """255 where any channel of `painted` differs from `original`; both RGB and of one size.

    This is Inpaint sketch's mask in A1111. InvalidPicture when the sizes differ.
    """
    if painted.size != original.size:
        raise InvalidPicture(
            f"The painted picture is {Size.of(painted.size)} and the one below it "
            f"{Size.of(original.size)}; they must be of one size."
        )
    differs = (np.asarray(painted) != np.asarray(original)).any(axis=-1)
    return Image.fromarray(differs.astype(np.uint8) * 255)


def with_transparency(mask: Image.Image, percent: float) -> Image.Image:
    """`mask` times (1 - percent/100), truncated; A1111: Mask transparency, from 0 to 100."""
    return ImageEnhance.Brightness(mask).enhance(1 - percent / 100)


def fit_mask(mask: Image.Image, size: Size) -> Image.Image:
    """`mask` stretched to `size`, corner on corner; itself if it has that size."""
    return mask if Size.of(mask.size) == size else just_resize(mask, size)


def invert(mask: Image.Image) -> Image.Image:
    """255 minus every value; A1111: Inpaint not masked. Comes before the blur."""
    return ImageOps.invert(mask)


def blur(mask: Image.Image, sigma_x: float, sigma_y: float) -> Image.Image:
    """Blurred across and then down by OpenCV's Gaussian for bytes, as A1111 does; 0 is none.

    `sigma_x` and `sigma_y` in pixels. The picture is mirrored at its border (reflect-101), so a
    mask that reaches the border stays full there.
    """
    blurred: NDArray[np.uint8] = np.asarray(mask)
    if sigma_x > 0:
        blurred = _gaussian(blurred, (_kernel_size(sigma_x), 1), sigma_x)
    if sigma_y > 0:
        blurred = _gaussian(blurred, (1, _kernel_size(sigma_y)), sigma_y)
    return Image.fromarray(blurred)


def doubled(mask: Image.Image) -> Image.Image:
    """Every value times 2, at most 255: A1111's overlay mask for Whole picture.

    Where the blurred mask is at least half full, nothing of the original is laid over the result.
    """
    return mask.point([min(2 * value, 255) for value in range(256)])


def unit_mask(mask: Image.Image, *, rounded: bool) -> NDArray[np.float32]:
    """(height, width), from 0 to 1; 0 or 1 only if `rounded`: 1 from value 128 on."""
    shares = np.asarray(mask, np.float32) / np.float32(255)
    return np.round(shares) if rounded else shares


def latent_mask(mask: Image.Image, size: Size, *, rounded: bool) -> NDArray[np.float32]:
    """`mask` at the latents' `size`, as (height, width); 1 = repaint. A1111: nmask.

    Resized with Pillow's bicubic filter, then rounded unless Soft inpainting is on.
    """
    small = mask.resize((size.width, size.height), Image.Resampling.BICUBIC)
    return unit_mask(small, rounded=rounded)


def _kernel_size(sigma: float) -> int:
    return 2 * int(2.5 * sigma + 0.5) + 1


def _gaussian(
    values: NDArray[np.uint8], kernel: tuple[int, int], sigma: float
) -> NDArray[np.uint8]:
    import cv2  # too slow to load for a page that is to be up in a moment

    return cv2.GaussianBlur(values, kernel, sigma).astype(np.uint8, copy=False)


def _above(threshold: int) -> list[int]:
    return [255 if value > threshold else 0 for value in range(256)]
