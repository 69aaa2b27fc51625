"""The size at which detectors look: pixel perfect, and the way to multiples of 64 and back."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.control.units import ControlResizeMode
from pipelines.errors import InvalidPicture
from pipelines.imaging.detection_size import (
    at_resolution,
    gray_to_rgb,
    pixel_perfect,
    resized_for_detection,
)
from pipelines.imaging.geometry import Size
from tests.helpers.examples import examples

FILL = ControlResizeMode.resize_and_fill
SIDES = st.integers(1, 3000)


def random_pixels(height: int, width: int) -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    pixels.flags.writeable = False
    return pixels


@pytest.mark.parametrize(
    ("mode", "resolution"),
    [
        (ControlResizeMode.resize_and_fill, 50),
        (ControlResizeMode.crop_and_resize, 100),
        (ControlResizeMode.just_resize, 100),
    ],
)
def test_pixel_perfect_of_a_square_picture(mode: ControlResizeMode, resolution: int):
    assert pixel_perfect(Size(100, 100), Size(100, 50), mode) == resolution


def test_pixel_perfect_rounds_halves_to_even_and_is_no_multiple_of_8():
    mode = ControlResizeMode.crop_and_resize
    assert pixel_perfect(Size(2, 4), Size(1, 1), mode) == 1
    assert pixel_perfect(Size(8, 8), Size(517, 100), mode) == 517
    assert pixel_perfect(Size(16, 32), Size(8, 81), mode) == 40  # 40.5
    assert pixel_perfect(Size(16, 32), Size(8, 83), mode) == 42  # 41.5


@examples(60)
@given(SIDES, SIDES, SIDES, SIDES, st.sampled_from(ControlResizeMode))
def test_pixel_perfect_is_the_shorter_side_of_the_scaled_picture(
    width: int, height: int, new_width: int, new_height: int, mode: ControlResizeMode
):
    ratios = Fraction(new_height, height), Fraction(new_width, width)
    exact = (min(ratios) if mode is FILL else max(ratios)) * min(width, height)
    resolution = pixel_perfect(Size(width, height), Size(new_width, new_height), mode)
    assert abs(resolution - max(exact, 1)) <= Fraction(1, 2)


def test_a_picture_is_never_looked_at_in_no_pixels():
    assert pixel_perfect(Size(1, 9000), Size(64, 64), FILL) == 1


@pytest.mark.parametrize(
    ("height", "width", "resolution", "size"),
    [
        (10, 20, 64, (64, 128)),
        (300, 410, 128, (128, 175)),  # 174.93
        (3, 200, 64, (64, 4267)),  # 4266.67
        (1, 1, 64, (64, 64)),
        (100, 100, 100, (100, 100)),
    ],
)
def test_the_shorter_side_gets_the_resolution(
    height: int, width: int, resolution: int, size: tuple[int, int]
):
    assert resized_for_detection(random_pixels(height, width), resolution).shape[:2] == size


@pytest.mark.parametrize(
    ("resolution", "how"), [(96, cv2.INTER_CUBIC), (48, cv2.INTER_CUBIC), (31, cv2.INTER_AREA)]
)
def test_enlarging_is_cubic_and_shrinking_is_by_area(resolution: int, how: int):
    pixels = random_pixels(40, 60)
    resized = resized_for_detection(pixels, resolution)
    expected = cv2.resize(pixels, resized.shape[1::-1], interpolation=how)
    assert resized.tolist() == expected.tolist()


def test_a_picture_of_the_resolution_stays_as_it_is_in_another_array():
    pixels = random_pixels(64, 70)
    resized = resized_for_detection(pixels, 64)
    assert resized.tolist() == pixels.tolist()
    assert not np.shares_memory(resized, pixels)


def test_a_strip_that_would_become_too_long_is_refused():
    with pytest.raises(InvalidPicture, match="2x200 would have to be enlarged to 512x51200 for"):
        resized_for_detection(random_pixels(200, 2), 512)


@examples(20)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 150))
def test_a_network_sees_multiples_of_64_and_its_map_is_the_resized_pictures(
    height: int, width: int, resolution: int
):
    pixels = random_pixels(height, width)
    seen: list[np.ndarray] = []

    def network(shown: np.ndarray) -> np.ndarray:
        seen.append(shown)
        return 255 - shown

    resolution = min(resolution, 2 * min(height, width))  # to keep it small
    detected = at_resolution(pixels, resolution, network)
    resized = resized_for_detection(pixels, resolution)
    assert detected.tolist() == (255 - resized).tolist()
    (shown,) = seen
    rows, columns = resized.shape[:2]
    assert all(0 <= side % 64 == 0 for side in shown.shape[:2])
    assert shown.shape[0] - rows < 64
    assert shown.shape[1] - columns < 64
    assert (shown[:rows, :columns] == resized).all()
    assert (shown[rows:, :columns] == resized[-1]).all()
    assert (shown[:, columns:] == shown[:, columns - 1 : columns]).all()


def test_a_gray_map_becomes_one_of_three_channels():
    pixels = random_pixels(20, 30)
    detected = at_resolution(pixels, 20, lambda shown: shown[..., 1])
    assert detected.tolist() == np.dstack([pixels[..., 1]] * 3).tolist()


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 3)], ids=str)
def test_gray_is_repeated_into_a_new_array(shape: tuple[int, ...]):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    colours = gray_to_rgb(pixels)
    assert colours.shape == (4, 5, 3)
    assert not np.shares_memory(colours, pixels)
    assert (colours == pixels.reshape(4, 5, -1)).all()
