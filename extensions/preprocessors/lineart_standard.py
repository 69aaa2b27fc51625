"""Lineart, standard: what is darker than its surroundings, without a network."""

import numpy as np

from pipelines.imaging.detection_size import at_resolution
from pipelines.plugins import Detected, Given, Pixels, Preprocessor

SIGMA = 6.0
"""Pixels; standard deviation of the blur that stands for the surroundings."""

FAINTEST = 8
"""Anything up to this does not count as a line when the usual strength is measured."""

LEAST_STRENGTH = 16
USUAL_GRAY = 127
"""What a line of the usual strength becomes."""


def run(given: Given) -> Detected:
    """White lines on black."""
    return Detected(pixels=at_resolution(given.picture, given.resolution, lines))


def lines(pixels: Pixels) -> Pixels:
    """The blurred picture minus the picture, in the channel where that is least; 0 if negative.

    Divided by the median of what is above FAINTEST (at least LEAST_STRENGTH), times USUAL_GRAY,
    clipped to 255 and truncated; height x width.
    """
    import cv2

    values = pixels.astype(np.float32)
    surroundings = np.asarray(cv2.GaussianBlur(values, (0, 0), SIGMA))
    depth = (surroundings - values).min(axis=-1).clip(0, 255)
    counting = depth[depth > FAINTEST]
    usual = float(np.median(counting)) if counting.size else 0.0
    strength = depth / max(LEAST_STRENGTH, usual) * USUAL_GRAY
    return strength.clip(0, 255).astype(np.uint8)


PREPROCESSORS = (
    Preprocessor(
        key="lineart_standard",
        label="lineart_standard (from white bg & black line)",
        run=run,
        types=("Lineart",),
        priority=100,
    ),
)
