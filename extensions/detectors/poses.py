"""Detectors of people: their poses as OpenPose's JSON, and drawn from that."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from extensions.detectors.loading import Untyped
from extensions.detectors.running import Load, loaded
from pipelines.imaging.detection_size import at_resolution
from pipelines.imaging.poses import BODY_POINTS, FACE_POINTS, HAND_POINTS, draw_poses
from pipelines.plugins import Detected, Given, Pixels, Weights

Find = Callable[[Untyped, Pixels], Sequence[Untyped]]
"""Whom a detector finds in a picture. Each has body.keypoints, left_hand, right_hand and face:
points with x and y as shares of the picture, or None for points or parts that were not found."""


def detect_poses(
    given: Given,
    weights: Weights,
    load: Load,
    find: Find,
    *,
    body: bool,
    hands: bool,
    face: bool,
) -> Detected:
    """The people in a picture, these parts of them drawn on black, and all as JSON."""
    detector = loaded(given, weights, load)
    poses: list[Untyped] = []
    looked_at: list[tuple[int, ...]] = []

    def look(pixels: Pixels) -> Pixels:
        poses.extend(find(detector, pixels))
        looked_at.append(pixels.shape)
        return np.zeros(pixels.shape, np.uint8)

    height, width = at_resolution(given.picture, given.resolution, look).shape[:2]
    padded_height, padded_width, _ = looked_at[0]
    pose = to_json(poses, width, height, padded_width / width, padded_height / height)
    pixels = draw_poses(pose, width, height, body=body, hands=hands, face=face)
    return Detected(pixels=pixels, pose=pose)


def to_json(
    poses: Sequence[Untyped], width: int, height: int, across: float, down: float
) -> dict[str, object]:
    """controlnet_aux's poses as `pipelines.imaging.poses` describes them, in shares of the canvas.

    The canvas is `width` x `height` pixels; `across` and `down` are how much larger the picture was
    in which the poses were found, and of which theirs are shares.
    """

    def part(points: Iterable[Untyped] | None, count: int) -> list[float] | None:
        if points is None:
            return None
        rows: list[float] = []
        for point in points:
            x, y = (point.x * across, point.y * down) if point is not None else (-1.0, -1.0)
            inside = 0 <= x <= 1 and 0 <= y <= 1
            rows += (float(x), float(y), 1.0) if inside else (0.0, 0.0, 0.0)
        return rows + [0.0] * (3 * count - len(rows))

    people = [
        {
            "pose_keypoints_2d": part(pose.body.keypoints, BODY_POINTS),
            "hand_left_keypoints_2d": part(pose.left_hand, HAND_POINTS),
            "hand_right_keypoints_2d": part(pose.right_hand, HAND_POINTS),
            "face_keypoints_2d": part(pose.face, FACE_POINTS),
        }
        for pose in poses
    ]
    return {"people": people, "animals": [], "canvas_width": width, "canvas_height": height}
