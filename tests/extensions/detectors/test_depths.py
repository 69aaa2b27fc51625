"""Depth and normals by networks with random weights."""

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from extensions.detectors.loading import library
from extensions.preprocessors import depth_anything, leres, midas, normal_bae, zoe
from tests.extensions.detectors.conftest import MAP_SHAPE, Detect
from tests.helpers import networks

transformers: Any = import_module("transformers")


# timm, about the old name by which controlnet_aux asks for the backbone.
@pytest.mark.filterwarnings("ignore:Mapping deprecated model name:UserWarning")
def test_midas_makes_depth_and_normals(detect: Detect, folder: Path):
    networks.save(folder, midas.WEIGHTS, networks.midas())
    depth = detect("depth_midas").pixels
    assert depth.shape == MAP_SHAPE
    assert len(np.unique(depth)) > 2
    near = detect("normal_midas", a=0.0).pixels
    far = detect("normal_midas", a=1.0).pixels
    assert near.shape == MAP_SHAPE
    slopes = [np.abs(made[..., 1:].astype(int) - 127).sum() for made in (near, far)]
    assert slopes[0] > slopes[1], "what is in the background is flat"


def test_normal_bae_makes_normals(detect: Detect, folder: Path):
    networks.save(folder, normal_bae.WEIGHTS, networks.normal_bae())
    made = detect("normal_bae").pixels
    assert made.shape == MAP_SHAPE
    assert len(np.unique(made)) > 2


def test_leres_makes_depth_cuts_near_and_background_and_merges(
    detect: Detect, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    networks.save(folder, leres.WEIGHTS, networks.leres())
    plain = detect("depth_leres").pixels
    assert plain.shape == MAP_SHAPE
    assert len(np.unique(plain)) > 20
    far = detect("depth_leres", b=50).pixels
    assert (far == np.where(plain > 127, plain, 0)).all()
    near = detect("depth_leres", a=50).pixels
    assert (near == np.where(255 - plain > 127, plain, 255)).all()
    networks.save(folder, leres.MERGING, networks.leres_merging())
    # The mask that blends parts is 3000x3000 otherwise, and its blur takes seconds.
    parts = library("controlnet_aux.leres.leres.depthmap")
    mask = parts.generatemask
    monkeypatch.setattr(parts, "generatemask", lambda size: mask((300, 300)))
    merged = detect("depth_leres++", resolution=128).pixels
    assert merged.shape == (128, 192, 3)
    assert len(np.unique(merged)) > 2
    assert (detect("depth_leres++").pixels == plain).all(), "a small picture has no parts"


@pytest.fixture
def small_zoe(monkeypatch: pytest.MonkeyPatch) -> None:
    """ZoeDepth over the smaller of its backbones, shown a smaller picture."""
    import controlnet_aux.zoe as module

    full = module.get_config

    def small(*arguments: str) -> object:
        config = full(*arguments)
        config.midas_model_type, config.img_size = "DPT_BEiT_B_384", [64, 96]
        return config

    monkeypatch.setattr(module, "get_config", small)


@pytest.mark.usefixtures("small_zoe")
def test_zoe_makes_depth(detect: Detect, folder: Path):
    networks.save(folder, zoe.WEIGHTS, networks.zoe())
    made = detect("depth_zoe").pixels
    assert made.shape == MAP_SHAPE
    assert len(np.unique(made)) > 20


def test_depth_anything_makes_depth(detect: Detect, folder: Path):
    backbone = transformers.Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        patch_size=14,
        image_size=518,
        reshape_hidden_states=False,
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
        patch_size=14,
    )
    model = transformers.DepthAnythingForDepthEstimation(config)
    # Random weights may find everything infinitely far; this brings it near.
    torch.nn.init.constant_(model.head.conv3.bias, 1)
    for weights in (depth_anything.FIRST, depth_anything.SECOND):
        model.save_pretrained(folder / weights.name)
        made = detect(weights.name).pixels
        assert made.shape == MAP_SHAPE
        assert made.any()


class RedIsNear:
    """A model that takes red for nearness."""

    config = SimpleNamespace(patch_size=14)
    device = "cpu"

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def __call__(self, pixel_values: torch.Tensor) -> SimpleNamespace:
        self.shown.append(tuple(pixel_values.shape))
        return SimpleNamespace(predicted_depth=pixel_values[:, 0])


def test_depth_anything_is_shown_its_own_size_and_near_is_white():
    model = RedIsNear()
    picture = np.zeros((64, 128, 3), np.uint8)
    picture[..., 0] = np.linspace(0, 255, 128)
    made = depth_anything.depth(model, picture)
    assert model.shown == [(1, 3, 518, 1036)]
    assert made.shape == (64, 128)
    assert (made.min(), made.max()) == (0, 255)
    assert (np.diff(made.astype(int), axis=1) >= 0).all()
    assert not depth_anything.depth(model, np.zeros_like(picture)).any(), "all is as far"
