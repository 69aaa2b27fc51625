"""DWPose's two networks: YOLOX finds people, RTMPose their 133 points; what goes in and comes out.

Run by OpenCV, so that neither the OpenMMLab stack nor another runtime is needed.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from extensions.detectors.loading import Untyped
from pipelines.plugins import Pixels

Numbers = NDArray[np.float32]

YOLOX_SIDE = 640
YOLOX_STRIDES = (8, 16, 32)
YOLOX_GRAY = 114
"""What YOLOX is shown beside and below a picture that is not square."""
PERSON = 0
LEAST_SCORE, MOST_OVERLAP = 0.3, 0.45

POSE_WIDTH, POSE_HEIGHT = 288, 384
POSE_MARGIN = 1.25
"""How much more than the person is shown, as a ratio of sides."""
POSE_SPLIT = 2
"""Places per pixel that the network tells apart."""
MEAN, DEVIATION = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
"""Of the RGB values, 0 to 255, that the pose network was trained with."""

LEFT_SHOULDER, RIGHT_SHOULDER = 5, 6
NECK = -1
BODY = (0, NECK, 6, 8, 10, 5, 7, 9, 12, 14, 16, 11, 13, 15, 2, 1, 4, 3)
"""The network's points (COCO-WholeBody) in the order of OpenPose's 18; NECK is computed."""
FACE, LEFT_HAND, RIGHT_HAND = slice(23, 91), slice(91, 112), slice(112, 133)
EYES = (14, 15)
"""Of OpenPose's 18: its 70 points of a face end with the eyes, which the network's 68 lack."""


class Point(NamedTuple):
    """As shares of the picture."""

    x: float
    y: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """OpenPose's 18 points, None for those not found."""

    keypoints: list[Point | None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Somebody, with the names that controlnet_aux has for the parts."""

    body: Body
    left_hand: list[Point | None]
    right_hand: list[Point | None]
    face: list[Point | None]


def find_people(detector: Untyped, posing: Untyped, pixels: Pixels) -> list[Person]:
    """Everybody in a picture; both networks as OpenCV reads them from ONNX files."""
    return [find_pose(posing, pixels, box) for box in find_boxes(detector, pixels)]


def find_boxes(detector: Untyped, pixels: Pixels) -> list[Numbers]:
    """For each person x1, y1, x2, y2 in pixels, the surest first."""
    import cv2

    height, width = pixels.shape[:2]
    ratio = min(YOLOX_SIDE / height, YOLOX_SIDE / width)
    size = max(1, int(width * ratio)), max(1, int(height * ratio))
    shown = np.full((YOLOX_SIDE, YOLOX_SIDE, 3), YOLOX_GRAY, np.float32)
    shown[: size[1], : size[0]] = cv2.resize(pixels[..., ::-1], size)  # it knows BGR
    detector.setInput(shown.transpose(2, 0, 1)[None].copy())
    told: Numbers = detector.forward()[0]
    scores = told[:, 4] * told[:, 5 + PERSON]
    cells = _cells()
    middle = (told[:, :2] + cells[:, :2]) * cells[:, 2:]
    sides = np.exp(np.minimum(told[:, 2:4], 20)) * cells[:, 2:]
    corners = middle - sides / 2
    kept = cv2.dnn.NMSBoxes(
        np.hstack([corners, sides]).tolist(), scores.tolist(), LEAST_SCORE, MOST_OVERLAP
    )
    numbers = np.asarray(kept, np.intp).ravel()
    boxes = np.hstack([corners, corners + sides])[numbers] / ratio
    return list(boxes.astype(np.float32))


def _cells() -> Numbers:
    """Column, row and width in pixels of each cell of YOLOX's grids, finest grid first."""
    grids: list[Numbers] = []
    for stride in YOLOX_STRIDES:
        count = YOLOX_SIDE // stride
        rows, columns = np.divmod(np.arange(count * count), count)
        grids.append(np.stack([columns, rows, np.full(count * count, stride)], 1).astype("f4"))
    return np.concatenate(grids)


def find_pose(posing: Untyped, pixels: Pixels, box: Numbers) -> Person:
    """The points of the person in `box`."""
    import cv2

    middle, sides = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) * POSE_MARGIN
    scale = min(POSE_WIDTH / max(sides[0], 1), POSE_HEIGHT / max(sides[1], 1))
    shift = (POSE_WIDTH / 2, POSE_HEIGHT / 2) - scale * middle
    warp = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float64)
    shown = cv2.warpAffine(pixels, warp, (POSE_WIDTH, POSE_HEIGHT))
    values = (shown.astype(np.float32) - MEAN) / DEVIATION
    posing.setInput(values.astype(np.float32).transpose(2, 0, 1)[None].copy())
    told = posing.forward(posing.getUnconnectedOutLayersNames())
    across, down = sorted(told, key=lambda scores: scores.shape[-1])  # the picture is upright
    return person(_places(across[0], down[0], shift, scale, pixels.shape))


def _places(
    across: Numbers, down: Numbers, shift: Numbers, scale: float, shape: tuple[int, ...]
) -> Numbers:
    """x and y as shares of the picture and how sure, from each point's scores for every place."""
    places = np.stack([across.argmax(axis=1), down.argmax(axis=1)], axis=1) / POSE_SPLIT
    sure = np.minimum(across.max(axis=1), down.max(axis=1))
    shares = (places - shift) / scale / (shape[1], shape[0])
    return np.hstack([shares, sure[:, None]]).astype(np.float32)


def person(places: Numbers) -> Person:
    """133 rows of x, y and how sure, in OpenPose's order; what is not sure was not found."""
    left, right = places[LEFT_SHOULDER], places[RIGHT_SHOULDER]
    neck = [*((left + right) / 2)[:2], min(left[2], right[2])]
    rows = np.vstack([places, neck])  # NECK is the last

    def points(numbers: slice | tuple[int, ...]) -> list[Point | None]:
        return [
            Point(float(x), float(y)) if sure > LEAST_SCORE else None
            for x, y, sure in rows[list(numbers) if isinstance(numbers, tuple) else numbers]
        ]

    body = points(BODY)
    return Person(
        body=Body(keypoints=body),
        left_hand=points(LEFT_HAND),
        right_hand=points(RIGHT_HAND),
        face=[*points(FACE), *(body[eye] for eye in EYES)],
    )
