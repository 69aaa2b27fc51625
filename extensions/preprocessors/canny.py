"""Canny: edges one pixel wide."""

import numpy as np

from pipelines.imaging.detection_size import at_resolution
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Slider


def run(given: Given) -> Detected:
    """OpenCV's Canny on the colours: at each pixel the channel with the steepest slope counts."""
    import cv2

    def edges(pixels: Pixels) -> Pixels:
        return np.asarray(cv2.Canny(pixels, given.a, given.b), np.uint8)

    return Detected(pixels=at_resolution(given.picture, given.resolution, edges))


PREPROCESSORS = (
    Preprocessor(
        key="canny",
        label="canny",
        run=run,
        types=("Canny",),
        priority=100,
        sliders=(
            Slider(label="Low Threshold", default=100, minimum=1, maximum=255),
            Slider(label="High Threshold", default=200, minimum=1, maximum=255),
        ),
    ),
)
