"""Segmentation by networks with random weights, some a few channels wide."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from extensions.detectors import palettes
from extensions.detectors.loading import library
from extensions.preprocessors import mobile_sam, segmentation
from pipelines.errors import ModelBroken
from pipelines.plugins import Weights
from tests.extensions.detectors.conftest import MAP_SHAPE, Detect
from tests.helpers import networks
from tests.helpers.tiny import vocabulary

transformers: Any = import_module("transformers")


def save(model: Any, folder: Path, weights: Weights) -> None:
    """As those repositories have it: a config, and tensors in PyTorch's own format."""
    place = folder / weights.name
    place.mkdir()
    model.config.save_pretrained(place)
    torch.save(model.state_dict(), place / "pytorch_model.bin")


def save_oneformer(folder: Path, weights: Weights, classes: int) -> None:
    names, merges = vocabulary()
    config = transformers.OneFormerConfig(
        backbone_config=transformers.SwinConfig(
            embed_dim=8,
            depths=[1, 1, 1, 1],
            num_heads=[1, 1, 1, 1],
            window_size=4,
            out_features=["stage1", "stage2", "stage3", "stage4"],
        ),
        num_labels=classes,
        num_queries=5,
        text_encoder_vocab_size=len(names),
        text_encoder_width=32,
        text_encoder_num_layers=1,
        hidden_dim=32,
        conv_dim=32,
        mask_dim=32,
        encoder_feedforward_dim=16,
        dim_feedforward=16,
        encoder_layers=1,
        decoder_layers=2,
        num_attention_heads=2,
        is_training=False,
    )
    save(transformers.OneFormerForUniversalSegmentation(config), folder, weights)
    place = folder / weights.name
    (place / "vocab.json").write_text(json.dumps(names))
    (place / "merges.txt").write_text("#version: 0.2\n" + "\n".join(map(" ".join, merges)))


def assert_in_palette(made: np.ndarray, palette: Any) -> None:
    assert made.shape == MAP_SHAPE
    assert {tuple(pixel) for pixel in made.reshape(-1, 3).tolist()} <= {
        tuple(colour) for colour in palette
    }


@pytest.mark.parametrize(
    ("key", "weights", "palette"),
    [
        ("seg_ofade20k", segmentation.ONEFORMER_ADE20K, palettes.ade20k),
        ("seg_ofcoco", segmentation.ONEFORMER_COCO, palettes.coco),
    ],
)
def test_oneformer_paints_in_its_data_sets_colours(
    detect: Detect, folder: Path, key: str, weights: Weights, palette: Any
):
    save_oneformer(folder, weights, classes=len(palette()))
    assert_in_palette(detect(key).pixels, palette())


def save_upernet(folder: Path, classes: int) -> None:
    backbone = transformers.ConvNextConfig(
        hidden_sizes=[8, 8, 8, 8],
        depths=[1, 1, 1, 1],
        out_features=["stage1", "stage2", "stage3", "stage4"],
    )
    config = transformers.UperNetConfig(
        backbone_config=backbone, hidden_size=8, num_labels=classes, auxiliary_in_channels=8
    )
    save(transformers.UperNetForSemanticSegmentation(config), folder, segmentation.UPERNET)


def test_upernet_paints_in_the_colours_of_ade20k(detect: Detect, folder: Path):
    save_upernet(folder, classes=150)
    assert_in_palette(detect("seg_ufade20k").pixels, palettes.ade20k())


def test_the_best_class_gives_the_colour():
    scores = torch.zeros(3, 1, 2)
    scores[2, 0, 0] = scores[1, 0, 1] = 1
    made = palettes.painted(scores, [(1, 1, 1), (2, 2, 2), (3, 4, 5)])
    assert made.tolist() == [[[3, 4, 5], [2, 2, 2]]]
    with pytest.raises(ModelBroken, match="tells 3 classes apart, and 2 are needed"):
        palettes.painted(scores, [(0, 0, 0)] * 2)


def test_the_palettes_have_a_colour_for_each_class():
    assert len(palettes.coco()) == len(set(palettes.coco())) == 133
    assert palettes.coco()[0] == (220, 20, 60)  # person
    assert len(palettes.ade20k()) == 150
    assert tuple(palettes.ade20k()[2]) == (6, 230, 230)  # sky


def test_mobile_sam_survives_a_picture_in_which_it_finds_nothing(
    detect: Detect, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    networks.save(folder, mobile_sam.WEIGHTS, networks.mobile_sam())
    sam = library("controlnet_aux.segment_anything")
    # Four points instead of a thousand, and, with random weights, no mask that it would vouch for.
    monkeypatch.setattr(sam.SamAutomaticMaskGenerator.__init__, "__defaults__", few_points(sam))
    made = detect("mobile_sam").pixels
    assert made.shape == MAP_SHAPE
    assert not made.any()


def few_points(sam: Any) -> tuple[Any, ...]:
    """The generator's defaults, with a grid of 2x2 points."""
    defaults = sam.SamAutomaticMaskGenerator.__init__.__defaults__
    assert defaults[0] == 32
    return (2, *defaults[1:])


def test_small_things_lie_over_large_ones():
    large, small = np.zeros((2, 8, 8), bool)
    large[:6], small[2:4, 2:4] = True, True
    things = [{"segmentation": m, "area": int(m.sum())} for m in (small, large)]
    made = mobile_sam.painted(things, (8, 8, 3))
    assert (made[7] == 0).all()
    assert (made[2, 2] != made[0, 0]).any()
    assert (made == mobile_sam.painted(things, (8, 8, 3))).all()
