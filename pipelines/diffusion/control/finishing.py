"""What preprocessors do to a decoded picture: recolouring, and inpaint_only's last blend."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Finish = Callable[[Image.Image], Image.Image]
"""A decoded RGB picture to the one that is shown, of the same size."""


@dataclass(frozen=True, kw_only=True)
class Recolour:
    """The brightness of a map under the colours of the picture.

    `map` is height x width x 3, RGB, 0 to 1, of the picture's size. Lightness is CIE Lab's L, or
    the value of HSV with `intensity`.
    """

    map: NDArray[np.float32]
    intensity: bool = False

    def __call__(self, picture: Image.Image) -> Image.Image:
        """The picture with the map's brightness, RGB."""
        there, back, channel = (
            (cv2.COLOR_RGB2HSV, cv2.COLOR_HSV2RGB, 2)
            if self.intensity
            else (cv2.COLOR_RGB2Lab, cv2.COLOR_Lab2RGB, 0)
        )
        colours = cv2.cvtColor(np.asarray(picture, np.float32) / 255, there)
        colours[..., channel] = cv2.cvtColor(self.map, there)[..., channel]
        return _picture(cv2.cvtColor(colours, back))


@dataclass(frozen=True, kw_only=True)
class PutBack:
    """What inpaint_only was not to repaint is put back, with a soft border.

    `original` is height x width x 3, RGB, 0 to 1; `mask` height x width, 1 = repainted. The border
    of the mask is moved out and blurred by `width` pixels each; 0 leaves it hard.
    """

    original: NDArray[np.float32]
    mask: NDArray[np.float32]
    width: int

    def __call__(self, picture: Image.Image) -> Image.Image:
        """The picture inside the mask, the original outside, RGB."""
        mask = self.mask
        if self.width > 0:
            square = np.ones((self.width, self.width), np.uint8)
            mask = cv2.blur(cv2.dilate(mask, square), (self.width, self.width))
        mask = mask[..., None]
        pixels = np.asarray(picture, np.float32) / 255
        return _picture(pixels * mask + self.original * (1 - mask))


def _picture(pixels: NDArray[Any]) -> Image.Image:
    return Image.fromarray((pixels.clip(0, 1) * 255).round().astype(np.uint8))
