"""Poses as OpenPose's JSON has them, drawn as ControlNet's pose models know them.

A pose is a mapping with `people`, `canvas_width` and `canvas_height` (pixels). Each of the people
has `pose_keypoints_2d`, `hand_left_keypoints_2d`, `hand_right_keypoints_2d` and
`face_keypoints_2d`, or None for parts that were not found: x, y and confidence of each point in a
row. A point with a confidence below 1 is missing. A part whose x and y are all within -1 and 1 is
measured in shares of the canvas, any other in pixels of it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeGuard, cast

import numpy as np

from pipelines.errors import InvalidRequest
from pipelines.plugins import Pixels

Point = tuple[float, float]
"""x and y as shares of the canvas."""
Part = Sequence[Point | None]

BODY_POINTS, HAND_POINTS, FACE_POINTS = 18, 21, 70

# Joints in OpenPose's order (COCO with a neck): nose, neck, right shoulder, elbow, wrist, left
# shoulder, elbow, wrist, right hip, knee, ankle, left hip, knee, ankle, right eye, left eye, right
# ear, left ear.
LIMBS = (
    *((1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12)),
    *((12, 13), (1, 0), (0, 14), (14, 16), (0, 15), (15, 17)),
)
COLOURS = (
    *((255, 0, 0), (255, 85, 0), (255, 170, 0), (255, 255, 0), (170, 255, 0), (85, 255, 0)),
    *((0, 255, 0), (0, 255, 85), (0, 255, 170), (0, 255, 255), (0, 170, 255), (0, 85, 255)),
    *((0, 0, 255), (85, 0, 255), (170, 0, 255), (255, 0, 255), (255, 0, 170), (255, 0, 85)),
)
"""RGB of the joints and, darkened by LIMB_BRIGHTNESS, of the limbs."""

LIMB_BRIGHTNESS = 0.6
JOINT_RADIUS, LIMB_HALF_WIDTH, FACE_RADIUS, FINGER_WIDTH = 4, 4, 3, 2
"""Pixels."""

FINGERS = tuple((0 if joint % 4 == 1 else joint - 1, joint) for joint in range(1, HAND_POINTS))
"""From the wrist, point 0, four bones to each finger tip."""
HAND_COLOUR, FACE_COLOUR = (0, 0, 255), (255, 255, 255)

PARTS = (
    ("pose_keypoints_2d", BODY_POINTS),
    ("hand_left_keypoints_2d", HAND_POINTS),
    ("hand_right_keypoints_2d", HAND_POINTS),
    ("face_keypoints_2d", FACE_POINTS),
)


def draw_poses(
    pose: Mapping[str, object],
    width: int,
    height: int,
    *,
    body: bool = True,
    hands: bool = True,
    face: bool = True,
) -> Pixels:
    """The people of `pose` on black, height x width x 3, RGB; InvalidRequest for a malformed pose.

    Pixels are those of ControlNet's drawing: limbs are ellipses, joints and points are discs.
    """
    canvas = np.zeros((height, width, 3), np.uint8)
    for person in people_of(pose):
        found_body, left, right, found_face = person
        if body:
            _draw_body(canvas, found_body)
        if hands:
            _draw_hand(canvas, left)
            _draw_hand(canvas, right)
        if face:
            _draw_dots(canvas, found_face, FACE_RADIUS, FACE_COLOUR)
    return canvas


def people_of(pose: Mapping[str, object]) -> list[tuple[Part, ...]]:
    """For each of the people, points of body, left hand, right hand and face; () for none."""
    people = pose.get("people")
    size = pose.get("canvas_width"), pose.get("canvas_height")
    if not isinstance(people, Sequence) or not all(_is_number(side) and side > 0 for side in size):
        raise _malformed("it needs people, canvas_width and canvas_height")
    canvas = cast(tuple[float, float], size)
    found: list[tuple[Part, ...]] = []
    for person in cast(Sequence[object], people):
        if not isinstance(person, Mapping):
            raise _malformed("each of the people must be an object")
        parts = cast(Mapping[str, object], person)
        found.append(tuple(_part(parts.get(name), name, canvas) for name, _ in PARTS))
    return found


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _malformed(reason: str) -> InvalidRequest:
    return InvalidRequest(f"This is no pose in OpenPose's JSON: {reason}.")


def _part(numbers: object, name: str, canvas: tuple[float, float]) -> Part:
    if numbers is None:
        return ()
    if not isinstance(numbers, Sequence) or len(cast(Sequence[object], numbers)) % 3:
        raise _malformed(f"{name} must be a list of x, y, confidence, and so on")
    values = cast(Sequence[object], numbers)
    if not all(_is_number(value) for value in values):
        raise _malformed(f"{name} must hold numbers")
    rows = np.asarray(cast(Sequence[float], values), np.float64).reshape(-1, 3)
    if not (np.abs(rows[:, :2]) <= 1).all():
        rows[:, :2] /= canvas
    return [(x, y) if confidence >= 1 else None for x, y, confidence in rows.tolist()]


def _pixel(point: Point, canvas: Pixels) -> tuple[int, int]:
    height, width = canvas.shape[:2]
    # Far outside, OpenCV's coordinates would overflow.
    return (
        int(max(-width, min(2 * width, point[0] * width))),
        int(max(-height, min(2 * height, point[1] * height))),
    )


def _pairs(part: Part, bones: Iterable[tuple[int, int]]) -> list[tuple[int, Point, Point]]:
    """Number, start and end of each bone both of whose points were found."""
    found: list[tuple[int, Point, Point]] = []
    for number, (first, second) in enumerate(bones):
        if max(first, second) < len(part):
            start, end = part[first], part[second]
            if start is not None and end is not None:
                found.append((number, start, end))
    return found


def _draw_body(canvas: Pixels, body: Part) -> None:
    import cv2

    height, width = canvas.shape[:2]
    for number, start, end in _pairs(body, LIMBS):
        across, down = (end[0] - start[0]) * width, (end[1] - start[1]) * height
        middle = ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2)
        length = min(math.hypot(across, down), 4 * (width + height))
        limb = cv2.ellipse2Poly(
            _pixel(middle, canvas),
            (int(length / 2), LIMB_HALF_WIDTH),
            int(math.degrees(math.atan2(-down, -across))),
            0,
            360,
            1,
        )
        colour = tuple(int(channel * LIMB_BRIGHTNESS) for channel in COLOURS[number])
        cv2.fillConvexPoly(canvas, np.asarray(limb, np.int32), colour)
    for point, colour in zip(body, COLOURS, strict=False):
        if point is not None:
            cv2.circle(canvas, _pixel(point, canvas), JOINT_RADIUS, colour, thickness=-1)


def _draw_hand(canvas: Pixels, hand: Part) -> None:
    import colorsys

    import cv2

    for number, start, end in _pairs(hand, FINGERS):
        ends = _pixel(start, canvas), _pixel(end, canvas)
        if min(*ends[0], *ends[1]) > 0:  # points at the very edge are guesses
            red, green, blue = colorsys.hsv_to_rgb(number / len(FINGERS), 1.0, 1.0)
            colour = (red * 255, green * 255, blue * 255)
            cv2.line(canvas, *ends, colour, thickness=FINGER_WIDTH)
    _draw_dots(canvas, hand, JOINT_RADIUS, HAND_COLOUR)


def _draw_dots(canvas: Pixels, part: Part, radius: int, colour: tuple[int, int, int]) -> None:
    import cv2

    for point in part:
        if point is not None and min(pixel := _pixel(point, canvas)) > 0:
            cv2.circle(canvas, pixel, radius, colour, thickness=-1)
