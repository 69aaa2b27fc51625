"""Tile: the picture itself, or a smaller one of it, for models that draw its details anew."""

import numpy as np

from pipelines.plugins import Detected, Given, Hook, Preprocessor, Slider

LEAST_RATE = 1.1
"""Any lower rate leaves the picture alone."""

VARIATION = Slider(label="Variation", default=8, minimum=3, maximum=32)


def run_resample(given: Given) -> Detected:
    """Both sides divided by the slider's rate, truncated, with OpenCV's area filter."""
    import cv2

    if given.a < LEAST_RATE:
        return Detected(pixels=given.picture)
    height, width = given.picture.shape[:2]
    size = max(1, int(width / given.a)), max(1, int(height / given.a))
    smaller = cv2.resize(given.picture, size, interpolation=cv2.INTER_AREA)
    return Detected(pixels=np.asarray(smaller, np.uint8))


def run_colorfix(given: Given) -> Detected:
    """The picture as it is; its colours are held while sampling, see the hook."""
    return Detected(pixels=given.picture)


PREPROCESSORS = (
    Preprocessor(
        key="tile_resample",
        label="tile_resample",
        run=run_resample,
        types=("Tile",),
        resolution=None,
        sliders=(
            Slider(label="Down Sampling Rate", default=1.0, minimum=1.0, maximum=8.0, step=0.01),
        ),
    ),
    Preprocessor(
        key="tile_colorfix+sharp",
        label="tile_colorfix+sharp",
        run=run_colorfix,
        types=("Tile",),
        resolution=None,
        sliders=(
            VARIATION,
            Slider(label="Sharpness", default=1.0, minimum=0.0, maximum=2.0, step=0.01),
        ),
        hook=Hook.tile_colorfix_sharp,
    ),
    Preprocessor(
        key="tile_colorfix",
        label="tile_colorfix",
        run=run_colorfix,
        types=("Tile",),
        resolution=None,
        sliders=(VARIATION,),
        hook=Hook.tile_colorfix,
    ),
)
