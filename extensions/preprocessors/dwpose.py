"""DWPose: people as skeletons, with hands and faces, by networks that may be used for anything."""

from pathlib import Path

from extensions.detectors import wholebody
from extensions.detectors.loading import Untyped, onnx_network
from extensions.detectors.poses import detect_poses
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Weights

WEIGHTS = Weights(
    name="dwpose",
    repository="yzd-v/DWPose",
    files=("yolox_l.onnx", "dw-ll_ucoco_384.onnx"),
    licence="Apache-2.0",
)


def load(folder: Path, device: str) -> tuple[Untyped, Untyped]:
    """What finds people and what finds their points; both run on the CPU, whatever `device` is."""
    detector, posing = (onnx_network(folder, file) for file in WEIGHTS.files)
    return detector, posing


def run(given: Given) -> Detected:
    """Everybody in the picture, whole."""

    def find(networks: tuple[Untyped, Untyped], pixels: Pixels) -> list[wholebody.Person]:
        return wholebody.find_people(*networks, pixels)

    return detect_poses(given, WEIGHTS, load, find, body=True, hands=True, face=True)


PREPROCESSORS = (
    Preprocessor(
        key="dw_openpose_full",
        label="dw_openpose_full",
        run=run,
        types=("OpenPose",),
        weights=(WEIGHTS,),
    ),
)
