"""HED: soft edges by a network, and what scribbles are made of them."""

from collections.abc import Callable
from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_map, detect
from pipelines.plugins import Detected, Given, Preprocessor, Weights

WEIGHTS = Weights(
    name="hed", repository=ANNOTATORS, files=("ControlNetHED.pth",), licence="Apache-2.0"
)


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from ControlNetHED.pth."""
    hed = library("controlnet_aux.hed")
    network = filled(
        hed.ControlNetHED_Apache2(), read_state(folder, WEIGHTS.files[0]), WEIGHTS.files[0]
    )
    return hed.HEDdetector(network.float()).to(device)


def running(**options: bool) -> Callable[[Given], Detected]:
    """A run with these options of controlnet_aux: safe, scribble."""

    def run(given: Given) -> Detected:
        return detect(given, WEIGHTS, load, lambda made, pixels: aux_map(made, pixels, **options))

    return run


PREPROCESSORS = (
    Preprocessor(
        key="hed", label="softedge_hed", run=running(), types=("SoftEdge",), weights=(WEIGHTS,)
    ),
    Preprocessor(
        key="hed_safe",
        label="softedge_hedsafe",
        run=running(safe=True),
        types=("SoftEdge",),
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="scribble_hed",
        label="scribble_hed",
        run=running(scribble=True),
        types=("Scribble", "SparseCtrl"),
        weights=(WEIGHTS,),
    ),
)
