"""Pictures to what networks of transformers take, and what they tell back to a picture's size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from extensions.detectors.loading import Untyped, library

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's RGB values, 0 to 1, with which these networks were trained."""


def as_batch(pixels: NDArray[Any], device: Untyped) -> Untyped:
    """RGB values, 0 to 1, height x width x 3, as a tensor 1 x 3 x height x width on `device`."""
    values = ((pixels - MEAN) / DEVIATION).astype(np.float32).transpose(2, 0, 1)[None]
    return library("torch").from_numpy(values).to(device)


def resized(planes: Untyped, height: int, width: int) -> Untyped:
    """A tensor of planes x rows x columns, bilinear at this height and width, in float32."""
    interpolate = library("torch").nn.functional.interpolate
    size = (height, width)
    return interpolate(planes[None].float(), size, mode="bilinear", align_corners=False)[0]
