"""TEED: soft edges by a tiny network, and Anyline, which is that network trained again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from extensions.detectors.loading import Untyped, filled, library, read_state
from extensions.detectors.running import detect
from extensions.preprocessors.lineart_standard import lines
from pipelines.plugins import RESOLUTION, Detected, Given, Pixels, Preprocessor, Slider, Weights

TEED = Weights(name="teed", repository="fal-ai/teed", files=("5_model.pth",), licence="MIT")
ANYLINE = Weights(
    name="anyline",
    repository="TheMistoAI/MistoLine",
    files=("Anyline/MTEED.pth",),
    licence="OpenRAIL++",
)

SAFE_STEPS = Slider(label="Safe Steps", default=2, minimum=0, maximum=10)

LEAST_AREA = 12
"""Pixels that must hang together, side by side, for Anyline to count them."""


def loading(weights: Weights) -> Callable[[Path, str], Untyped]:
    """A load of either network."""

    def load(folder: Path, device: str) -> Untyped:
        file = weights.files[0]
        network = filled(library("controlnet_aux.teed.ted").TED(), read_state(folder, file), file)
        return library("controlnet_aux.teed").TEEDdetector(network).to(device)

    return load


def edges(detector: Untyped, pixels: Pixels, steps: float) -> Pixels:
    """The network's edges in `steps` levels above black; 0 for all levels."""
    side = min(pixels.shape[:2])
    made = detector(pixels, detect_resolution=side, safe_steps=round(steps), output_type="np")
    return np.asarray(made, np.uint8)


def run_teed(given: Given) -> Detected:
    """TEED's soft edges."""
    return detect(given, TEED, loading(TEED), lambda made, pixels: edges(made, pixels, given.a))


def run_anyline(given: Given) -> Detected:
    """The soft edges, where the faintest standard lineart leaves them.

    As ControlNet's extension has it, unlike controlnet_aux: of the standard lineart all above 1 is
    taken away, and so are patches below LEAST_AREA; what is left, 1 of 255, replaces the edges.
    """
    cv2 = library("cv2")  # whose own types leave open what counting components gives

    def look(detector: Untyped, pixels: Pixels) -> Pixels:
        made = edges(detector, pixels, given.a)
        faint = (lines(pixels) == 1).astype(np.uint8)
        _, labels, statistics, _ = cv2.connectedComponentsWithStats(faint, connectivity=4)
        large = statistics[:, cv2.CC_STAT_AREA] >= LEAST_AREA
        large[0] = False  # what is not faint
        return np.where(large[labels][..., None], np.uint8(1), made)

    return detect(given, ANYLINE, loading(ANYLINE), look)


PREPROCESSORS = (
    Preprocessor(
        key="softedge_teed",
        label="softedge_teed",
        run=run_teed,
        types=("SoftEdge",),
        sliders=(SAFE_STEPS,),
        weights=(TEED,),
    ),
    Preprocessor(
        key="softedge_anyline",
        label="softedge_anyline",
        run=run_anyline,
        types=("SoftEdge",),
        resolution=Slider(
            label=RESOLUTION.label,
            default=1280,
            minimum=RESOLUTION.minimum,
            maximum=RESOLUTION.maximum,
            step=RESOLUTION.step,
        ),
        sliders=(SAFE_STEPS,),
        weights=(ANYLINE,),
    ),
)
