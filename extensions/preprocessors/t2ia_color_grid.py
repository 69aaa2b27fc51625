"""Colour grid: the picture in squares of 64 pixels, each of one colour."""

import numpy as np

from pipelines.imaging.detection_size import resized_for_detection
from pipelines.plugins import Detected, Given, Preprocessor

SQUARE = 64
"""Pixels a side; squares are a little larger where the picture is no multiple of it."""


def run(given: Given) -> Detected:
    """Shrunk with the cubic filter to a pixel a square, and back to the nearest pixel."""
    import cv2

    pixels = resized_for_detection(given.picture, given.resolution)
    height, width = pixels.shape[:2]
    squares = max(1, width // SQUARE), max(1, height // SQUARE)
    colours = cv2.resize(pixels, squares, interpolation=cv2.INTER_CUBIC)
    grid = cv2.resize(colours, (width, height), interpolation=cv2.INTER_NEAREST)
    return Detected(pixels=np.asarray(grid, np.uint8))


PREPROCESSORS = (
    Preprocessor(key="color", label="t2ia_color_grid", run=run, types=("T2I-Adapter",)),
)
