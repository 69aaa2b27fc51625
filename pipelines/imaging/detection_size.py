"""The size at which a detector looks at a picture: its aspect ratio is kept exactly.

Pictures are arrays, height x width x 3, RGB, as `pipelines.plugins` hands them to preprocessors.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from pipelines.control.units import ControlResizeMode
from pipelines.errors import InvalidPicture
from pipelines.imaging.geometry import Size

NETWORK_MULTIPLE = 64
"""Pixels; what the sides of a picture must divide by for every detector's network."""

MAX_SIDE = 511 * NETWORK_MULTIPLE
"""Pixels; some of OpenCV's functions take sides below 32767 only."""


def pixel_perfect(picture: Size, target: Size, mode: ControlResizeMode) -> int:
    """The resolution at which a map of `picture` need not be scaled to fit `target`; 1 or more.

    Pixels of the shorter side: that of the picture scaled until it fits inside `target` (Resize and
    Fill) or covers it (the other two), rounded half to even. Not limited to a slider's range.
    """
    ratios = target.height / picture.height, target.width / picture.width
    ratio = min(ratios) if mode is ControlResizeMode.resize_and_fill else max(ratios)
    return max(1, round(ratio * min(picture.width, picture.height)))


def resized_for_detection(pixels: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """`pixels` with a shorter side of `resolution` pixels; a new array.

    Enlarged with OpenCV's cubic filter, shrunk with its area filter. InvalidPicture when the longer
    side would be above MAX_SIDE.
    """
    import cv2  # too slow to load for a page that is to be up in a moment

    height, width = pixels.shape[:2]
    ratio = resolution / min(height, width)
    size = Size(round(width * ratio), round(height * ratio))
    if max(size.width, size.height) > MAX_SIDE:
        raise InvalidPicture(
            f"A picture of {width}x{height} would have to be enlarged to {size} for this "
            f"preprocessor; at most {MAX_SIDE} pixels a side are made; crop it first, or choose a "
            "lower resolution."
        )
    how = cv2.INTER_CUBIC if ratio > 1 else cv2.INTER_AREA
    resized = cv2.resize(pixels, (size.width, size.height), interpolation=how)
    return np.asarray(resized, np.uint8)


def at_resolution(
    pixels: NDArray[np.uint8],
    resolution: int,
    network: Callable[[NDArray[np.uint8]], NDArray[np.uint8]],
) -> NDArray[np.uint8]:
    """What `network` makes of `pixels` at a shorter side of `resolution` pixels, as RGB.

    The network is given the resized picture with its right and lower edge pixels repeated until
    both sides are multiples of NETWORK_MULTIPLE. Its map has the same height and width, with or
    without channels; what belongs to the repeated pixels is cut off again, and a gray map is
    repeated to three channels. InvalidPicture as by `resized_for_detection`.
    """
    resized = resized_for_detection(pixels, resolution)
    height, width = resized.shape[:2]
    missing = (0, -height % NETWORK_MULTIPLE), (0, -width % NETWORK_MULTIPLE), (0, 0)
    padded = np.pad(resized, missing, mode="edge")
    detected = network(padded)
    assert detected.shape[:2] == padded.shape[:2], f"{detected.shape} for {padded.shape}"
    return gray_to_rgb(detected[:height, :width])


def gray_to_rgb(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A new array, height x width x 3, of one that may lack the third axis or have one channel."""
    channels = pixels if pixels.ndim == 3 else pixels[..., None]
    return np.repeat(channels, 3, axis=-1) if channels.shape[-1] == 1 else channels.copy()
