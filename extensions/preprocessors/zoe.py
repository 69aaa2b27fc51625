"""ZoeDepth: depth in metres, near is white.

White up to the 2nd percentile of the distances, black from the 85th on.
"""

from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_run
from pipelines.plugins import Preprocessor, Weights

WEIGHTS = Weights(name="zoe", repository=ANNOTATORS, files=("ZoeD_M12_N.pt",), licence="MIT")


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from ZoeD_M12_N.pt."""
    zoe = library("controlnet_aux.zoe")
    network = zoe.ZoeDepth.build_from_config(zoe.get_config("zoedepth", "infer"))
    state = read_state(folder, WEIGHTS.files[0], part="model")
    return zoe.ZoeDetector(filled(network, state, WEIGHTS.files[0])).to(device)


PREPROCESSORS = (
    Preprocessor(
        key="depth_zoe",
        label="depth_zoe",
        run=aux_run(WEIGHTS, load),
        types=("Depth",),
        weights=(WEIGHTS,),
    ),
)
