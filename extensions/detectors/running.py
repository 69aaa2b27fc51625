"""Running detectors: weights found, network loaded once, picture shown at its resolution."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from extensions.detectors.loading import Untyped
from pipelines.imaging.detection_size import at_resolution
from pipelines.plugins import Detected, Given, Pixels, Weights

Load = Callable[[Path, str], Untyped]
"""Makes a detector out of a folder with its files, on a device as torch names it."""

Look = Callable[[Untyped, Pixels], Pixels]
"""What a detector makes of a picture whose sides are multiples of 64: a map of the same sides."""


def loaded(given: Given, weights: Weights, load: Load) -> Untyped:
    """The detector of these weights; MissingWeights before anything heavy is imported."""
    folder = given.tools.folder_of(weights)
    device = given.tools.device
    # By the place, too: files that are put elsewhere later are other files.
    name = f"{folder}: {', '.join(weights.files)}"
    return given.tools.network(name, lambda: load(folder, device))


def detect(given: Given, weights: Weights, load: Load, look: Look) -> Detected:
    """The map of `given`, by the detector of `weights`."""
    detector = loaded(given, weights, load)
    return Detected(
        pixels=at_resolution(given.picture, given.resolution, lambda pixels: look(detector, pixels))
    )


def aux_run(weights: Weights, load: Load, **options: object) -> Callable[[Given], Detected]:
    """A run of a detector of controlnet_aux that is called with these options."""

    def run(given: Given) -> Detected:
        return detect(given, weights, load, lambda made, pixels: aux_map(made, pixels, **options))

    return run


def aux_map(detector: Untyped, pixels: Pixels, **options: object) -> Pixels:
    """What a detector of controlnet_aux makes of a picture, without its own resizing.

    It resizes both sides to multiples of 64, which bends the picture, unless they are that already.
    """
    side = min(pixels.shape[:2])
    made = detector(
        pixels, detect_resolution=side, image_resolution=side, output_type="np", **options
    )
    return np.asarray(made, np.uint8)
