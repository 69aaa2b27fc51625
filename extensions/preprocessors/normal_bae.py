"""Normal maps by a network trained on rooms (Bae).

Red to the right, green upwards, blue towards the viewer.
"""

from pathlib import Path
from types import SimpleNamespace

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_run
from pipelines.plugins import Preprocessor, Weights

WEIGHTS = Weights(name="normal_bae", repository=ANNOTATORS, files=("scannet.pt",), licence="MIT")

SETTINGS = SimpleNamespace(
    mode="client", architecture="BN", pretrained="scannet", sampling_ratio=0.4, importance_ratio=0.7
)
"""What the network's maker takes; controlnet_aux's own values."""


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from scannet.pt."""
    network = library("controlnet_aux.normalbae.nets.NNET").NNET(SETTINGS)
    state = read_state(folder, WEIGHTS.files[0], part="model")
    detector = library("controlnet_aux.normalbae").NormalBaeDetector
    return detector(filled(network, state, WEIGHTS.files[0])).to(device)


PREPROCESSORS = (
    Preprocessor(
        key="normal_bae",
        label="normal_bae",
        run=aux_run(WEIGHTS, load),
        types=("NormalMap",),
        priority=100,
        weights=(WEIGHTS,),
    ),
)
