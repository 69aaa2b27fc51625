"""Shuffle: the picture's colours and textures without their places."""

import numpy as np
from numpy.typing import NDArray

from pipelines.imaging.detection_size import resized_for_detection
from pipelines.plugins import Detected, Given, Preprocessor

PERIOD = 256
"""Pixels from one random number of the flow to the next."""


def run(given: Given) -> Detected:
    """Every pixel is fetched from where a smooth random flow says, linearly interpolated.

    The flow is drawn from numpy's old generator, as A1111 seeds it: the columns first, then the
    rows, each stretched until it goes from one edge of the picture to the other.
    """
    import cv2

    pixels = resized_for_detection(given.picture, given.resolution)
    height, width = pixels.shape[:2]
    generator = np.random.RandomState(given.seed % 2**32)
    columns = _smooth_noise(generator, height, width) * (width - 1)
    rows = _smooth_noise(generator, height, width) * (height - 1)
    shuffled = cv2.remap(
        pixels, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR
    )
    return Detected(pixels=np.asarray(shuffled, np.uint8))


def _smooth_noise(generator: np.random.RandomState, height: int, width: int) -> NDArray[np.float64]:
    """Height x width, from 0 to 1 and reaching both: noise enlarged with the cubic filter.

    It is enlarged to a period more on every side, which is cut off: edges are not smooth.
    """
    import cv2

    noise = generator.uniform(0, 1, (height // PERIOD + 2, width // PERIOD + 2))
    framed = (width + 2 * PERIOD, height + 2 * PERIOD)
    enlarged = np.asarray(cv2.resize(noise, framed, interpolation=cv2.INTER_CUBIC), np.float64)
    smooth = enlarged[PERIOD : PERIOD + height, PERIOD : PERIOD + width]
    smooth = smooth - smooth.min()
    return smooth / smooth.max() if smooth.max() > 0 else smooth


PREPROCESSORS = (
    Preprocessor(key="shuffle", label="shuffle", run=run, types=("Shuffle",), cached=False),
)
