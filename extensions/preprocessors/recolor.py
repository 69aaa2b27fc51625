"""Recolor: the picture in gray; after sampling the result gets these lights back."""

import numpy as np

from pipelines.plugins import Detected, Given, Hook, Pixels, Preprocessor, Slider

GAMMA = Slider(label="Gamma Correction", default=1.0, minimum=0.1, maximum=2.0, step=0.001)


def run_luminance(given: Given) -> Detected:
    """L of Lab. A1111's extension reads red as blue here, and so do the models' users."""
    import cv2

    lab = np.asarray(cv2.cvtColor(given.picture, cv2.COLOR_BGR2LAB), np.uint8)
    return Detected(pixels=_gray(lab[..., 0], given.a))


def run_intensity(given: Given) -> Detected:
    """V of HSV: the largest of the three channels."""
    return Detected(pixels=_gray(given.picture.max(axis=-1), given.a))


def _gray(values: Pixels, gamma: float) -> Pixels:
    """Values, taken as 0 to 1, to the power of `gamma`; truncated; in three channels."""
    raised = (values.astype(np.float32) / 255) ** gamma * 255
    return np.stack([raised.clip(0, 255).astype(np.uint8)] * 3, axis=-1)


PREPROCESSORS = (
    Preprocessor(
        key="recolor_luminance",
        label="recolor_luminance",
        run=run_luminance,
        types=("Recolor",),
        resolution=None,
        sliders=(GAMMA,),
        hook=Hook.recolor_luminance,
    ),
    Preprocessor(
        key="recolor_intensity",
        label="recolor_intensity",
        run=run_intensity,
        types=("Recolor",),
        resolution=None,
        sliders=(GAMMA,),
        hook=Hook.recolor_intensity,
    ),
)
