"""Poses drawn from JSON, against controlnet_aux's own drawing of bodies and faces."""

import colorsys
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from pipelines.diffusion.torchvision_ops import ensure_torchvision
from pipelines.errors import InvalidRequest
from pipelines.imaging.poses import FINGERS, draw_poses

RNG = np.random.default_rng(0)


@pytest.fixture(scope="module")
def theirs() -> Any:
    ensure_torchvision()
    import_module("controlnet_aux")
    return import_module("controlnet_aux.open_pose.util")


def keypoints(points: np.ndarray) -> list[float]:
    """Triples of x, y and a confidence of 1."""
    return np.hstack([points, np.ones((len(points), 1))]).ravel().tolist()


def pose(*, width: int = 120, height: int = 90, **parts: Any) -> dict[str, Any]:
    names = {"body": "pose", "left": "hand_left", "right": "hand_right", "face": "face"}
    person = {f"{names[name]}_keypoints_2d": value for name, value in parts.items()}
    return {"people": [person], "canvas_width": width, "canvas_height": height}


def as_theirs(points: np.ndarray) -> list[Any]:
    point = import_module("controlnet_aux.open_pose.body").Keypoint
    return [point(x, y) for x, y in points.tolist()]


def test_a_body_is_drawn_pixel_by_pixel_as_openpose_does(theirs: Any):
    for _ in range(5):
        body = RNG.uniform(0.05, 0.95, (18, 2))
        expected = theirs.draw_bodypose(np.zeros((90, 120, 3), np.uint8), as_theirs(body))
        assert (draw_poses(pose(body=keypoints(body)), 120, 90) == expected).all()


def test_a_face_is_drawn_as_openpose_does(theirs: Any):
    face = RNG.uniform(-0.2, 1.2, (70, 2))
    expected = theirs.draw_facepose(np.zeros((90, 120, 3), np.uint8), as_theirs(face))
    pixels = face * (120, 90)
    assert (draw_poses(pose(face=keypoints(pixels)), 120, 90) == expected).all()


def test_fingers_go_through_the_rainbow_from_the_wrist():
    assert FINGERS[0] == (0, 1)
    assert FINGERS[4] == (0, 5)
    assert FINGERS[19] == (19, 20)
    hand = np.zeros((21, 2))
    hand[:] = (0.5, 0.1)
    hand[[7, 8]] = (0.2, 0.8), (0.8, 0.8)
    drawn = draw_poses(pose(left=keypoints(hand)), 120, 90)
    red, green, blue = colorsys.hsv_to_rgb(FINGERS.index((7, 8)) / 20, 1, 1)
    assert drawn[72, 60].tolist() == [round(255 * part) for part in (red, green, blue)]
    assert drawn[72, 24].tolist() == [0, 0, 255]


def test_a_point_without_full_confidence_is_missing():
    body = keypoints(RNG.uniform(0.1, 0.9, (18, 2)))
    body[2::3] = [0.99] * 18
    assert not draw_poses(pose(body=body), 120, 90).any()


def test_pixels_and_shares_draw_the_same():
    body = RNG.integers(20, 80, (18, 2)) / (128, 64) / 2
    shares = draw_poses(pose(width=128, height=64, body=keypoints(body)), 64, 32)
    pixels = draw_poses(pose(width=128, height=64, body=keypoints(body * (128, 64))), 64, 32)
    assert shares.any()
    assert (shares == pixels).all()


def test_parts_can_be_left_out():
    somebody = pose(
        body=keypoints(RNG.uniform(0.1, 0.9, (18, 2))),
        right=keypoints(RNG.uniform(0.1, 0.9, (21, 2))),
        face=keypoints(RNG.uniform(0.1, 0.9, (70, 2))),
    )
    none = draw_poses(somebody, 120, 90, body=False, hands=False, face=False)
    assert not none.any()
    one = draw_poses(somebody, 120, 90, body=False, hands=False)
    assert set(np.unique(one)) == {0, 255}


def test_points_far_outside_do_no_harm():
    body = keypoints(np.array([(1e300, -1e300), (0.5, 0.5)] * 9))
    draw_poses(pose(body=body), 120, 90)


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"people": [], "canvas_width": 0, "canvas_height": 5},
        {"people": [], "canvas_width": "5", "canvas_height": 5},
        {"people": 3, "canvas_width": 5, "canvas_height": 5},
        {"people": [3], "canvas_width": 5, "canvas_height": 5},
        pose(body=[1, 2]),
        pose(body=[1, 2, "3"]),
        pose(body=[1, 2, float("nan")]),
        pose(body=5),
    ],
)
def test_a_malformed_pose_is_refused(broken: dict[str, Any]):
    with pytest.raises(InvalidRequest, match="no pose in OpenPose's JSON"):
        draw_poses(broken, 64, 64)
