"""Control maps brought to the size that a network is shown, each by what kind of map it is.

Maps are arrays of bytes, height x width x 3 (RGB), or x 4 for inpainting, alpha 255 = to be
repainted. The rules are those of A1111's ControlNet extension.
"""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from pipelines.control.units import ControlResizeMode
from pipelines.errors import InvalidPicture
from pipelines.imaging.geometry import Size
from pipelines.imaging.resize import MAX_INTERMEDIATE_PIXELS
from pipelines.imaging.thin_lines import black_or_white, has_thin_lines, keep_ridges, thinned

FEW_COLOURS = 200
"""A map of three colours or more, but fewer than this, is a drawing in flat colours."""


def fit_map(pixels: NDArray[np.uint8], size: Size, mode: ControlResizeMode) -> NDArray[np.uint8]:
    """`pixels` at `size` as `mode` says, with as many channels; a new array.

    An alpha channel comes out as 0 or 255. InvalidPicture for shapes so different that the map
    would first have to be enlarged beyond reason.
    """
    return FITTERS[mode](pixels, size)


def crop_and_resize(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Scaled until it covers `size`, then cut to it around the middle; rounded up and left."""
    scale = max(size.height / pixels.shape[0], size.width / pixels.shape[1])
    covering = resize_map(pixels, _scaled(pixels, scale))
    top = (covering.shape[0] - size.height) // 2
    left = (covering.shape[1] - size.width) // 2
    return covering[top : top + size.height, left : left + size.width].copy()


def resize_and_fill(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """Scaled until it fits inside `size`, on a canvas of the median colour of its border.

    The border is the first and last row and column of `pixels`; the median of an even number of
    values is truncated. The canvas of an inpaint map is to be repainted: that is outpainting.
    """
    scale = min(size.height / pixels.shape[0], size.width / pixels.shape[1])
    inner = resize_map(pixels, _scaled(pixels, scale))
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    colour = np.median(border, axis=0).astype(np.uint8)
    colour[3:] = 255
    canvas = np.tile(colour, (size.height, size.width, 1))
    height, width = inner.shape[:2]
    top, left = (size.height - height) // 2, (size.width - width) // 2
    canvas[top : top + height, left : left + width] = inner
    return canvas


def resize_map(pixels: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """`pixels` stretched to `size`; kinds of maps keep what makes them such.

    Flat colours get no new ones (nearest pixel). Two colours, one of them near black and one near
    white, give black and white again, and lines of a pixel stay about as thin. Everything else is
    filtered: by area if it shrinks, cubic if not. A map of the right size stays as it is.
    """
    given = Size(pixels.shape[1], pixels.shape[0])
    if given == size:
        return _with_hard_alpha(pixels)
    if size.pixels > MAX_INTERMEDIATE_PIXELS:
        raise InvalidPicture(
            f"A control map of {given} would have to be enlarged to {size} on the way; at most "
            f"{MAX_INTERMEDIATE_PIXELS // 10**6} megapixels are made; crop the picture first, or "
            "choose Just Resize."
        )
    colours = np.ascontiguousarray(pixels[..., :3])
    count = _count_colours(colours)
    resized = _resized(pixels, size, has_flat_colours=2 < count < FEW_COLOURS)
    if count == 2 and colours.min() < 16 and colours.max() > 240:
        gray = _gray(resized)
        is_bigger = size.pixels > given.pixels
        if has_thin_lines(colours):
            drawn = thinned(black_or_white(keep_ridges(gray)), prune=is_bigger)
        else:
            drawn = black_or_white(gray)
        resized[..., :3] = drawn[..., None]
    return _with_hard_alpha(resized)


FITTERS: Mapping[ControlResizeMode, Callable[[NDArray[np.uint8], Size], NDArray[np.uint8]]] = {
    ControlResizeMode.just_resize: resize_map,
    ControlResizeMode.crop_and_resize: crop_and_resize,
    ControlResizeMode.resize_and_fill: resize_and_fill,
}


def _scaled(pixels: NDArray[np.uint8], scale: float) -> Size:
    """The map's size times `scale`, rounded half to even; at least a pixel a side."""
    height, width = pixels.shape[:2]
    return Size(max(1, round(width * scale)), max(1, round(height * scale)))


def _count_colours(colours: NDArray[np.uint8]) -> int:
    """How many different colours there are; quicker than sorting them."""
    red, green, blue = _wide_channels(colours, np.uint32)
    is_there = np.zeros(2**24, np.bool_)
    is_there[red << 16 | green << 8 | blue] = True
    return int(np.count_nonzero(is_there))


def _gray(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The mean of red, green and blue, truncated."""
    red, green, blue = _wide_channels(pixels, np.uint16)
    return ((red + green + blue) // 3).astype(np.uint8)


def _wide_channels(
    pixels: NDArray[np.uint8], kind: type[np.uint16 | np.uint32]
) -> tuple[NDArray[np.uint16 | np.uint32], ...]:
    """Red, green and blue, each an array of its own, with room to add or shift in."""
    # Numpy is many times slower along an axis of three.
    return tuple(pixels[..., channel].astype(kind) for channel in range(3))


def _resized(pixels: NDArray[np.uint8], size: Size, *, has_flat_colours: bool) -> NDArray[np.uint8]:
    import cv2  # too slow to load for a page that is to be up in a moment

    shrinks = size.pixels < pixels.shape[0] * pixels.shape[1]
    filtered = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    how = cv2.INTER_NEAREST if has_flat_colours else filtered
    return np.asarray(cv2.resize(pixels, (size.width, size.height), interpolation=how), np.uint8)


def _with_hard_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A copy whose alpha channel, if there is one, is 255 where it was above 127, else 0."""
    hard = pixels.copy()
    hard[..., 3:] = np.where(hard[..., 3:] > 127, 255, 0)
    return hard
