"""Detectors with random weights in a folder, and a small picture to show them."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from extensions.preprocessors import BUILT_IN
from pipelines.catalog.weights import DetectorTools, WeightStore
from pipelines.diffusion.torchvision_ops import ensure_torchvision
from pipelines.plugins import Detected, Given, Pixels, Plugins

ensure_torchvision()  # before the tests import what builds on it

Detect = Callable[..., Detected]

PICTURE: Pixels = np.random.default_rng(0).integers(0, 256, (48, 72, 3), np.uint8)
PICTURE.flags.writeable = False

RESOLUTION = 64
MAP_SHAPE = (64, 96, 3)
"""Of PICTURE at RESOLUTION; a network sees 64x128."""


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where weights are looked for; emptied at once, since some have half a gigabyte."""
    folder = tmp_path_factory.mktemp("weights")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def tools(folder: Path) -> DetectorTools:
    return DetectorTools(WeightStore([folder]), device=lambda: "cpu")


@pytest.fixture(scope="module")
def detect(tools: DetectorTools) -> Detect:
    """Runs a preprocessor by its key, with its presets but for what is given."""

    def detect(key: str, *, picture: Pixels = PICTURE, **values: float) -> Detected:
        preprocessor = Plugins(preprocessors=BUILT_IN).find_preprocessor(key)
        presets = [slider.default for slider in preprocessor.sliders]
        a, b, *_ = *presets, 0.5, 0.5
        given = Given(
            picture=picture,
            resolution=int(values.get("resolution", RESOLUTION)),
            a=values.get("a", a),
            b=values.get("b", b),
            seed=0,
            tools=tools,
        )
        return preprocessor.run(given)

    return detect
