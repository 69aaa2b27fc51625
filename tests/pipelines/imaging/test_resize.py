"""Resize modes against a slow implementation of their description, at tolerance 0."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.geometry import Size
from pipelines.imaging.resize import RESIZERS, resize
from pipelines.requests import ResizeMode
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.pipelines.imaging.slow_resize import slow_resize

GOLDEN = Path(__file__).parents[2] / "golden"
PIXEL_MODES = [mode for mode in ResizeMode if mode is not ResizeMode.latent_upscale]

SHAPES = [
    ((64, 64), (64, 64)),
    ((64, 64), (24, 40)),
    ((30, 20), (48, 48)),
    ((20, 30), (48, 48)),
    ((33, 17), (41, 23)),
    ((17, 33), (41, 23)),
    ((31, 31), (40, 33)),
    ((48, 47), (24, 25)),
    ((7, 90), (16, 24)),
    ((90, 7), (24, 16)),
    ((1, 1), (9, 5)),
    ((2, 1), (5, 9)),
    ((50, 1), (50, 5)),
]


def test_every_resize_mode_that_acts_on_pixels_has_a_function():
    assert set(RESIZERS) == set(PIXEL_MODES)


@pytest.mark.parametrize("mode", PIXEL_MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize(("source", "target"), SHAPES, ids=str)
def test_a_mode_gives_exactly_the_described_pixels(mode, source, target):
    image = noise(*source)
    size = Size(*target)
    assert_same_picture(resize(image, size, mode), slow_resize(image, size, mode))


def test_the_streak_of_resize_and_fill_is_not_simply_the_edge():
    rows = np.zeros((8, 8, 3), np.uint8)
    rows[0] = np.arange(8)[:, None] * 9
    rows[1:] = 54 + np.arange(8)[:, None] * 9
    filled = resize(Image.fromarray(rows), Size(8, 16), ResizeMode.resize_and_fill)
    for row in range(4):
        assert np.asarray(filled)[row, :3, 0].tolist() == [0, 2, 11]


def test_an_odd_height_leaves_its_last_row_black():
    image = Image.new("RGB", (10, 4), "white")
    filled = np.asarray(resize(image, Size(10, 9), ResizeMode.resize_and_fill))
    assert filled[:-1].min() == 255
    assert filled[-1].max() == 0


def test_crop_and_resize_leaves_no_black_edge_at_any_shape():
    white = Image.new("RGB", (37, 53), "white")
    for width in range(8, 80, 3):
        for height in range(8, 80, 7):
            cropped = resize(white, Size(width, height), ResizeMode.crop_and_resize)
            assert np.asarray(cropped).min() == 255, (width, height)


@pytest.mark.parametrize("mode", PIXEL_MODES, ids=lambda mode: mode.name)
def test_the_source_is_left_as_it_was(mode):
    image = gradient(20, 30)
    before = image.tobytes()
    for size in (Size(20, 30), Size(16, 16)):
        result = resize(image, size, mode)
        result.paste((1, 2, 3), (0, 0, 5, 5))
    assert image.tobytes() == before


@pytest.mark.parametrize("source", [(2000, 3), (3, 2000)], ids=str)
def test_a_sliver_that_would_vanish_is_refused_in_one_sentence(source):
    with pytest.raises(InvalidPicture, match="nothing would be left") as refusal:
        resize(noise(*source), Size(64, 64), ResizeMode.resize_and_fill)
    assert "{}x{}".format(*source) in str(refusal.value)


@pytest.mark.parametrize("source", [(60000, 2), (2, 60000)], ids=str)
def test_a_sliver_is_not_enlarged_beyond_reason(source):
    with pytest.raises(InvalidPicture, match="would have to be enlarged to"):
        resize(Image.new("RGB", source), Size(512, 512), ResizeMode.crop_and_resize)
    assert resize(Image.new("RGB", source), Size(64, 64), ResizeMode.just_resize).size == (64, 64)


@pytest.mark.parametrize("mode", PIXEL_MODES, ids=lambda mode: mode.name)
@pytest.mark.parametrize(("width", "height"), [(64, 40), (40, 64)])
def test_golden_pictures_stay_as_they_are(mode, width, height):
    with Image.open(GOLDEN / "resize_source.png") as source:
        result = resize(source.convert("RGB"), Size(width, height), mode)
    with Image.open(GOLDEN / f"resize_{mode.name}_{width}x{height}.png") as expected:
        assert_same_picture(result, expected.convert("RGB"))
