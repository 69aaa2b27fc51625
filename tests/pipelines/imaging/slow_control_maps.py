"""The rules for control maps again, pixel by pixel, as they are described; slow and independent.

Resizing itself is OpenCV's: which filter is used, and what becomes of its output, is what differs.
"""

from collections.abc import Callable
from fractions import Fraction

import cv2
import numpy as np

Pixels = np.ndarray
Lines = list[list[int]]

FLAT_EDGE = ("...", "?#?", "###")
CORNER = ("?..", "##.", "?#?")
LINE_ENDS = (("...", ".#.", "??."), ("...", ".#.", ".??"))


def turned(pattern: tuple[str, ...]) -> tuple[str, ...]:
    """A quarter turn against the clock."""
    return tuple("".join(row[2 - column] for row in pattern) for column in range(3))


def turns(*patterns: tuple[str, ...]) -> list[tuple[str, ...]]:
    every = []
    for _ in range(4):
        every += patterns
        patterns = tuple(turned(pattern) for pattern in patterns)
    return every


def fits(lines: Lines, y: int, x: int, pattern: tuple[str, ...]) -> bool:
    for row, text in enumerate(pattern):
        for column, wanted in enumerate(text):
            at = y + row - 1, x + column - 1
            inside = 0 <= at[0] < len(lines) and 0 <= at[1] < len(lines[0])
            white = inside and lines[at[0]][at[1]] > 0
            if (wanted == "#" and not white) or (wanted == "." and white):
                return False
    return True


def peel(lines: Lines, patterns: list[tuple[str, ...]]) -> Lines:
    for pattern in patterns:
        lines = [
            [0 if fits(lines, y, x, pattern) else value for x, value in enumerate(row)]
            for y, row in enumerate(lines)
        ]
    return lines


def slow_thinned(lines: Lines, *, prune: bool) -> Lines:
    for _ in range(32):
        before, lines = lines, peel(lines, turns(FLAT_EDGE, CORNER))
        if lines == before:
            break
    return peel(lines, turns(*LINE_ENDS)) if prune else lines


def around(values: Pixels, y: int, x: int, steps: list[tuple[int, int]]) -> list[int]:
    height, width = values.shape
    places = [(y + down, x + across) for down, across in steps]
    return [
        int(values[place]) for place in places if 0 <= place[0] < height > 0 <= place[1] < width
    ]


SQUARE = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]


def filtered(
    values: Pixels, choose: Callable[[list[int]], int], steps: list[tuple[int, int]]
) -> Pixels:
    height, width = values.shape
    return np.array(
        [[choose(around(values, y, x, steps)) for x in range(width)] for y in range(height)]
    )


def slow_has_thin_lines(colours: Pixels) -> bool:
    removed = bright = 0
    for channel in range(3):
        values = colours[..., channel].astype(int)
        opened = filtered(filtered(values, min, SQUARE), max, SQUARE)
        removed += int((opened < values).sum())
        bright += int((values > 127).sum())
    return 2 * removed > bright


def slow_ridges(gray: Pixels) -> Pixels:
    kept = np.zeros_like(gray)
    for down, across in ((0, 1), (1, 0), (1, 1), (1, -1)):
        line = [(-down, -across), (0, 0), (down, across)]
        is_highest = filtered(gray, max, line) == gray
        kept[is_highest] = gray[is_highest]
    return kept


def slow_otsu(gray: Pixels) -> Lines:
    """The threshold with the largest variance between what is above and what is not."""
    values = [int(value) for value in gray.ravel()]
    best, threshold = Fraction(0), 0
    for candidate in sorted(set(values))[:-1]:
        low = [value for value in values if value <= candidate]
        high = [value for value in values if value > candidate]
        apart = Fraction(sum(low), len(low)) - Fraction(sum(high), len(high))
        variance = len(low) * len(high) * apart**2
        if variance > best:
            best, threshold = variance, candidate
    return [[255 if value > threshold else 0 for value in row] for row in gray.tolist()]


def slow_resize_map(pixels: Pixels, width: int, height: int) -> Pixels:
    result = pixels.copy()
    if pixels.shape[:2] != (height, width):
        old_area, new_area = pixels.shape[0] * pixels.shape[1], width * height
        colours = {tuple(pixel[:3]) for row in pixels.tolist() for pixel in row}
        values = [value for colour in colours for value in colour]
        how = cv2.INTER_AREA if new_area < old_area else cv2.INTER_CUBIC
        if len(colours) in range(3, 200):
            how = cv2.INTER_NEAREST
        channels = [
            cv2.resize(np.ascontiguousarray(pixels[..., channel]), (width, height), None, 0, 0, how)
            for channel in range(pixels.shape[2])
        ]
        result = np.stack(channels, axis=-1)
        if len(colours) == 2 and min(values) < 16 and max(values) > 240:
            gray = np.array([[sum(map(int, p[:3])) // 3 for p in row] for row in result])
            if slow_has_thin_lines(pixels[..., :3]):
                drawn = slow_otsu(slow_ridges(gray))
                drawn = slow_thinned(drawn, prune=new_area > old_area)
            else:
                drawn = slow_otsu(gray)
            for channel in range(3):
                result[..., channel] = drawn
    if pixels.shape[2] == 4:
        alpha = [[255 if value > 127 else 0 for value in row] for row in result[..., 3].tolist()]
        result[..., 3] = alpha
    return result


def half_even(number: Fraction) -> int:
    return round(number)


def slow_fit(pixels: Pixels, width: int, height: int, mode: str) -> Pixels:
    if mode == "Just Resize":
        return slow_resize_map(pixels, width, height)
    old_height, old_width = pixels.shape[:2]
    scales = Fraction(height, old_height), Fraction(width, old_width)
    scale = max(scales) if mode == "Crop and Resize" else min(scales)
    inner = slow_resize_map(
        pixels, max(1, half_even(old_width * scale)), max(1, half_even(old_height * scale))
    )
    if mode == "Crop and Resize":
        top, left = (inner.shape[0] - height) // 2, (inner.shape[1] - width) // 2
        return inner[top : top + height, left : left + width]
    colour = []
    for channel in range(pixels.shape[2]):
        values = pixels[..., channel].astype(int)
        border = sorted([*values[0], *values[-1], *values[:, 0], *values[:, -1]])
        middle = len(border) // 2
        colour.append(
            border[middle] if len(border) % 2 else sum(border[middle - 1 : middle + 1]) // 2
        )
    colour[3:] = [255] * len(colour[3:])
    canvas = np.array([[colour] * width] * height, np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    for y, row in enumerate(inner):
        for x, pixel in enumerate(row):
            canvas[top + y, left + x] = pixel
    return canvas
