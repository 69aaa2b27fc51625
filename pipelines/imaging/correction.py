"""A1111's colour correction: a result in the colours of the picture it was made from."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_LUMINOSITY = (0.299, 0.587, 0.114)
"""Shares of red, green and blue (ITU-R BT.601)."""


def lab(image: Image.Image) -> NDArray[np.uint8]:
    """`image` (RGB) in OpenCV's 8-bit Lab, as (height, width, 3)."""
    import cv2  # too slow to load for a page that is to be up in a moment

    return cv2.cvtColor(np.asarray(image), cv2.COLOR_RGB2LAB).astype(np.uint8, copy=False)


def correct_colours(image: Image.Image, target: NDArray[np.uint8]) -> Image.Image:
    """`image` (RGB) with the colours of a picture whose `lab` is `target`, of any size.

    The Lab histograms are matched channel by channel; of the outcome hue and saturation are kept,
    while each pixel keeps the luminosity that it has in `image`. A1111 does this to the result at
    processing size, before anything is laid over it, with the prepared init picture as target.
    """
    import cv2  # as above

    values = lab(image)
    matched = np.stack(
        [_match(values[..., channel], target[..., channel]) for channel in range(3)], axis=-1
    )
    corrected = cv2.cvtColor(matched, cv2.COLOR_LAB2RGB)
    bytes_of = np.asarray(image)
    return Image.fromarray(_with_luminosity(corrected / 255, _luminosity(bytes_of / 255)))


def _match(values: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Each level becomes the target's level of the same rank, interpolated and truncated."""
    counts = np.bincount(values.ravel(), minlength=256)
    target_counts = np.bincount(target.ravel(), minlength=256)
    present = np.flatnonzero(target_counts)
    ranks = np.cumsum(counts) / values.size
    target_ranks = np.cumsum(target_counts[present]) / target.size
    levels = np.interp(ranks, target_ranks, present.astype(np.float64)).astype(np.uint8)
    return levels[values]


def _luminosity(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    red, green, blue = (colours[..., channel] for channel in range(3))
    return red * _LUMINOSITY[0] + green * _LUMINOSITY[1] + blue * _LUMINOSITY[2]


def _with_luminosity(
    colours: NDArray[np.float64], luminosity: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The W3C's blend mode "luminosity" on values from 0 to 1, truncated to bytes.

    Shifted colours that leave [0, 1] are drawn towards their gray until they fit, first from below
    and then, by how far they were above before that, from above.
    """
    colours = colours + (luminosity - _luminosity(colours))[..., None]
    gray = _luminosity(colours)[..., None]
    lowest = colours.min(axis=-1, keepdims=True)
    highest = colours.max(axis=-1, keepdims=True)
    colours = np.where(lowest < 0, _drawn_in(colours, gray, gray, gray - lowest), colours)
    colours = np.where(highest > 1, _drawn_in(colours, gray, 1 - gray, highest - gray), colours)
    return (np.clip(colours, 0, 1) * 255).astype(np.uint8)


def _drawn_in(
    colours: NDArray[np.float64],
    gray: NDArray[np.float64],
    room: NDArray[np.float64],
    reach: NDArray[np.float64],
) -> NDArray[np.float64]:
    """What reaches `reach` from `gray` brought to reach `room`; grays, which reach 0, stay."""
    safe = np.where(reach == 0, 1.0, reach)
    return gray + (colours - gray) * room / safe
