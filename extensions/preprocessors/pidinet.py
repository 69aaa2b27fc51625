"""PiDiNet: soft edges by a small network, scribbles and sketches made of them."""

from collections.abc import Callable
from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_map, detect
from pipelines.plugins import Detected, Given, Preprocessor, Weights

WEIGHTS = Weights(
    name="pidinet",
    repository=ANNOTATORS,
    files=("table5_pidinet.pth",),
    licence="research only (PiDiNet)",
)


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from table5_pidinet.pth."""
    pidi = library("controlnet_aux.pidi")
    state = read_state(folder, WEIGHTS.files[0], part="state_dict")
    return pidi.PidiNetDetector(filled(pidi.pidinet(), state, WEIGHTS.files[0])).to(device)


def running(**options: bool) -> Callable[[Given], Detected]:
    """A run with these options of controlnet_aux: safe, scribble, apply_filter."""

    def run(given: Given) -> Detected:
        return detect(given, WEIGHTS, load, lambda made, pixels: aux_map(made, pixels, **options))

    return run


PREPROCESSORS = (
    Preprocessor(
        key="pidinet",
        label="softedge_pidinet",
        run=running(),
        types=("SoftEdge",),
        priority=100,
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="pidinet_safe",
        label="softedge_pidisafe",
        run=running(safe=True),
        types=("SoftEdge",),
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="pidinet_scribble",
        label="scribble_pidinet",
        run=running(scribble=True),
        types=("Scribble", "SparseCtrl"),
        priority=100,
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="pidinet_sketch",
        label="t2ia_sketch_pidi",
        run=running(apply_filter=True),
        types=("T2I-Adapter",),
        weights=(WEIGHTS,),
    ),
)
