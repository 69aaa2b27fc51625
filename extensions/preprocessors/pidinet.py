"""PiDiNet: soft edges by a small network, scribbles and sketches made of them."""

from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_run
from pipelines.plugins import Preprocessor, Weights

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


PREPROCESSORS = (
    Preprocessor(
        key="pidinet",
        label="softedge_pidinet",
        run=aux_run(WEIGHTS, load),
        types=("SoftEdge",),
        priority=100,
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="pidinet_safe",
        label="softedge_pidisafe",
        run=aux_run(WEIGHTS, load, safe=True),
        types=("SoftEdge",),
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="pidinet_scribble",
        label="scribble_pidinet",
        run=aux_run(WEIGHTS, load, scribble=True),
        types=("Scribble", "SparseCtrl"),
        priority=100,
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="pidinet_sketch",
        label="t2ia_sketch_pidi",
        run=aux_run(WEIGHTS, load, apply_filter=True),
        types=("T2I-Adapter",),
        weights=(WEIGHTS,),
    ),
)
