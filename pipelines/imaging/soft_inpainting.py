"""Soft inpainting's last step: how much of the original is laid over each place of the result.

A1111 decides this per result from how far its latents moved away from the source picture's. Its
filter visits each latent pixel in Python; here each of the window's 25 places is one array.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pipelines.imaging.crops import lay_back
from pipelines.imaging.geometry import Box, Size
from pipelines.imaging.resize import resize_and_fill
from pipelines.requests import SoftInpainting

Floats = NDArray[np.float64]

RADIUS = 2
"""The filter's window has 2 * RADIUS + 1 latent pixels on a side."""

SIGMA = 1.5
SMOOTHING = 4
"""Pixels; Gaussian that takes the stairs off the enlarged mask."""


def soft_overlay_mask(
    change: NDArray[np.float32],
    latent_mask: NDArray[np.float32],
    soft: SoftInpainting,
    *,
    size: Size,
    crop: Box | None,
    canvas: Size,
) -> Image.Image:
    """The overlay mask for one result: L, of `canvas` size; 255 = only what was generated.

    `change` is the L2 norm over channels of (result - source) in latents, and `latent_mask` the
    unrounded mask, both (height, width). `size` is the processing size, which lies in `crop` of
    the canvas, or is the canvas where that is None.
    """
    small = opacity_of_change(change, latent_mask, soft)
    mask = resize_and_fill(small, size).filter(ImageFilter.GaussianBlur(SMOOTHING))
    return mask if crop is None else lay_back(mask, crop, canvas)


def opacity_of_change(
    change: NDArray[np.float32], latent_mask: NDArray[np.float32], soft: SoftInpainting
) -> Image.Image:
    """From 0 (the original shows) to 255 (the result shows), at the latents' size.

    The result shows half where the filtered change equals a distance that grows with Difference
    threshold and, by Mask influence, shrinks where the mask is full. Difference contrast sets how
    sharp the step is.
    """
    moved = histogram_filter(change, 0.9, 1.0)
    moved = histogram_filter(moved, 0.25, 0.75)
    half = _half_distance(latent_mask, soft)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        steps = moved.astype(np.float64) / half  # 0/0: nothing moved, so nothing counts as moved
        steps = np.nan_to_num(steps, nan=0.0, posinf=np.inf) ** soft.difference_contrast
    kept = 1 / (1 + steps)
    shown = 1 - _smootherstep(kept)
    return Image.fromarray((255 * shown).astype(np.uint8))


def histogram_filter(
    values: NDArray[np.float32], lowest: float, highest: float
) -> NDArray[np.float32]:
    """Per pixel, the mean of its neighbourhood's values between two percentiles (0 to 1).

    Neighbours count by a Gaussian weight. Sorted by value and stacked, each as thick as its weight,
    they form a pile; the mean is taken over the slice of the pile from `lowest` to `highest` of its
    height, which is made at least 1 thick. Outside `values` there are no neighbours.
    """
    neighbours, weights = _neighbourhoods(values)
    order = np.argsort(neighbours, axis=0, kind="stable")
    neighbours = np.take_along_axis(neighbours, order, axis=0)
    tops = np.cumsum(np.take_along_axis(weights, order, axis=0), axis=0)
    low, high = _slice(tops[-1], lowest, highest)
    total, thickness = np.zeros_like(low), np.zeros_like(low)
    bottom = np.zeros_like(low)
    for value, top in zip(neighbours, tops, strict=True):
        share = np.maximum(np.minimum(high, top) - np.maximum(low, bottom), 0)
        total += value * share
        thickness += share
        bottom = top
    return (total / thickness).astype(np.float32)


def _neighbourhoods(values: NDArray[np.float32]) -> tuple[Floats, Floats]:
    """Each (places in the window, height, width): values, and weights that are 0 outside."""
    height, width = values.shape
    padded = np.pad(values.astype(np.float64), RADIUS)
    inside = np.pad(np.ones((height, width)), RADIUS)
    places = [(y, x) for y in range(2 * RADIUS + 1) for x in range(2 * RADIUS + 1)]

    def shifted(array: Floats, y: int, x: int) -> Floats:
        return array[y : y + height, x : x + width]

    return (
        np.stack([shifted(padded, y, x) for y, x in places]),
        np.stack([_weight(y, x) * shifted(inside, y, x) for y, x in places]),
    )


def _weight(y: int, x: int) -> float:
    """exp(-r²/1.5²), lowered so that it reaches 0 at r = 3, and scaled to be 1 in the middle."""

    def bell(squared: float) -> float:
        return math.exp(-squared / SIGMA**2)

    floor = bell((RADIUS + 1) ** 2)
    scale = 1 / (1 - floor)
    return (bell((y - RADIUS) ** 2 + (x - RADIUS) ** 2) - floor) * scale


def _slice(height: Floats, lowest: float, highest: float) -> tuple[Floats, Floats]:
    """Where the slice begins and ends in piles of this `height`; at least 1 thick, inside them."""
    low, high = height * lowest, height * highest
    middle = (low + high) / 2
    thin = high - low < 1
    low, high = np.where(thin, middle - 0.5, low), np.where(thin, middle + 0.5, high)
    above = thin & (high > height)
    low, high = np.where(above, height - 1, low), np.where(above, height, high)
    below = thin & (low < 0)
    return np.where(below, 0.0, low), np.where(below, 1.0, high)


def _half_distance(latent_mask: NDArray[np.float32], soft: SoftInpainting) -> Floats:
    """The change at which half of the result shows."""
    kept = 1 - np.clip(latent_mask.astype(np.float64), 0, 1) ** (soft.preservation_strength / 2)
    kept = 0.5 * (1 - soft.mask_influence) + soft.mask_influence * kept
    return soft.difference_threshold * (kept / (1.00001 - kept))


def _smootherstep(x: Floats) -> Floats:
    return x * x * x * (x * (x * 6 - 15) + 10)
