"""The pose editor of a ControlNet unit: joints moved by mouse, OpenPose's JSON in and out."""

import json

import numpy as np
import pytest
from playwright.sync_api import FilePayload, expect

from tests.helpers.control_page import Unit
from tests.helpers.driver import Driver

pytestmark = pytest.mark.browser


def test_joints_of_a_pose_are_moved_with_the_mouse(redraw: Driver, unit: Unit):
    unit.choose_type("OpenPose")
    unit.tick("same_img2img")
    redraw.set_number("img2img_width", 256)
    redraw.set_number("img2img_height", 256)
    unit.find("edit_pose").click()
    wrist = redraw.find(".pose-stage [data-joint='4']")
    box = wrist.bounding_box()
    assert box is not None
    redraw.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    redraw.page.mouse.down()
    redraw.page.mouse.move(box["x"] - 50, box["y"] - 120, steps=3)
    redraw.page.mouse.up()
    place = [float(wrist.get_attribute(name) or 0) for name in ("cx", "cy")]
    redraw.find("[data-pose=use]").click()
    unit.canvas.wait_for_size(256, 256)
    unit.shows("preprocessor", "none")
    redraw.generate()
    image = unit.planned.unit.images[0].convert("RGB")
    assert image.getpixel((round(place[0]), round(place[1]))) == (170, 255, 0)
    assert len(np.unique(np.asarray(image).reshape(-1, 3), axis=0)) < 37


def test_a_pose_is_loaded_from_openpose_json(redraw: Driver, unit: Unit):
    unit.choose_type("OpenPose")
    unit.tick("same_img2img")
    unit.find("edit_pose").click()
    load_pose(redraw, {"pose_keypoints_2d": [0.5, 0.5, 1, 0.25, 0.75, 1] + [0, 0, 0] * 16}, 128, 64)
    expect(redraw.find(".pose-stage [data-joint]")).to_have_count(2)
    load_text(redraw, "no pose")
    expect(redraw.find(".pose-hint")).to_have_text("This is not a JSON file.")
    redraw.find("[data-pose=use]").click()
    unit.canvas.wait_for_size(128, 64)


def test_hands_and_faces_of_a_pose_are_kept_and_go_along(redraw: Driver, unit: Unit):
    unit.choose_type("OpenPose")
    unit.tick("same_img2img")
    unit.find("edit_pose").click()
    hand = [number for point in range(21) for number in (0.5 + point / 100, 0.25, 1)]
    face = [number for point in range(70) for number in (0.25 + point / 1000, 0.75, 1)]
    person = {
        "pose_keypoints_2d": [0, 0, 0] * 7 + [0.5, 0.25, 1] + [0, 0, 0] * 10,  # the left wrist
        "hand_left_keypoints_2d": hand,
        "face_keypoints_2d": face,
    }
    load_pose(redraw, person, 256, 256)
    redraw.find(".pose-stage [data-joint='7']").click()
    redraw.find(".pose-stage").press("Shift+ArrowDown")
    with redraw.page.expect_download() as download:
        redraw.find("[data-pose=save]").click()
    (saved,) = json.loads(download.value.path().read_text())["people"]
    assert saved["face_keypoints_2d"] == pytest.approx(face)
    assert saved["hand_right_keypoints_2d"] is None
    assert saved["hand_left_keypoints_2d"][::3] == pytest.approx(hand[::3])
    assert saved["hand_left_keypoints_2d"][1::3] == pytest.approx([(64 + 10) / 256] * 21)
    redraw.find("[data-pose=use]").click()
    unit.canvas.wait_for_size(256, 256)
    redraw.generate()
    image = unit.planned.unit.images[0].convert("RGB")
    tip, chin = (round(0.7 * 256), 74), (64, 192)
    assert [image.getpixel(place) for place in (tip, chin)] == [(0, 0, 255), (255, 255, 255)]


def load_pose(redraw: Driver, person: dict[str, list[float]], width: int, height: int) -> None:
    """Load an OpenPose JSON of one person into the open editor."""
    load_text(
        redraw, json.dumps({"people": [person], "canvas_width": width, "canvas_height": height})
    )


def load_text(redraw: Driver, text: str) -> None:
    """Load a file into the open pose editor."""
    file: FilePayload = {
        "name": "pose.json",
        "mimeType": "application/json",
        "buffer": text.encode(),
    }
    redraw.find(".pose-editor input[type=file]").set_input_files(file)
