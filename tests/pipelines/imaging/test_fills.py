"""Fill and compositing, against slow implementations in Pillow's arithmetic, at tolerance 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from pipelines.imaging.compositing import (
    cut_overlay,
    lay_over,
    masked_composite,
    mix_transparent,
)
from pipelines.imaging.fills import PASSES, fill
from pipelines.imaging.masks import blur
from tests.helpers.examples import examples
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.pipelines.imaging.slow_inpaint import (
    slow_cut_overlay,
    slow_fill,
    slow_lay_over,
    slow_pillow_blur,
)

SIDES = st.integers(1, 12)
SEEDS = st.integers(0, 99)


def picture(values: np.ndarray) -> Image.Image:
    return Image.fromarray(values.astype(np.uint8))


def blob(width: int, height: int) -> Image.Image:
    """A soft-edged mask in the middle."""
    mask = Image.new("L", (width, height))
    mask.paste(255, (width // 3, height // 3, width - width // 3, height - height // 3))
    return blur(mask, 1, 1)


def test_the_passes_are_those_of_a1111():
    assert PASSES == ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))


@pytest.mark.parametrize("radius", [1, 3, *(radius for radius, _ in PASSES)])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (40, 33)])
def test_the_slow_blur_is_pillows(radius: int, size: tuple[int, int]):
    image = noise(*size, channels=4)
    blurred = image.filter(ImageFilter.GaussianBlur(radius))
    assert_same_picture(picture(slow_pillow_blur(np.asarray(image), radius)), blurred)


@examples(25)
@given(SIDES, SIDES, SEEDS, st.booleans())
def test_fill_gives_exactly_the_described_pixels(width: int, height: int, seed: int, soft: bool):
    image = noise(width, height, seed=seed)
    mask = noise(width, height, seed=seed + 1, channels=1) if soft else blob(width, height)
    expected = slow_fill(np.asarray(image), np.asarray(mask))
    assert_same_picture(fill(image, mask), picture(expected))


def test_fill_gives_exactly_the_described_pixels_around_a_large_hole():
    image, mask = gradient(32, 32), blob(32, 32)
    expected = slow_fill(np.asarray(image), np.asarray(mask))
    assert_same_picture(fill(image, mask), picture(expected))


def test_fill_leaves_what_is_not_masked():
    image, mask = noise(48, 48), blob(48, 48)
    filled = np.asarray(fill(image, mask))
    outside = np.asarray(mask) == 0
    assert (filled[outside] == np.asarray(image)[outside]).all()


def test_fill_without_surroundings_is_black():
    filled = fill(noise(16, 16), Image.new("L", (16, 16), 255))
    assert filled.getextrema() == ((0, 0), (0, 0), (0, 0))


def test_fill_on_a_plain_colour_is_that_colour():
    filled = np.asarray(fill(Image.new("RGB", (64, 64), (200, 100, 50)), blob(64, 64)), np.int16)
    assert np.abs(filled - (200, 100, 50)).max() <= 8  # premultiplied bytes are that coarse


@examples(60)
@given(SIDES, SIDES, SEEDS)
def test_an_overlay_is_cut_and_laid_over_as_described(width: int, height: int, seed: int):
    image = noise(width, height, seed=seed)
    generated = noise(width, height, seed=seed + 1)
    mask = noise(width, height, seed=seed + 2, channels=1)
    overlay = slow_cut_overlay(np.asarray(image), np.asarray(mask))
    assert_same_picture(cut_overlay(image, mask), picture(overlay))
    expected = slow_lay_over(np.asarray(generated), overlay)
    assert_same_picture(lay_over(generated, picture(overlay)), picture(expected))


def test_every_mask_value_on_every_third_level_is_as_described():
    levels, mask = np.meshgrid(np.arange(0, 256, 3), np.arange(256))
    image = picture(np.stack([levels] * 3, axis=-1))
    opacity = picture(mask)
    overlay = slow_cut_overlay(np.asarray(image), mask)
    assert_same_picture(cut_overlay(image, opacity), picture(overlay))
    generated = noise(86, 256)
    expected = slow_lay_over(np.asarray(generated), overlay)
    assert_same_picture(lay_over(generated, picture(overlay)), picture(expected))


def test_a_mask_of_zero_keeps_and_a_full_mask_replaces_every_byte():
    image, generated = noise(16, 16, seed=1), noise(16, 16, seed=2)
    kept = lay_over(generated, cut_overlay(image, Image.new("L", (16, 16), 0)))
    assert_same_picture(kept, image)
    replaced = lay_over(generated, cut_overlay(image, Image.new("L", (16, 16), 255)))
    assert_same_picture(replaced, generated)


def test_the_masked_composite_shows_only_what_was_generated():
    generated = noise(16, 16)
    mask = blob(16, 16)
    cut = masked_composite(generated, mask)
    assert_same_picture(cut.getchannel("A"), mask)
    full = np.asarray(mask) == 255
    assert (np.asarray(cut)[full, :3] == np.asarray(generated)[full]).all()
    assert np.asarray(cut)[np.asarray(mask) == 0].max() == 0


def test_mixing_transparency_keeps_hidden_colours_outside_and_is_opaque_inside():
    original, generated = noise(16, 16, channels=4), noise(16, 16, seed=3)
    mask = blob(16, 16)
    mixed = np.asarray(mix_transparent(generated, original, mask))
    values = np.asarray(mask)
    assert (mixed[values == 0] == np.asarray(original)[values == 0]).all()
    assert (mixed[values == 255, :3] == np.asarray(generated)[values == 255]).all()
    assert (mixed[values == 255, 3] == 255).all()
    assert (mixed[..., 3] >= np.asarray(original)[..., 3].astype(int) - 1).all()
