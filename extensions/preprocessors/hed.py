"""HED: soft edges by a network, and what scribbles are made of them."""

from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_run
from pipelines.plugins import Preprocessor, Weights

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


PREPROCESSORS = (
    Preprocessor(
        key="hed",
        label="softedge_hed",
        run=aux_run(WEIGHTS, load),
        types=("SoftEdge",),
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="hed_safe",
        label="softedge_hedsafe",
        run=aux_run(WEIGHTS, load, safe=True),
        types=("SoftEdge",),
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="scribble_hed",
        label="scribble_hed",
        run=aux_run(WEIGHTS, load, scribble=True),
        types=("Scribble", "SparseCtrl"),
        weights=(WEIGHTS,),
    ),
)
