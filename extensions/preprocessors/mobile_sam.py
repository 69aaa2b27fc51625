"""MobileSAM: everything that looks like one thing, in a colour of its own."""

from pathlib import Path

import numpy as np

from extensions.detectors.loading import Untyped, filled, library, read_state
from extensions.detectors.running import detect
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Weights

WEIGHTS = Weights(
    name="mobile_sam",
    repository="dhkim2810/MobileSAM",
    files=("mobile_sam.pt",),
    licence="MIT",
)


def load(folder: Path, device: str) -> Untyped:
    """segment_anything's generator of masks from mobile_sam.pt."""
    sam = library("controlnet_aux.segment_anything")
    network = sam.sam_model_registry["vit_t"]()
    state = read_state(folder, WEIGHTS.files[0])
    return sam.SamAutomaticMaskGenerator(filled(network, state, WEIGHTS.files[0]).to(device))


def run(given: Given) -> Detected:
    """Small things over large ones; black where nothing was found."""

    def look(generator: Untyped, pixels: Pixels) -> Pixels:
        with library("torch").no_grad():
            return painted(generator.generate(pixels), pixels.shape)

    return detect(given, WEIGHTS, load, look)


def painted(things: list[dict[str, Untyped]], shape: tuple[int, ...]) -> Pixels:
    """A picture of this shape with each thing's mask in a colour of its own.

    The colours mean nothing, but are the same every time, so that a map can be kept.
    """
    canvas = np.zeros(shape, np.uint8)
    colours = np.random.default_rng(0)
    for thing in sorted(things, key=lambda thing: thing["area"], reverse=True):
        canvas[thing["segmentation"]] = colours.integers(0, 255, 3)
    return canvas


PREPROCESSORS = (
    Preprocessor(
        key="mobile_sam",
        label="mobile_sam",
        run=run,
        types=("Segmentation",),
        weights=(WEIGHTS,),
    ),
)
