"""OpenPose: its networks with random weights, and what is made of people that it finds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from extensions.preprocessors import openpose
from pipelines.imaging.poses import draw_poses, people_of
from pipelines.plugins import Given, Weights
from tests.extensions.detectors.conftest import MAP_SHAPE, PICTURE, RESOLUTION, Detect
from tests.helpers import networks


class Point(NamedTuple):
    x: float
    y: float


PADDED_WIDTH, WIDTH, HEIGHT = 128, 96, 64
"""Pixels: what the network sees is padded to the right."""

SKELETON = [Point((30 + 3 * joint) / PADDED_WIDTH, 0.1 + joint / 25) for joint in range(18)]
HAND = [Point(0.5, 0.4 + joint / 100) for joint in range(21)]
FACE = [Point(0.3 + joint / 1000, 0.2) for joint in range(70)]


def person(**parts: Any) -> SimpleNamespace:
    """As controlnet_aux has people."""
    found = {"left_hand": None, "right_hand": None, "face": None, **parts}
    return SimpleNamespace(body=SimpleNamespace(keypoints=SKELETON), **found)


class FindingTools:
    """Tools whose every network finds the same people, and notes what it was asked for."""

    device = "cpu"

    def __init__(self, *people: SimpleNamespace) -> None:
        self.people = people
        self.asked: dict[str, bool] = {}

    def folder_of(self, weights: Weights) -> Path:
        return Path(weights.name)

    def network(self, name: str, load: object) -> Any:
        def detect_poses(pixels: np.ndarray, **asked: bool) -> list[SimpleNamespace]:
            assert pixels.shape == (HEIGHT, PADDED_WIDTH, 3)
            self.asked = asked
            return list(self.people)

        return SimpleNamespace(detect_poses=detect_poses)


def run(key: str, *people: SimpleNamespace) -> tuple[Any, dict[str, bool]]:
    tools = FindingTools(*people)
    preprocessor = next(found for found in openpose.PREPROCESSORS if found.key == key)
    given = Given(picture=PICTURE, resolution=RESOLUTION, a=0, b=0, seed=0, tools=tools)
    return preprocessor.run(given), tools.asked


def test_its_networks_run_and_nobody_gives_a_black_map(detect: Detect, folder: Path):
    networks.save(folder, openpose.WEIGHTS, *networks.openpose())
    made = detect("openpose_full")
    assert made.pixels.shape == MAP_SHAPE
    assert not made.pixels.any()
    assert made.pose == {"people": [], "animals": [], "canvas_width": 96, "canvas_height": 64}


def test_coordinates_are_shares_of_the_picture_without_its_padding():
    made, _ = run("openpose", person())
    body = made.pose["people"][0]["pose_keypoints_2d"]
    assert body[:3] == pytest.approx([30 / WIDTH, 0.1, 1.0])
    assert len(body) == 18 * 3
    assert (made.pose["canvas_width"], made.pose["canvas_height"]) == (WIDTH, HEIGHT)


def test_points_in_the_padding_or_not_found_are_missing():
    outside = Point(100 / PADDED_WIDTH, 0.5)
    made, _ = run("openpose_hand", person(left_hand=[Point(-1 / 128, -1 / 64), outside, HAND[0]]))
    hand = made.pose["people"][0]["hand_left_keypoints_2d"]
    assert hand[:6] == [0.0] * 6
    assert hand[6:9] == pytest.approx([64 / WIDTH, 0.4, 1.0])
    assert len(hand) == 21 * 3


@pytest.mark.parametrize(
    ("key", "hands", "face"),
    [
        ("openpose", False, False),
        ("openpose_face", False, True),
        ("openpose_faceonly", False, True),
        ("openpose_hand", True, False),
        ("openpose_full", True, True),
    ],
)
def test_what_is_looked_for_is_drawn(key: str, hands: bool, face: bool):
    somebody = person(left_hand=HAND, face=FACE)
    made, asked = run(key, somebody)
    assert asked == {"include_hand": hands, "include_face": face}
    expected = draw_poses(
        made.pose, WIDTH, HEIGHT, body=key != "openpose_faceonly", hands=hands, face=face
    )
    assert (made.pixels == expected).all()
    assert made.pixels.any()


def test_the_pose_can_be_read_back():
    made, _ = run("openpose_full", person(right_hand=HAND), person())
    people = people_of(made.pose)
    assert [[len(part) for part in parts] for parts in people] == [[18, 0, 21, 0], [18, 0, 0, 0]]
