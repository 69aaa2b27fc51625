"""DWPose: what its two networks say becomes people where they are."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from extensions.detectors import wholebody
from extensions.detectors.loading import onnx_network
from extensions.preprocessors import dwpose
from pipelines.errors import ModelBroken
from tests.extensions.detectors.conftest import MAP_SHAPE, Detect
from tests.helpers.onnx import saying

RATIO = 640 / 128
"""By how much YOLOX is shown more than the 128x64 pixels that the picture is padded to."""
CELLS = 80 * 80 + 40 * 40 + 20 * 20


def people(*boxes: tuple[float, float, float, float, float]) -> np.ndarray:
    """What YOLOX says for people at x1, y1, x2, y2 (pixels of 128x64) with this score."""
    told = np.zeros((1, CELLS, 85), np.float32)
    for place, (x1, y1, x2, y2, score) in enumerate(boxes):
        # In the middle grid: 40x40 cells of 16 pixels, in row 3 from column 5 on.
        cell = 80 * 80 + 3 * 40 + 5 + place
        middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) * RATIO / 16
        told[0, cell, :2] = middle - (5 + place, 3)
        told[0, cell, 2:4] = np.log(np.array([x2 - x1, y2 - y1]) * RATIO / 16)
        told[0, cell, 4], told[0, cell, 5] = score, 1
    return told


def points(places: np.ndarray, sure: float = 0.9) -> dict[str, np.ndarray]:
    """What RTMPose says for 133 points at x, y in pixels of the 288x384 that it is shown."""
    across, down = np.zeros((1, 133, 576)), np.zeros((1, 133, 768))
    for number, (x, y) in enumerate(places):
        across[0, number, round(2 * x)] = down[0, number, round(2 * y)] = sure
    return {"simcc_x": across, "simcc_y": down}


def save(folder: Path, boxes: np.ndarray, said: dict[str, np.ndarray]) -> None:
    place = folder / dwpose.WEIGHTS.name
    place.mkdir(exist_ok=True)
    (place / "yolox_l.onnx").write_bytes(saying((1, 3, 640, 640), {"output": boxes}))
    (place / "dw-ll_ucoco_384.onnx").write_bytes(saying((1, 3, 384, 288), said))


def test_points_come_to_where_the_person_is(detect: Detect, folder: Path):
    # 30x40 pixels around (50, 30): with the margin 37.5x50, shown 7.68 times as large.
    grid = np.stack([np.arange(133) + 60, np.arange(133) + 100], axis=1)
    save(folder, people((35, 10, 65, 50, 0.9)), points(grid))
    made = detect("dw_openpose_full")
    assert made.pixels.shape == MAP_SHAPE
    assert made.pixels.any()
    assert made.pose is not None
    [person] = cast(Any, made.pose["people"])
    nose = person["pose_keypoints_2d"][:3]
    x, y = 50 + (60 - 144) / 7.68, 30 + (100 - 192) / 7.68
    assert nose == pytest.approx([x / 96, y / 64, 1], abs=1e-4)
    hand = np.reshape(person["hand_right_keypoints_2d"], (21, 3))
    assert hand[20, 0] * 96 == pytest.approx(50 + (192 - 144) / 7.68, abs=0.01)


def find_boxes(tmp_path: Path, *boxes: tuple[float, float, float, float, float]) -> np.ndarray:
    (tmp_path / "a.onnx").write_bytes(saying((1, 3, 640, 640), {"output": people(*boxes)}))
    detector = onnx_network(tmp_path, "a.onnx")
    return np.array(wholebody.find_boxes(detector, np.zeros((64, 128, 3), np.uint8)))


def test_people_are_found_where_yolox_says_the_surest_first(tmp_path: Path):
    found = find_boxes(tmp_path, (10, 10, 30, 50, 0.5), (60, 5, 90, 60, 0.8), (0, 0, 9, 9, 0.2))
    np.testing.assert_allclose(found, [(60, 5, 90, 60), (10, 10, 30, 50)], atol=1e-3)


def test_of_two_boxes_of_one_person_the_surer_stays(tmp_path: Path):
    found = find_boxes(tmp_path, (10, 10, 30, 50, 0.5), (11, 11, 30, 50, 0.8))
    np.testing.assert_allclose(found, [(11, 11, 30, 50)], atol=1e-3)


def test_nobody_is_no_error(tmp_path: Path):
    assert len(find_boxes(tmp_path)) == 0


def test_the_grids_are_laid_out_row_by_row():
    cells = wholebody._cells()
    assert len(cells) == CELLS
    assert cells[81].tolist() == [1, 1, 8]
    assert cells[6400 + 40].tolist() == [0, 1, 16]
    assert cells[-1].tolist() == [19, 19, 32]


def test_the_points_are_put_into_openposes_order():
    places = np.stack([np.arange(133), np.arange(133), np.ones(133)], axis=1).astype(np.float32)
    places[9, 2] = 0.3
    somebody = wholebody.person(places)
    body = [None if point is None else point.x for point in somebody.body.keypoints]
    # nose, neck, right arm, left arm, right leg, left leg, eyes, ears
    right_arm, left_arm, legs = [6, 8, 10], [5, 7, None], [12, 14, 16, 11, 13, 15]
    assert body == [0, 5.5, *right_arm, *left_arm, *legs, 2, 1, 4, 3]
    assert [len(part) for part in (somebody.left_hand, somebody.right_hand)] == [21, 21]
    assert somebody.left_hand[0] == (91, 91)
    assert somebody.right_hand[-1] == (132, 132)
    assert len(somebody.face) == 70
    assert somebody.face[0] == (23, 23)
    assert somebody.face[-2:] == [(2, 2), (1, 1)]


def test_a_file_that_is_no_onnx_is_refused(tmp_path: Path):
    (tmp_path / "a.onnx").write_bytes(b"<html>")
    with pytest.raises(ModelBroken, match=r"a\.onnx do not fit"):
        onnx_network(tmp_path, "a.onnx")
