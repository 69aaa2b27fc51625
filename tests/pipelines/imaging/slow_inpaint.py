"""Inpainting's pixel arithmetic once more: slow, in plain numbers, from its description.

Blurs and compositing are evaluated in the fixed point of OpenCV and Pillow, so that results can be
held against the real ones at tolerance 0.
"""

import math
from collections.abc import Callable, Sequence

import numpy as np

# OpenCV's Gaussian on bytes


def slow_kernel(sigma: float) -> list[int]:
    """k = 2 * trunc(2.5 sigma + 0.5) + 1 weights in 256ths.

    Rounded from the rim inwards, each rounding error carried to the next; the middle takes the
    rest, so that they add up to 256.
    """
    half = int(2.5 * sigma + 0.5)
    bell = [math.exp(-((place - half) ** 2) / (2 * sigma**2)) for place in range(half)]
    total = 2 * sum(bell) + 1
    rim: list[int] = []
    error = 0.0
    for value in bell:
        exact = value / total * 256 + error
        rim.append(round(exact))
        error = exact - rim[-1]
    return [*rim, 256 - 2 * sum(rim), *reversed(rim)]


def slow_blur(mask: np.ndarray, sigma_x: float, sigma_y: float) -> np.ndarray:
    across = _blur_rows(mask, sigma_x)
    return _blur_rows(across.T, sigma_y).T


