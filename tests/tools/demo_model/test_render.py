"""The renderer draws the same pictures for ever, and what it says about them is true."""

import hashlib
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from tools.demo_model.canvas import LABELS
from tools.demo_model.placement import DRAWERS, WEIGHTS
from tools.demo_model.render import Rendering, render
from tools.demo_model.scene import Choices

# Drawn when the shipped weights were trained: every terrain, season and style is among them.
GOLDEN = Path(__file__).with_name("pictures.png")
LABEL_CHECKSUMS = {
    0: "3688a810d46a6393",
    1: "d0ca1f3bff8fefce",
    2: "35f04b62db1a3f7c",
    5: "dae5e46ba875ee74",
    29: "3d4529a6ce72f529",
    31: "e3adf91748bc4f9c",
    34: "369470ff05f50873",
}
# What a thing's drawing leaves in the segmentation.
LABEL_OF = {
    "sun": "sun",
    "moon": "sun",
    "crescent moon": "sun",
    "river": "water",
    "road": "road",
    "house": "house",
    "tree": "tree",
    "bare tree": "tree",
    "pine tree": "tree",
    "pine trees": "tree",
    "palm tree": "tree",
    "cactus": "tree",
    "sailboat": "boat",
    "hot air balloon": "balloon",
    "campfire": "fire",
    "fence": "fence",
    "cat": "cat",
    "castle": "tower",
    "windmill": "tower",
    "lighthouse": "tower",
    "tent": "tent",
    "person": "person",
}


def coarse(rendering: Rendering) -> np.ndarray:
    """16x16 mean colours: what remains when processors round differently."""
    return cv2.resize(rendering.picture, (16, 16), interpolation=cv2.INTER_AREA)


@pytest.mark.parametrize("number", range(len(LABEL_CHECKSUMS)))
def test_a_seed_draws_the_picture_that_the_model_learnt(number: int):
    seed, checksum = list(LABEL_CHECKSUMS.items())[number]
    rendering = render(seed)
    assert hashlib.sha256(rendering.labels.tobytes()).hexdigest()[:16] == checksum
    stored = np.asarray(Image.open(GOLDEN)).astype(int)
    expected = stored[:, 16 * number : 16 * (number + 1)]
    worst = np.abs(coarse(rendering).astype(int) - expected).max()
    assert worst <= 1, f"a mean colour of seed {seed} is off by {worst}"


def test_rendering_twice_gives_the_same():
    first, second = render(5), render(5)
    assert np.array_equal(first.picture, second.picture)
    assert np.array_equal(first.labels, second.labels)
    assert first.attributes == second.attributes


def test_pictures_are_256_pixels_square():
    rendering = render(1)
    assert rendering.picture.shape == (256, 256, 3)
    assert rendering.picture.dtype == np.uint8
    assert rendering.labels.shape == (256, 256)
    assert rendering.labels.max() < len(LABELS)


def test_another_seed_gives_another_picture():
    assert not np.array_equal(render(1).picture, render(2).picture)


@pytest.mark.parametrize("terrain", WEIGHTS)
def test_what_is_told_is_in_the_segmentation(terrain: str):
    choices = Choices(terrain=terrain, whole_view=True, time="day")
    for seed in range(12):
        rendering = render(seed, choices)
        seen = {LABELS[index] for index in np.unique(rendering.labels)}
        told = {thing.name for thing in rendering.attributes.things} - {"birds"}
        # Something drawn later may stand in front of one thing, but hardly of two.
        hidden = [name for name in told if LABEL_OF[name] not in seen]
        assert len(hidden) <= 1, f"seed {seed}: {hidden} are told but not seen"


@pytest.mark.parametrize("name", DRAWERS)
def test_an_object_that_is_asked_for_is_drawn_and_told(name: str):
    terrain = next(place for place, weights in WEIGHTS.items() if name in weights)
    wanted = Choices(terrain=terrain, objects=(name,), time="day", whole_view=True, style="flat")
    rendering = render(3, wanted)
    told = [thing for thing in rendering.attributes.things if thing.name not in ("sun", "birds")]
    assert len(told) == 1
    assert LABELS.index(LABEL_OF[told[0].name]) in rendering.labels
    without = render(3, replace(wanted, objects=()))
    changed = (rendering.picture != without.picture).any(2).mean()
    assert changed > 0.002, f"{name} covers {changed:.2%} of the picture"


def test_an_object_stands_where_the_attributes_say():
    for seed in range(8):
        rendering = render(seed, Choices(terrain="hills", objects=("house",), whole_view=True))
        house = next(one for one in rendering.attributes.things if one.name == "house")
        columns = np.nonzero(rendering.labels == LABELS.index("house"))[1]
        assert abs(columns.mean() / 256 - house.x) < 0.1


def test_night_is_darker_than_dusk_and_dusk_than_day():
    brightness = [
        np.mean([render(seed, Choices(time=time, style="flat")).picture for seed in range(4)])
        for time in ("night", "sunset", "day")
    ]
    assert all(darker < brighter for darker, brighter in pairwise(brightness))


def test_the_mirror_image_has_its_things_on_the_other_side():
    attributes = render(3).attributes
    for thing, mirrored in zip(attributes.things, attributes.mirrored().things, strict=True):
        assert mirrored.x == pytest.approx(1 - thing.x)
        assert (mirrored.name, mirrored.y) == (thing.name, thing.y)
    assert attributes.mirrored().mirrored().terrain == attributes.terrain


def test_a_crop_keeps_what_is_inside_at_its_new_place():
    attributes = render(3, Choices(objects=("house",), terrain="hills", whole_view=True)).attributes
    house = next(one for one in attributes.things if one.name == "house")
    left, top = max(0, house.x - 0.25), max(0, house.y - 0.25)
    kept = {one.name: one for one in attributes.cropped(left, top, 0.5, 0.5).things}
    assert kept["house"].x == pytest.approx((house.x - left) * 2)
    far_off = attributes.cropped(0 if house.x > 0.5 else 0.7, 0, 0.3, 0.3)
    assert "house" not in {one.name for one in far_off.things}
