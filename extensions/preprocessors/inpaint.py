"""Inpaint: the picture with its mask as fourth channel."""

import numpy as np

from pipelines.plugins import Detected, Given, Hook, Preprocessor


def run(given: Given) -> Detected:
    """RGB and the mask as alpha, 255 = to be repainted; without a mask nothing is."""
    mask = np.zeros(given.picture.shape[:2], np.uint8) if given.mask is None else given.mask
    return Detected(pixels=np.dstack([given.picture, mask]))


PREPROCESSORS = (
    Preprocessor(
        key="inpaint_only",
        label="inpaint_only",
        run=run,
        types=("Inpaint",),
        priority=100,
        resolution=None,
        takes_mask=True,
        hook=Hook.inpaint_only,
    ),
    Preprocessor(
        key="inpaint",
        label="inpaint_global_harmonious",
        run=run,
        types=("Inpaint",),
        resolution=None,
        takes_mask=True,
    ),
)