def _blur_rows(rows: np.ndarray, sigma: float) -> np.ndarray:
    if sigma == 0:
        return rows
    kernel, width = slow_kernel(sigma), rows.shape[1]
    blurred = np.zeros(rows.shape, np.int64)
    for x in range(width):
        for step, weight in enumerate(kernel):
            source = _mirrored(x + step - len(kernel) // 2, width)
            blurred[:, x] += weight * rows[:, source].astype(np.int64)
    return (blurred + 128) // 256


def _mirrored(place: int, count: int) -> int:
    """Reflected at the middle of the first and the last pixel, as often as needed."""
    if count == 1:
        return 0
    while not 0 <= place < count:
        place = -place if place < 0 else 2 * (count - 1) - place
    return place


# The mask at latent size


def slow_latent_mask(mask: np.ndarray, width: int, height: int, *, rounded: bool) -> np.ndarray:
    small = _bicubic_rows(_bicubic_rows(mask.T, width).T, height)
    result = np.zeros((height, width), np.float32)
    for y in range(height):
        for x in range(width):
            share = int(small[y, x]) / 255
            result[y, x] = (1 if share > 0.5 else 0) if rounded else np.float32(share)
    return result


def _bicubic_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Pillow's: along the first axis, a = -0.5, 22 bits after the point."""
    if count == len(rows):
        return rows
    scale = len(rows) / count
    stretch = max(scale, 1.0)
    result = np.zeros((count, rows.shape[1]), np.int64)
    for index in range(count):
        centre = (index + 0.5) * scale
        first = max(int(centre - 2 * stretch + 0.5), 0)
        last = min(int(centre + 2 * stretch + 0.5), len(rows))
        weights = [_cubic((row - centre + 0.5) / stretch) for row in range(first, last)]
        mixed = np.full(rows.shape[1], 1 << 21, np.int64)
        for row, weight in zip(range(first, last), weights, strict=True):
            mixed += rows[row].astype(np.int64) * _rounded(weight / sum(weights) * (1 << 22))
        result[index] = np.clip(mixed >> 22, 0, 255)
    return result


def _rounded(value: float) -> int:
    return int(value + math.copysign(0.5, value))


def _cubic(x: float) -> float:
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return ((-0.5 * x + 2.5) * x - 4) * x + 2 if x < 2 else 0.0


# Only masked


def slow_crop(
    drawn: Sequence[tuple[int, int]],
    mask_size: tuple[int, int],
    padding: int,
    width: int,
    height: int,
) -> tuple[int, int, int, int]:
    """x1, y1, x2, y2 around the places (x, y) above 0, rounded as and when A1111 does."""
    mask_width, mask_height = mask_size
    x1, x2 = min(x for x, _ in drawn), max(x for x, _ in drawn) + 1
    y1, y2 = min(y for _, y in drawn), max(y for _, y in drawn) + 1
    x1, y1 = max(x1 - padding, 0), max(y1 - padding, 0)
    x2, y2 = min(x2 + padding, mask_width), min(y2 + padding, mask_height)
    ratio_crop, ratio_processing = (x2 - x1) / (y2 - y1), width / height
    if ratio_crop > ratio_processing:
        difference = math.trunc((x2 - x1) / ratio_processing - (y2 - y1))
        y1 -= difference // 2
        y2 += difference - difference // 2
        if y2 >= mask_height:
            over = y2 - mask_height
            y2 -= over
            y1 -= over
        if y1 < 0:
            y2 -= y1
            y1 -= y1
        if y2 >= mask_height:
            y2 = mask_height
    else:
        difference = math.trunc((y2 - y1) * ratio_processing - (x2 - x1))
        x1 -= difference // 2
        x2 += difference - difference // 2
        if x2 >= mask_width:
            over = x2 - mask_width
            x2 -= over
            x1 -= over
        if x1 < 0:
            x2 -= x1
            x1 -= x1
        if x2 >= mask_width:
            x2 = mask_width
    return x1, y1, x2, y2


# Pillow's byte arithmetic


def _by_255(value: int) -> int:
    """value / 255, rounded, the way bytes are divided without a division."""
    value += 128
    return ((value >> 8) + value) >> 8


def _premultiplied(pixel: Sequence[int]) -> list[int]:
    *colours, alpha = map(int, pixel)
    return [*(_by_255(colour * alpha) for colour in colours), alpha]


def _unpremultiplied(pixel: Sequence[int]) -> list[int]:
    *colours, alpha = map(int, pixel)
    if alpha in (0, 255):
        return [*colours, alpha]
    return [*(min(255 * colour // alpha, 255) for colour in colours), alpha]


def _over(under: Sequence[int], above: Sequence[int]) -> list[int]:
    """Alpha compositing with 7 more bits than bytes have."""
    *under_colours, under_alpha = map(int, under)
    *above_colours, above_alpha = map(int, above)
    if above_alpha == 0:
        return [*under_colours, under_alpha]
    alpha = above_alpha * 255 + under_alpha * (255 - above_alpha)
    share = above_alpha * 255 * 255 * 128 // alpha
    rest = 255 * 128 - share
    mixed: list[int] = []
    for one, other in zip(above_colours, under_colours, strict=True):
        value = one * share + other * rest + (128 << 7)
        mixed.append((((value >> 8) + value) >> 8) >> 7)
    return [*mixed, _by_255(alpha)]


def _each(function: Callable[..., list[int]], *pictures: np.ndarray) -> np.ndarray:
    height, width = pictures[0].shape[:2]
    return np.array(
        [
            [function(*(picture[y, x] for picture in pictures)) for x in range(width)]
            for y in range(height)
        ]
    )


def _holed(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """RGBa: nothing, over which the picture is pasted through the inverted mask."""
    return _each(
        lambda pixel, masked: [_by_255(v * (255 - int(masked))) for v in (*map(int, pixel), 255)],
        image,
        mask,
    )


def slow_cut_overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return _each(_unpremultiplied, _holed(image, mask))


def slow_lay_over(generated: np.ndarray, overlay: np.ndarray) -> np.ndarray:
    return _each(lambda under, above: _over([*under, 255], above)[:3], generated, overlay)


def slow_composite(above: np.ndarray, under: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`above` where the mask is full, channel by channel."""
    return _each(
        lambda one, other, share: [
            _by_255(int(a) * int(share) + int(b) * (255 - int(share)))
            for a, b in zip(one, other, strict=True)
        ],
        above,
        under,
        mask,
    )


def slow_fill(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    holed = _holed(image, mask)
    filled = np.zeros((*mask.shape, 4), np.int64)
    for radius, repeats in ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)):
        layer = _each(_unpremultiplied, slow_pillow_blur(holed, radius))
        for _ in range(repeats):
            filled = _each(_over, filled, layer)
    return filled[..., :3]


def slow_pillow_blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Pillow's Gaussian: three box blurs across, then three down, of the same variance together."""
    if radius == 0:
        return image
    box = _box_radius(radius)
    for _ in range(3):
        image = _box_blur(image, box)
    down = image.swapaxes(0, 1)
    for _ in range(3):
        down = _box_blur(down, box)
    return down.swapaxes(0, 1)


def _box_radius(sigma: float) -> float:
    """Extended box filter (Gwosdek et al.): whole part, and a share of the pixels beyond it."""
    variance = sigma * sigma / 3
    whole = math.floor((math.sqrt(12 * variance + 1) - 1) / 2)
    share = (2 * whole + 1) * (whole * (whole + 1) - 3 * variance)
    return whole + share / (6 * (variance - (whole + 1) ** 2))


def _box_blur(image: np.ndarray, radius: float) -> np.ndarray:
    """Along the second axis; the edge pixels go on outside. 24 bits after the point.

    The weight is found in single precision, as Pillow finds it.
    """
    width, whole = image.shape[1], int(radius)
    weight = int(np.float32(1 << 24) / (np.float32(radius) * np.float32(2) + np.float32(1)))
    beyond = ((1 << 24) - (whole * 2 + 1) * weight) // 2
    places = np.arange(width)
    blurred = np.full(image.shape, 1 << 23, np.int64)
    for step in range(-whole - 1, whole + 2):
        at = image[:, np.clip(places + step, 0, width - 1)].astype(np.int64)
        blurred += at * (beyond if abs(step) == whole + 1 else weight)
    return blurred >> 24


# Soft inpainting


def slow_histogram_filter(values: np.ndarray, lowest: float, highest: float) -> np.ndarray:
    result = np.zeros_like(values)
    for y in range(values.shape[0]):
        for x in range(values.shape[1]):
            result[y, x] = _weighted_mean(_neighbours(values, y, x), lowest, highest)
    return result


def _neighbours(values: np.ndarray, y: int, x: int) -> list[tuple[float, float]]:
    """(value, weight) of the 5x5 pixels around, as far as there are any; sorted by value."""
    floor = math.exp(-9 / 1.5**2)
    found: list[tuple[float, float]] = []
    for down in range(-2, 3):
        for across in range(-2, 3):
            if 0 <= y + down < values.shape[0] and 0 <= x + across < values.shape[1]:
                bell = math.exp(-(down**2 + across**2) / 1.5**2)
                scale = 1 / (1 - floor)
                found.append((float(values[y + down, x + across]), (bell - floor) * scale))
    return sorted(found, key=lambda pair: pair[0])


def _weighted_mean(pairs: list[tuple[float, float]], lowest: float, highest: float) -> float:
    height = 0.0
    for _, weight in pairs:
        height += weight
    low, high = height * lowest, height * highest
    if high - low < 1:
        middle = (low + high) / 2
        low, high = middle - 0.5, middle + 0.5
        if high > height:
            low, high = height - 1, height
        if low < 0:
            low, high = 0.0, 1.0
    total = thickness = bottom = 0.0
    for value, weight in pairs:
        top = bottom + weight
        share = min(high, top) - max(low, bottom)
        if share > 0:
            total += value * share
            thickness += share
        bottom = top
    return total / thickness


def slow_opacity(
    change: np.ndarray,
    latent_mask: np.ndarray,
    *,
    scale: float,
    influence: float,
    threshold: float,
    contrast: float,
) -> np.ndarray:
    moved = slow_histogram_filter(slow_histogram_filter(change, 0.9, 1.0), 0.25, 0.75)
    result = np.zeros(change.shape, np.uint8)
    for y in range(change.shape[0]):
        for x in range(change.shape[1]):
            k = 1 - min(max(float(latent_mask[y, x]), 0.0), 1.0) ** (scale / 2)
            k = 0.5 * (1 - influence) + k * influence
            k = k / (1.00001 - k)
            half = threshold * k
            distance = float(moved[y, x])
            if half > 0:
                m = 1 / (1 + (distance / half) ** contrast)
            elif contrast > 0:
                m = 1.0 if distance == 0 else 0.0
            else:
                m = 0.5
            m = m * m * m * (m * (m * 6 - 15) + 10)
            result[y, x] = int(255 * (1 - m))
    return result


# Colour correction


def slow_with_luminosity(colours: np.ndarray, light: np.ndarray) -> np.ndarray:
    """Bytes: hue and saturation of `colours`, luminosity of `light`, by the W3C's formula."""
    result = np.zeros(colours.shape, np.uint8)
    for place in np.ndindex(colours.shape[:2]):
        wanted = _luminosity([int(v) / 255 for v in light[place]])
        pixel = [int(v) / 255 for v in colours[place]]
        step = wanted - _luminosity(pixel)
        pixel = [v + step for v in pixel]
        gray, lowest, highest = _luminosity(pixel), min(pixel), max(pixel)
        if lowest < 0 and gray != lowest:
            pixel = [gray + (v - gray) * gray / (gray - lowest) for v in pixel]
        if highest > 1 and gray != highest:
            pixel = [gray + (v - gray) * (1 - gray) / (highest - gray) for v in pixel]
        result[place] = [int(min(max(v, 0.0), 1.0) * 255) for v in pixel]
    return result


def _luminosity(pixel: Sequence[float]) -> float:
    return pixel[0] * 0.299 + pixel[1] * 0.587 + pixel[2] * 0.114
