"""Detectors of other packages: what they are shown, asked for, and how it becomes a map."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from extensions.detectors.running import aux_run
from extensions.detectors.tensors import DEVIATION, MEAN, as_batch, resized
from pipelines.plugins import Given, Pixels, Weights
from tests.extensions.detectors.conftest import MAP_SHAPE, PICTURE, RESOLUTION

WEIGHTS = Weights(name="net", repository="somebody/net", files=("net.pth",), licence="MIT")


class Tools:
    """A machine that has every file, and keeps what was loaded."""

    device = "cpu"

    def __init__(self) -> None:
        self.loaded: dict[str, Any] = {}

    def folder_of(self, weights: Weights) -> Path:
        return Path("/weights") / weights.name

    def network(self, name: str, load: Any) -> Any:
        if name not in self.loaded:
            self.loaded[name] = load()
        return self.loaded[name]


class Inverting:
    """A detector as controlnet_aux has them, which remembers how it was called."""

    def __init__(self) -> None:
        self.calls: list[dict[str, object]] = []

    def __call__(self, pixels: Pixels, **options: object) -> Pixels:
        self.calls.append({**options, "shape": pixels.shape})
        return 255 - pixels[..., 0]


def test_a_detector_of_controlnet_aux_is_loaded_once_and_shown_whole_multiples_of_64():
    detector, tools, asked = Inverting(), Tools(), []

    def load(folder: Path, device: str) -> Inverting:
        asked.append((folder, device))
        return detector

    given = Given(picture=PICTURE, resolution=RESOLUTION, a=0.5, b=0.5, seed=0, tools=tools)
    run = aux_run(WEIGHTS, load, safe=True)
    first, second = run(given).pixels, run(given).pixels
    assert first.shape == MAP_SHAPE
    assert (first == second).all()
    assert (first[..., 0] == first[..., 2]).all()
    assert asked == [(Path("/weights/net"), "cpu")]
    # Its own resizing, which would bend the picture, has nothing to do.
    told = {"detect_resolution": 64, "image_resolution": 64, "output_type": "np", "safe": True}
    assert detector.calls == [{**told, "shape": (64, 128, 3)}] * 2


def test_a_batch_is_normalised_channel_by_channel():
    pixels = np.random.default_rng(0).random((5, 7, 3))
    batch = as_batch(pixels, "cpu")
    assert batch.shape == (1, 3, 5, 7)
    assert batch.dtype == torch.float32
    for channel in range(3):
        expected = (pixels[..., channel] - MEAN[channel]) / DEVIATION[channel]
        assert np.allclose(batch[0, channel].numpy(), expected, atol=1e-6)


def test_planes_are_brought_to_a_pictures_size():
    planes = torch.tensor([[[0.0, 4.0]], [[8.0, 8.0]]])
    found = resized(planes.half(), 2, 4)
    assert found.dtype == torch.float32
    assert found[0].tolist() == [[0.0, 1.0, 3.0, 4.0]] * 2
    assert found[1].tolist() == [[8.0] * 4] * 2
