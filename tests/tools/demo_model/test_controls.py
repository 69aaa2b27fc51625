"""Control maps are what the common preprocessors draw; masks are what people paint."""

import random
from importlib import import_module

import cv2
import numpy as np
import pytest

from tools.demo_model.canvas import LABELS, OBJECTS
from tools.demo_model.render import Rendering, render
from tools.demo_model.training.controls import ADE20K, KINDS, STEADY, Hand, control_map
from tools.demo_model.training.masks import draw_mask


@pytest.fixture(scope="module")
def shown() -> Rendering:
    """Hills with a house and a tree."""
    return next(
        one
        for one in map(render, range(100))
        if {"house", "tree"} <= {thing.name for thing in one.attributes.things}
    )


def drawn(kind: str, shown: Rendering, hand: Hand = STEADY) -> np.ndarray:
    return control_map(kind, shown.picture, shown.labels, shown.depth, hand)


@pytest.mark.parametrize("kind", KINDS)
def test_a_map_is_an_rgb_picture(kind: str, shown: Rendering):
    assert drawn(kind, shown).shape == (256, 256, 3)
    assert drawn(kind, shown).dtype == np.uint8


def test_canny_is_opencvs_with_the_usual_thresholds(shown: Rendering):
    edges = cv2.Canny(shown.picture, 100, 200)
    assert np.array_equal(drawn("canny", shown), np.stack([edges] * 3, -1))


def test_depth_is_the_renderers_and_near_is_white(shown: Rendering):
    depth = drawn("depth", shown)
    assert np.array_equal(depth[..., 1], shown.depth)
    assert depth[-1].mean() > 200 > depth[0].mean()


def test_every_label_has_a_class_and_every_object_a_colour_of_its_own(shown: Rendering):
    assert tuple(ADE20K) == LABELS
    colours = [ADE20K[label][1] for label in OBJECTS]
    assert len(set(colours)) == len(OBJECTS)
    row, column = np.argwhere(shown.labels == LABELS.index("house"))[0]
    assert tuple(drawn("seg", shown)[row, column]) == ADE20K["house"][1]


def test_the_colours_are_those_of_the_palette_that_segmentation_models_use():
    palette = import_module("controlnet_aux.util").ade_palette()
    numbers = {"sky": 2, "tree": 4, "earth": 13, "mountain": 16, "plant": 17, "house": 25}
    numbers |= {"sea": 26, "lamp": 36, "palm": 72, "boat": 76, "light": 82, "tower": 84}
    numbers |= {"airplane": 90, "tent": 114}
    for name, colour in ADE20K.values():
        assert tuple(palette[numbers[name]]) == colour


def test_a_scribble_is_a_line_of_its_width_on_every_seam(shown: Rendering):
    labels = np.zeros((256, 256), np.uint8)
    labels[100:] = LABELS.index("ground")
    lines = control_map("scribble", shown.picture, labels, shown.depth, Hand(width=5))[..., 0]
    rows = np.flatnonzero(lines[:, 128])
    assert list(rows) == [97, 98, 99, 100, 101]
    assert set(np.unique(lines)) == {0, 255}


def test_an_unsteady_hand_strays_but_not_far(shown: Rendering):
    steady = drawn("scribble", shown, Hand(width=4))[..., 0]
    strayed = drawn("scribble", shown, Hand(width=4, wobble=2.5, seed=3))[..., 0]
    assert not np.array_equal(steady, strayed)
    reach = np.asarray(cv2.dilate(steady, np.ones((9, 9), np.uint8)), np.uint8)
    assert np.count_nonzero(strayed & ~reach) == 0


def test_the_same_chance_gives_the_same_hand():
    assert Hand.unsteady(random.Random(1)) == Hand.unsteady(random.Random(1))
    assert len({Hand.unsteady(random.Random(seed)).width for seed in range(40)}) > 3


def test_masks_are_of_all_sizes_and_most_hold_an_object(shown: Rendering):
    chance = random.Random(0)
    masks = [draw_mask(shown.labels, chance) for _ in range(200)]
    shares = [mask.mean() for mask in masks]
    assert all(set(np.unique(mask)) <= {0, 1} for mask in masks)
    assert min(shares) > 0
    assert max(shares) == 1
    assert 0.1 < np.median(shares) < 0.5
    objects = shown.labels >= LABELS.index(OBJECTS[0])
    assert np.mean([mask[objects].mean() > 0.3 for mask in masks]) > 0.6


def test_a_picture_without_objects_is_masked_somewhere():
    empty = np.zeros((256, 256), np.uint8)
    chance = random.Random(0)
    assert all(draw_mask(empty, chance).any() for _ in range(50))
