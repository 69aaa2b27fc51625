"""OpenPose: people as skeletons, with their hands and faces."""

from collections.abc import Callable
from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, as_file, library, read_state
from extensions.detectors.poses import detect_poses
from pipelines.errors import ModelBroken
from pipelines.plugins import Detected, Given, Preprocessor, Weights

WEIGHTS = Weights(
    name="openpose",
    repository=ANNOTATORS,
    files=("body_pose_model.pth", "hand_pose_model.pth", "facenet.pth"),
    licence="non-commercial (CMU OpenPose)",
)


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from its three files."""
    pose = library("controlnet_aux.open_pose")
    try:
        body, hand, face = (
            part(as_file(read_state(folder, file)))
            for part, file in zip((pose.Body, pose.Hand, pose.Face), WEIGHTS.files, strict=True)
        )
    except (KeyError, RuntimeError) as error:
        raise ModelBroken(
            "The weights of OpenPose do not fit its networks: they are damaged, or others'; "
            "download them again."
        ) from error
    return pose.OpenposeDetector(body, hand, face).to(device)


def running(
    *, body: bool = True, hands: bool = False, face: bool = False
) -> Callable[[Given], Detected]:
    """A run that looks for these and draws them; hands and faces are looked for by the body."""

    def run(given: Given) -> Detected:
        return detect_poses(
            given,
            WEIGHTS,
            load,
            lambda detector, pixels: detector.detect_poses(
                pixels, include_hand=hands, include_face=face
            ),
            body=body,
            hands=hands,
            face=face,
        )

    return run


def entry(name: str, *, priority: int = 0, **parts: bool) -> Preprocessor:
    """One of the five; they differ in what is looked for and drawn."""
    return Preprocessor(
        key=name,
        label=name,
        run=running(**parts),
        types=("OpenPose",),
        priority=priority,
        weights=(WEIGHTS,),
    )


PREPROCESSORS = (
    entry("openpose"),
    entry("openpose_face", face=True),
    entry("openpose_faceonly", body=False, face=True),
    entry("openpose_hand", hands=True),
    entry("openpose_full", priority=100, hands=True, face=True),
)
