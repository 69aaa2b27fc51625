"""Selecting by colour against a slow search over pixels, and objects on plain grounds."""

from collections import deque

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipelines.errors import InvalidRequest
from pipelines.imaging.select import select_by_colour, select_object
from tests.helpers.images import gradient, noise, plain


def slow_selection(
    image: Image.Image, x: int, y: int, tolerance: int, connected: bool
) -> np.ndarray:
    """Look at one pixel after the other."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    height, width = pixels.shape[:2]
    alike = np.zeros((height, width), bool)
    for row in range(height):
        for column in range(width):
            alike[row, column] = max(abs(pixels[row, column] - pixels[y, x])) <= tolerance
    if not connected:
        return alike
    reached = np.zeros_like(alike)
    waiting = deque([(x, y)])
    while waiting:
        column, row = waiting.popleft()
        if not (0 <= column < width and 0 <= row < height):
            continue
        if reached[row, column] or not alike[row, column]:
            continue
        reached[row, column] = True
        waiting += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    return reached


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("tolerance", [0, 7, 60, 200, 255])
@pytest.mark.parametrize("image", [noise(23, 17), gradient(31, 12), noise(19, 19, channels=1)])
def test_a_colour_is_found_as_by_looking_at_every_pixel(image, tolerance, connected):
    found = select_by_colour(image, 11, 5, tolerance=tolerance, connected=connected)
    expected = slow_selection(image, 11, 5, tolerance, connected)
    assert found.mode == "L"
    assert (np.asarray(found) == expected * 255).all()


def test_the_picture_is_left_as_it_was():
    image, _ = scene()
    before = image.tobytes()
    select_by_colour(image, 3, 4, tolerance=50)
    select_object(image, [(30, 20), (100, 20), (100, 95), (30, 95)])
    assert image.tobytes() == before


@pytest.mark.parametrize(("x", "y"), [(-1, 0), (64, 0), (0, 64), (10**12, 0)])
def test_a_place_outside_the_picture_is_refused(x, y):
    with pytest.raises(InvalidRequest, match="outside the picture, which is 64x64"):
        select_by_colour(noise(), x, y, tolerance=3)


@pytest.mark.parametrize("tolerance", [-1, 256])
def test_a_tolerance_that_no_colour_has_is_refused(tolerance):
    with pytest.raises(InvalidRequest, match="between 0 and 255"):
        select_by_colour(noise(), 0, 0, tolerance=tolerance)


def scene(scale: int = 1) -> tuple[Image.Image, np.ndarray]:
    """A red disc on a green ground with a little noise, and where the disc is."""
    size = 120 * scale
    image = plain("#3a7d44", size, size)
    ImageDraw.Draw(image).ellipse((40 * scale, 30 * scale, 90 * scale, 80 * scale), fill="#c1121f")
    spread = np.random.default_rng(0).integers(-6, 7, (size, size, 3))
    pixels = np.clip(np.asarray(image).astype(int) + spread, 0, 255).astype(np.uint8)
    return Image.fromarray(pixels), np.asarray(image)[..., 0] > 150


def agreement(mask: Image.Image, truth: np.ndarray) -> float:
    """Intersection over union of what is at least half selected, and the truth."""
    selected = np.asarray(mask) >= 128
    return (selected & truth).sum() / (selected | truth).sum()


@pytest.mark.parametrize("scale", [1, 12])  # the second is shrunk on the way
def test_an_object_is_found_inside_a_rough_rectangle(scale):
    image, disc = scene(scale)
    outline = [(x * scale, y * scale) for x, y in ((30, 20), (100, 20), (100, 95), (30, 95))]
    found = select_object(image, outline)
    assert (found.mode, found.size) == ("L", image.size)
    assert agreement(found, disc) > 0.97


def test_an_object_is_found_inside_a_rough_line():
    image, disc = scene()
    outline = [(65, 18), (98, 40), (95, 75), (70, 92), (35, 75), (30, 40)]
    assert agreement(select_object(image, outline), disc) > 0.97


def test_nothing_outside_the_outline_is_selected():
    image, _ = scene()
    outline = [(65, 18), (98, 40), (95, 75), (70, 76), (35, 75), (30, 40)]
    inside = Image.new("L", image.size)
    ImageDraw.Draw(inside).polygon(outline, fill=255, outline=255, width=2)
    found = np.asarray(select_object(image, outline))
    assert found.any()
    assert (found[np.asarray(inside) == 0] == 0).all()


def test_an_outline_round_everything_takes_the_rim_for_background():
    image, disc = scene()
    found = select_object(image, [(-50, -50), (900, -50), (900, 900), (-50, 900)])
    assert agreement(found, disc) > 0.97


def test_the_same_question_gets_the_same_answer():
    image, _ = scene()
    outline = [(60.0, 12.0), (110.0, 60.0), (60.0, 110.0), (20.0, 60.0)]
    assert select_object(image, outline).tobytes() == select_object(image, outline).tobytes()


@pytest.mark.parametrize(
    ("outline", "sentence"),
    [
        ([], "at least 3 points, got 0"),
        ([(1, 1), (50, 50)], "at least 3 points, got 2"),
        ([(1, 1), (3, 1), (3, 3)], "at least 4x4 pixels inside the picture; got 2x2"),
        ([(-9, 5), (-2, 5), (-2, 50)], "got 0x45"),
    ],
)
def test_an_outline_that_holds_nothing_is_refused(outline, sentence):
    with pytest.raises(InvalidRequest, match=sentence):
        select_object(noise(), outline)


def test_a_plain_picture_has_no_object():
    with pytest.raises(InvalidRequest, match="No object stands out"):
        select_object(plain(), [(10, 10), (50, 10), (50, 50), (10, 50)])
