"""LeReS: depth, near is white, and LeReS++, which merges it with the depths of parts."""

import argparse
from pathlib import Path

from extensions.detectors.loading import ANNOTATORS, Untyped, filled, library, read_state
from extensions.detectors.running import aux_map, detect, loaded
from pipelines.plugins import Detected, Given, Preprocessor, Slider, Weights

WEIGHTS = Weights(name="leres", repository=ANNOTATORS, files=("res101.pth",), licence="MIT")
MERGING = Weights(
    name="leres",
    repository=ANNOTATORS,
    files=("latest_net_G.pth",),
    licence="academic use only (BoostingMonocularDepth)",
)


LEAST_SIDE = 160
"""Pixels of the longer side; of anything smaller the network sees all there is at one look."""


def load(folder: Path, device: str) -> Untyped:
    """controlnet_aux's detector from res101.pth, without the network that merges."""
    network = library("controlnet_aux.leres.leres.multi_depth_model_woauxi").RelDepthModel(
        backbone="resnext101"
    )
    state = read_state(folder, WEIGHTS.files[0], part="depth_model")
    detector = library("controlnet_aux.leres").LeresDetector
    return detector(filled(network, state, WEIGHTS.files[0]), None).to(device)


def load_merging(folder: Path, device: str) -> Untyped:
    """The network that merges, from latest_net_G.pth."""
    options = library("controlnet_aux.leres.pix2pix.options.test_options").TestOptions()
    # Its own way of reading options would read our program's command line. And with any other way
    # of resizing it would switch cuDNN, for everybody, to what is not repeatable.
    chosen = options.initialize(argparse.ArgumentParser()).parse_args(
        ["--preprocess", "scale_width"]
    )
    chosen.gpu_ids, chosen.isTrain = [], False
    merging = library("controlnet_aux.leres").Pix2Pix4DepthModel(chosen)
    state = read_state(folder, MERGING.files[0])
    merging.netG = filled(merging.netG, state, MERGING.files[0]).to(device)
    merging.device = library("torch").device(device)
    return merging


def run(given: Given) -> Detected:
    """One look at the whole picture."""

    def look(detector: Untyped, pixels: Untyped) -> Untyped:
        return aux_map(detector, pixels, thr_a=given.a, thr_b=given.b)

    return detect(given, WEIGHTS, load, look)


def run_merged(given: Given) -> Detected:
    """Several looks, at the whole and at parts, merged; one look at a picture without parts."""
    merging = loaded(given, MERGING, load_merging)

    def look(detector: Untyped, pixels: Untyped) -> Untyped:
        both = type(detector)(detector.model, merging)
        has_parts = max(pixels.shape[:2]) >= LEAST_SIDE
        return aux_map(both, pixels, thr_a=given.a, thr_b=given.b, boost=has_parts)

    return detect(given, WEIGHTS, load, look)


SLIDERS = (
    Slider(label="Remove Near %", default=0, minimum=0, maximum=100, step=0.1),
    Slider(label="Remove Background %", default=0, minimum=0, maximum=100, step=0.1),
)

PREPROCESSORS = (
    Preprocessor(
        key="depth_leres",
        label="depth_leres",
        run=run,
        types=("Depth",),
        sliders=SLIDERS,
        weights=(WEIGHTS,),
    ),
    Preprocessor(
        key="depth_leres++",
        label="depth_leres++",
        run=run_merged,
        types=("Depth",),
        sliders=SLIDERS,
        weights=(WEIGHTS, MERGING),
    ),
)
