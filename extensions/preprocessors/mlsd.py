"""M-LSD: straight lines, for rooms and buildings."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import detect
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Slider, Weights

WEIGHTS = Weights(
    name="mlsd", repository=ANNOTATORS, files=("mlsd_large_512_fp32.pth",), licence="Apache-2.0"
)

Lines = NDArray[np.float64]
"""Count x (x1, y1, x2, y2), in pixels of the picture."""

MOST_LINES = 200
NEIGHBOURHOOD = 3
"""Pixels of the network's map; of the centres of lines in it, the strongest alone counts."""


def load(folder: Path, device: str) -> Untyped:
    """The network from mlsd_large_512_fp32.pth."""
    large = library("controlnet_aux.mlsd.models.mbv2_mlsd_large").MobileV2_MLSD_Large()
    return filled(large, read_state(folder, WEIGHTS.files[0]), WEIGHTS.files[0]).to(device)


def run(given: Given) -> Detected:
    """White lines, one pixel wide, on black; all black where there are none."""

    def look(network: Untyped, pixels: Pixels) -> Pixels:
        return drawn(lines(network, pixels, strength=given.a, length=given.b), pixels.shape[:2])

    return detect(given, WEIGHTS, load, look)


def lines(network: Untyped, pixels: Pixels, *, strength: float, length: float) -> Lines:
    """The lines that a network finds in a picture.

    Not controlnet_aux's own, which takes a picture without lines for an error and hides all errors.
    The network is shown RGB and a plane of ones; in its map, of half the size, channel 0 tells
    where a line has its centre and 1 to 4 how far from it both ends are. A line counts if its
    centre is above `strength` (0 to 1, after the sigmoid) and it is longer than `length` pixels of
    the map.
    """
    torch = library("torch")
    shown = np.dstack([pixels, np.ones(pixels.shape[:2], np.uint8)]).astype(np.float32)
    batch = torch.from_numpy(shown.transpose(2, 0, 1)[None] / 127.5 - 1.0)
    with torch.no_grad():
        output = network(batch.to(next(network.parameters()).device)).cpu()
        decode = library("controlnet_aux.mlsd.utils").deccode_output_score_and_ptss
        centres, scores, ends = decode(output, MOST_LINES, NEIGHBOURHOOD)
    rows, columns = centres[:, 0], centres[:, 1]
    offsets = ends[rows, columns]
    lengths = np.hypot(*(offsets[:, :2] - offsets[:, 2:]).T)
    counting = (scores > strength) & (lengths > length)
    middle = np.stack([columns, rows, columns, rows], axis=1)
    return (middle + offsets.astype(np.float64))[counting] * 2


def drawn(found: Lines, shape: tuple[int, ...]) -> Pixels:
    """Lines as `lines` gives them, white on black, on a map of this height and width."""
    import cv2

    canvas = np.zeros(shape, np.uint8)
    for x1, y1, x2, y2 in found.astype(int).tolist():
        cv2.line(canvas, (x1, y1), (x2, y2), (255,), 1)
    return canvas


PREPROCESSORS = (
    Preprocessor(
        key="mlsd",
        label="mlsd",
        run=run,
        types=("MLSD",),
        priority=100,
        sliders=(
            Slider(label="MLSD Value Threshold", default=0.1, minimum=0.01, maximum=2, step=0.01),
            Slider(
                label="MLSD Distance Threshold", default=0.1, minimum=0.01, maximum=20, step=0.01
            ),
        ),
        weights=(WEIGHTS,),
    ),
)
