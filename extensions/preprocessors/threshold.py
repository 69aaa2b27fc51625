"""Threshold: what is bright in all three channels."""

import numpy as np

from pipelines.imaging.detection_size import at_resolution
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Slider


def run(given: Given) -> Detected:
    """White where the smallest channel is above the slider's value, else black."""

    def bright(pixels: Pixels) -> Pixels:
        return np.where(pixels.min(axis=-1) > given.a, np.uint8(255), np.uint8(0))

    return Detected(pixels=at_resolution(given.picture, given.resolution, bright))


PREPROCESSORS = (
    Preprocessor(
        key="threshold",
        label="threshold",
        run=run,
        sliders=(Slider(label="Binarization Threshold", default=127, minimum=0, maximum=255),),
    ),
)
