"""ControlNet units between request and network: decided, and then with their maps made."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.catalog.models import ModelFile
from pipelines.control.units import ControlUnit
from pipelines.plugins import Preprocessor


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedUnit:
    """One enabled unit, decided: names are looked up, presets are filled in.

    `model` is None where the preprocessor needs none. `resolution` is None where the preprocessor
    has none, and where it follows the picture (Pixel Perfect). `model_title` is the menu's name,
    "stem [hash]", or "None". `notes` are sentences to show with the result.
    """

    unit: ControlUnit
    preprocessor: Preprocessor
    model: ModelFile | None
    model_title: str
    resolution: int | None
    a: float
    b: float
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class PreparedUnit:
    """One unit as the network is shown it.

    `pixels` (height x width x 3, RGB, 0 to 1) has the network's picture size, a multiple of 8.
    `mask` (height x width, 1 = to be repainted) belongs to an inpaint map; the rule that such
    pixels are -1 is the network's side's. `region` (0 to 1) has the size it was given in, and is
    stretched over whatever it is laid on. `pictures` (RGB) are what the map was made from, for
    models that look at pictures themselves; Multi-Inputs gives those several. `hidden` (L, of the
    size of the one picture) is 255 where such a model is to see nothing. `detected` is the map as
    people are shown it, RGB or RGBA.
    """

    planned: PlannedUnit
    pixels: NDArray[np.float32]
    pictures: tuple[Image.Image, ...]
    detected: Image.Image
    mask: NDArray[np.float32] | None = None
    region: NDArray[np.float32] | None = None
    hidden: Image.Image | None = None
    resolution: int | None = None  # pixels; what Pixel Perfect came to
