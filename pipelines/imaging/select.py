"""Selecting without a network: everything of one colour, or the object inside a rough outline.

Both take a picture of any mode and return an L mask of its size, 255 where it is selected.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from pipelines.errors import InvalidRequest
from pipelines.imaging.colours import to_rgb

MAX_TOLERANCE = 255
LEAST_SIDE = 4
"""Pixels; an object's outline must be at least this wide and high."""

WORKING_SIDE = 640
"""Pixels; a larger part of a picture is shrunk to this before the object is looked for."""

SURROUNDINGS = 0.25
"""Of the outline's sides: how far around it the background is looked at."""

ROUNDS = 5
SEED = 0
"""GrabCut starts from random clusters; the same question always gets the same answer."""

Point = tuple[float, float]
"""(x, y) in pixels of the picture; (0.5, 0.5) is the middle of the first."""

Bytes = npt.NDArray[np.uint8]


def select_by_colour(
    image: Image.Image, x: int, y: int, *, tolerance: int, connected: bool = True
) -> Image.Image:
    """Pixels whose red, green and blue each differ from pixel (x, y) by at most `tolerance`.

    `tolerance` is 0 to 255. With `connected`, only those that are reached from (x, y) over their
    sides. InvalidRequest for a place outside the picture or another tolerance.
    """
    if not 0 <= tolerance <= MAX_TOLERANCE:
        raise InvalidRequest(f"Tolerance must lie between 0 and {MAX_TOLERANCE}, got {tolerance}.")
    if not (0 <= x < image.width and 0 <= y < image.height):
        raise InvalidRequest(
            f"Place {x}, {y} is outside the picture, which is {image.width}x{image.height}."
        )
    pixels = np.array(to_rgb(image))
    middle = pixels[y, x].astype(np.int16)
    low, high = (np.clip(middle + way, 0, 255).astype(np.uint8) for way in (-tolerance, tolerance))
    selected = cv2.inRange(pixels, low, high)
    if not connected:
        return Image.fromarray(selected)
    # The border of one pixel is OpenCV's own; what is not alike is a wall.
    walls = np.ones((image.height + 2, image.width + 2), np.uint8)
    walls[1:-1, 1:-1] = selected == 0
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (255 << 8)
    cv2.floodFill(selected, walls, (x, y), (255,), (0,), (0,), flags)
    reached: Bytes = np.where(walls[1:-1, 1:-1] == 255, 255, 0).astype(np.uint8)
    return Image.fromarray(reached)


def select_object(image: Image.Image, outline: Sequence[Point]) -> Image.Image:
    """What stands out from its surroundings inside `outline`, a closed line of 3 points or more.

    GrabCut (Rother, Kolmogorov, Blake 2004): outside the outline is background for certain, inside
    it is object perhaps. A part of the picture that is larger than WORKING_SIDE is shrunk for it,
    and the edge of the answer is then as soft as that. InvalidRequest for an outline that is too
    small, or when nothing stands out.
    """
    outline = [(min(max(x, 0), image.width), min(max(y, 0), image.height)) for x, y in outline]
    left, top, right, bottom = _bounds(outline)
    margin_x, margin_y = (
        max(2, round((high - low) * SURROUNDINGS)) for low, high in ((left, right), (top, bottom))
    )
    part = (
        max(0, left - margin_x),
        max(0, top - margin_y),
        min(image.width, right + margin_x),
        min(image.height, bottom + margin_y),
    )
    pixels = np.array(to_rgb(image.crop(part)))
    height, width = pixels.shape[:2]
    scale = min(1.0, WORKING_SIDE / max(width, height))
    small = max(1, round(width * scale)), max(1, round(height * scale))
    if scale < 1:
        pixels = np.asarray(cv2.resize(pixels, small, interpolation=cv2.INTER_AREA), np.uint8)
    rough = _fill(outline, part[:2], (small[0] / width, small[1] / height), small)
    marks = np.where(rough > 0, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    if rough.all():
        # Everything is inside the outline: then the rim is background, as a frame of one pixel.
        marks[[0, -1]] = marks[:, [0, -1]] = cv2.GC_BGD
    found = _grab_cut(pixels, marks)
    if not found.any():
        raise InvalidRequest("No object stands out there; draw the outline closer around it.")
    full = cv2.resize(found, (width, height), interpolation=cv2.INTER_LINEAR)
    full = np.minimum(full, _fill(outline, part[:2], (1.0, 1.0), (width, height)))
    mask = Image.new("L", image.size, 0)
    mask.paste(Image.fromarray(full), part[:2])
    return mask


def _grab_cut(pixels: Bytes, marks: Bytes) -> Bytes:
    """255 where GrabCut takes a pixel for the object; `marks` are its guesses at the start."""
    cv2.setRNGSeed(SEED)
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    labels, _, _ = cv2.grabCut(
        pixels[:, :, ::-1].copy(),  # OpenCV's order is blue, green, red
        marks,
        (0, 0, 0, 0),  # a rectangle, which the marks stand in for
        background,
        foreground,
        ROUNDS,
        cv2.GC_INIT_WITH_MASK,
    )
    is_object = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD))
    return np.where(is_object, 255, 0).astype(np.uint8)


def _bounds(outline: Sequence[Point]) -> tuple[int, int, int, int]:
    """The whole pixels that the outline reaches: left, top, right, bottom."""
    if len(outline) < 3:
        raise InvalidRequest(f"An outline needs at least 3 points, got {len(outline)}.")
    xs, ys = [x for x, _ in outline], [y for _, y in outline]
    left, top = math.floor(min(xs)), math.floor(min(ys))
    right, bottom = math.ceil(max(xs)), math.ceil(max(ys))
    if right - left < LEAST_SIDE or bottom - top < LEAST_SIDE:
        raise InvalidRequest(
            f"The outline must be at least {LEAST_SIDE}x{LEAST_SIDE} pixels inside the picture; "
            f"got {right - left}x{bottom - top}."
        )
    return left, top, right, bottom


def _fill(
    outline: Sequence[Point],
    origin: tuple[int, int],
    scale: tuple[float, float],
    size: tuple[int, int],
) -> Bytes:
    """The inside of the outline as 0 and 255, drawn `origin` to the top left at `scale`."""
    corners = (np.array(outline) - origin) * scale - 0.5  # pixel middles are at whole numbers
    filled = np.zeros((size[1], size[0]), np.uint8)
    cv2.fillPoly(filled, [np.round(corners).astype(np.int32)], (255,))
    return filled
