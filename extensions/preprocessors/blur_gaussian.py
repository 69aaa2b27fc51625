"""Gaussian blur: for tile models that add detail to what is blurred."""

import numpy as np

from pipelines.imaging.detection_size import resized_for_detection
from pipelines.plugins import Detected, Given, Preprocessor, Slider


def run(given: Given) -> Detected:
    """Blurred at the resolution; the slider is the standard deviation in pixels."""
    import cv2

    resized = resized_for_detection(given.picture, given.resolution)
    return Detected(pixels=np.asarray(cv2.GaussianBlur(resized, (0, 0), given.a), np.uint8))


PREPROCESSORS = (
    Preprocessor(
        key="blur_gaussian",
        label="blur_gaussian",
        run=run,
        types=("Tile",),
        sliders=(Slider(label="Sigma", default=9.0, minimum=0.01, maximum=64, step=0.01),),
    ),
)
