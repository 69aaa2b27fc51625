"""The resize modes once more: slow, in plain numbers, from their description.

Filters are evaluated tap by tap in Pillow's fixed point (22 bits after the point, horizontal pass
first, bytes between the passes), so results can be held against the real ones at tolerance 0.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image

from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode

FIXED_POINT_BITS = 22


def slow_resize(image: Image.Image, size: Size, mode: ResizeMode) -> Image.Image:
    """RGB in, RGB out; not for latent_upscale."""
    pixels = np.asarray(image, np.int64)
    match mode:
        case ResizeMode.just_resize:
            result = _stretch(pixels, size.width, size.height)
        case ResizeMode.crop_and_resize:
            result = _cover(pixels, size)
        case ResizeMode.resize_and_fill:
            result = _contain(pixels, size)
        case ResizeMode.latent_upscale:
            raise AssertionError("acts on latents")
    return Image.fromarray(result.astype(np.uint8))


def _cover(pixels: np.ndarray, size: Size) -> np.ndarray:
    height, width = pixels.shape[:2]
    if size.width / size.height > width / height:
        scaled = _stretch(pixels, size.width, height * size.width // width)
    else:
        scaled = _stretch(pixels, width * size.height // height, size.height)
    return _paste_centred(scaled, size)[0]


def _contain(pixels: np.ndarray, size: Size) -> np.ndarray:
    height, width = pixels.shape[:2]
    ratio, source_ratio = size.width / size.height, width / height
    if ratio < source_ratio:
        scaled = _stretch(pixels, size.width, height * size.width // width)
    else:
        scaled = _stretch(pixels, width * size.height // height, size.height)
    canvas, left, top = _paste_centred(scaled, size)
    if ratio < source_ratio:
        _streak(canvas, scaled, top)
    elif ratio > source_ratio:
        _streak(canvas.swapaxes(0, 1), scaled.swapaxes(0, 1), left)
    return canvas


def _streak(canvas: np.ndarray, scaled: np.ndarray, bar: int) -> None:
    """Bars of `bar` rows before and after the picture, written into `canvas`."""
    above, below = _streaked(scaled), _streaked(scaled[::-1])
    for row in range(bar):
        canvas[row] = above
        after = bar + len(scaled) + row
        if after < len(canvas):
            canvas[after] = below


def _streaked(rows: np.ndarray) -> np.ndarray:
    """1.125 * edge - 0.125 * the row inside it, rounded, clipped to bytes."""
    if len(rows) == 1:
        return rows[0]
    return np.clip(np.floor((9 * rows[0] - rows[1]) / 8 + 0.5), 0, 255).astype(np.int64)


def _paste_centred(scaled: np.ndarray, size: Size) -> tuple[np.ndarray, int, int]:
    """On black, pixel by pixel; what lies outside is lost."""
    canvas = np.zeros((size.height, size.width, 3), np.int64)
    left = size.width // 2 - scaled.shape[1] // 2
    top = size.height // 2 - scaled.shape[0] // 2
    for y in range(scaled.shape[0]):
        for x in range(scaled.shape[1]):
            if 0 <= y + top < size.height and 0 <= x + left < size.width:
                canvas[y + top, x + left] = scaled[y, x]
    return canvas, left, top


def _stretch(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    if pixels.shape[1] != width:
        pixels = _filter_rows(pixels.swapaxes(0, 1), width).swapaxes(0, 1)
    if pixels.shape[0] != height:
        pixels = _filter_rows(pixels, height)
    return pixels


def _filter_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Lanczos with three lobes along the first axis; widened when the picture shrinks."""
    scale = len(rows) / count
    stretch = max(scale, 1.0)
    return np.stack([_mix(rows, (row + 0.5) * scale, stretch, _lanczos) for row in range(count)])


def _mix(
    rows: np.ndarray, centre: float, stretch: float, kernel: Callable[[float], float]
) -> np.ndarray:
    first = max(int(centre - 3 * stretch + 0.5), 0)
    last = min(int(centre + 3 * stretch + 0.5), len(rows))
    weights = [kernel((row - centre + 0.5) * (1.0 / stretch)) for row in range(first, last)]
    total = sum(weights)
    one = 1 << FIXED_POINT_BITS
    mixed = np.full(rows.shape[1:], one // 2, np.int64)
    for row, weight in zip(range(first, last), weights, strict=True):
        share = weight * (1.0 / total) * one
        mixed += rows[row] * int(share + math.copysign(0.5, share))
    return np.clip(mixed >> FIXED_POINT_BITS, 0, 255)


def _lanczos(x: float) -> float:
    return _sinc(x) * _sinc(x / 3) if -3 <= x < 3 else 0.0


def _sinc(x: float) -> float:
    return 1.0 if x == 0 else math.sin(x * math.pi) / (x * math.pi)
