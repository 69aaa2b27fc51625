"""Depth Anything, first and second version: depth, near is white."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from extensions.detectors.loading import Untyped, library, pretrained
from extensions.detectors.running import detect
from extensions.detectors.tensors import as_batch, resized
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Weights

FILES = ("config.json", "model.safetensors")

FIRST = Weights(
    name="depth_anything",
    repository="LiheYoung/depth-anything-large-hf",
    files=FILES,
    licence="Apache-2.0",
)
# The small one: the larger ones of the second version are for non-commercial use.
SECOND = Weights(
    name="depth_anything_v2",
    repository="depth-anything/Depth-Anything-V2-Small-hf",
    files=FILES,
    licence="Apache-2.0",
)

SHORTER_SIDE = 518
"""Pixels at which the networks were trained; their patches are 14 wide."""


def loading(weights: Weights) -> Callable[[Path, str], Untyped]:
    """A load of either version, as transformers has them; any size does."""

    def load(folder: Path, device: str) -> Untyped:
        model_class = library("transformers").DepthAnythingForDepthEstimation
        return pretrained(model_class, folder, weights).to(device)

    return load


def depth(model: Untyped, pixels: Pixels) -> Pixels:
    """From the farthest, 0, to the nearest, 255; all 0 where everything is as far."""
    import cv2

    torch = library("torch")
    height, width = pixels.shape[:2]
    patch = model.config.patch_size
    scale = SHORTER_SIDE / min(height, width)
    size = tuple(max(1, round(side * scale / patch)) * patch for side in (width, height))
    shown = cv2.resize(pixels.astype(np.float32) / 255, size, interpolation=cv2.INTER_CUBIC)
    with torch.no_grad():
        told = model(pixel_values=as_batch(np.asarray(shown), model.device)).predicted_depth
        near = resized(told, height, width)[0]
        near = near - near.min()
        near = near / near.max().clamp(min=1e-6) * 255
    return near.cpu().numpy().astype(np.uint8)


def running(weights: Weights) -> Callable[[Given], Detected]:
    """A run of the version of `weights`."""

    def run(given: Given) -> Detected:
        return detect(given, weights, loading(weights), depth)

    return run


PREPROCESSORS = (
    Preprocessor(
        key="depth_anything",
        label="depth_anything",
        run=running(FIRST),
        types=("Depth",),
        weights=(FIRST,),
    ),
    Preprocessor(
        key="depth_anything_v2",
        label="depth_anything_v2",
        run=running(SECOND),
        types=("Depth",),
        weights=(SECOND,),
    ),
)
