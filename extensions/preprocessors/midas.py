"""MiDaS: depth, near is white, and normals that are made of it."""

import warnings
from pathlib import Path

import numpy as np

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_run, detect
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Slider, Weights

WEIGHTS = Weights(
    name="midas", repository=ANNOTATORS, files=("dpt_hybrid-midas-501f0c75.pt",), licence="MIT"
)


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from dpt_hybrid-midas-501f0c75.pt."""
    model_class = library("controlnet_aux.midas.midas.dpt_depth").DPTDepthModel
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # controlnet_aux asks for the backbone by an old name
        network = model_class(path=None, backbone="vitb_rn50_384", non_negative=True)
    state = read_state(folder, WEIGHTS.files[0], part="model")
    detector = library("controlnet_aux.midas").MidasDetector
    return detector(filled(network, state, WEIGHTS.files[0])).to(device)


def run_normal(given: Given) -> Detected:
    """Slopes of the depth; slider A: what is farther than this share of it is flat."""

    def look(detector: Untyped, pixels: Pixels) -> Pixels:
        side = min(pixels.shape[:2])
        _, normal = detector(
            pixels,
            bg_th=given.a,
            depth_and_normal=True,
            detect_resolution=side,
            image_resolution=side,
            output_type="np",
        )
        return np.asarray(normal, np.uint8)

    return detect(given, WEIGHTS, load, look)


PREPROCESSORS = (
    Preprocessor(
        key="depth",
        label="depth_midas",
        run=aux_run(WEIGHTS, load),
        types=("Depth",),
        priority=100,
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="normal_map",
        label="normal_midas",
        run=run_normal,
        types=("NormalMap",),
        sliders=(
            Slider(
                label="Normal Background Threshold", default=0.4, minimum=0, maximum=1, step=0.01
            ),
        ),
        weights=(WEIGHTS,),
    ),
)
