"""Scribble, XDoG: thick strokes along dark lines, by a difference of Gaussians."""

import numpy as np

from pipelines.imaging.detection_size import at_resolution
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Slider

NARROW, WIDE = 0.5, 5.0
"""Standard deviations in pixels."""


def run(given: Given) -> Detected:
    """White where twice the difference, in the channel where it is least, is above the slider's.

    The difference is the wide blur minus the narrow one, within 0 to 255.
    """
    import cv2

    def strokes(pixels: Pixels) -> Pixels:
        values = pixels.astype(np.float32)
        wide = np.asarray(cv2.GaussianBlur(values, (0, 0), WIDE))
        narrow = np.asarray(cv2.GaussianBlur(values, (0, 0), NARROW))
        difference = (wide - narrow).min(axis=-1).clip(0, 255)
        return np.where(2 * difference > given.a, np.uint8(255), np.uint8(0))

    return Detected(pixels=at_resolution(given.picture, given.resolution, strokes))


PREPROCESSORS = (
    Preprocessor(
        key="scribble_xdog",
        label="scribble_xdog",
        run=run,
        types=("Scribble", "SparseCtrl"),
        sliders=(Slider(label="XDoG Threshold", default=32, minimum=1, maximum=64, step=0.01),),
    ),
)
