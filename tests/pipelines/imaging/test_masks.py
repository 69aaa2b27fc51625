"""Masks against slow implementations of their description, at tolerance 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging import masks
from pipelines.imaging.geometry import Size
from pipelines.imaging.resize import RESIZERS, resize
from pipelines.requests import ResizeMode
from tests.helpers.examples import examples
from tests.helpers.images import assert_same_picture, noise
from tests.pipelines.imaging.slow_inpaint import slow_blur, slow_kernel, slow_latent_mask
from tests.pipelines.imaging.slow_resize import slow_resize

SIDES = st.integers(1, 24)
SIGMAS = st.integers(0, 64)


def values(mask: Image.Image) -> list[list[int]]:
    assert mask.mode == "L"
    return np.asarray(mask).tolist()


def dot(width: int, height: int, x: int, y: int) -> Image.Image:
    mask = Image.new("L", (width, height))
    mask.putpixel((x, y), 255)
    return mask


# Where a mask comes from


def test_strokes_count_by_their_opacity_and_not_by_their_colour():
    layer = Image.new("RGBA", (3, 1))
    layer.putdata([(0, 0, 0, 255), (255, 255, 255, 70), (255, 0, 0, 0)])
    assert values(masks.mask_from_strokes(layer)) == [[255, 70, 0]]


def test_strokes_on_a_layer_without_transparency_are_refused():
    with pytest.raises(InvalidPicture, match="alpha channel, got mode RGB"):
        masks.mask_from_strokes(Image.new("RGB", (3, 3)))


def test_an_uploaded_mask_with_transparency_is_its_alpha_above_128():
    image = Image.new("RGBA", (4, 1))
    image.putdata([(0, 0, 0, 255), (9, 9, 9, 129), (9, 9, 9, 128), (255, 255, 255, 0)])
    assert values(masks.mask_from_picture(image)) == [[255, 255, 0, 0]]
    assert values(masks.mask_from_picture(image, rounded=False)) == [[255, 129, 128, 0]]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA", "P", "1"])
def test_an_opaque_uploaded_mask_is_its_brightness(mode: str):
    levels = [0, 255, 0, 255] if mode == "1" else [0, 100, 128, 255]
    gray = Image.new("L", (4, 1))
    gray.putdata(levels)
    assert values(masks.mask_from_picture(gray.convert(mode))) == [levels]


def test_an_uploaded_mask_in_colour_is_weighed_as_television_does():
    image = Image.new("RGB", (3, 1))
    image.putdata([(255, 0, 0), (0, 255, 0), (0, 0, 255)])
    assert values(masks.mask_from_picture(image)) == [[76, 150, 29]]


def test_an_uploaded_mask_of_sixteen_bits_is_scaled_and_not_cut():
    image = Image.fromarray(np.array([[0, 257 * 100, 65535]], np.uint16))
    assert values(masks.mask_from_picture(image)) == [[0, 100, 255]]


def test_a_palette_with_a_transparent_colour_is_a_mask_by_alpha():
    image = Image.new("P", (2, 1))
    image.putpalette([255, 255, 255, 0, 0, 0])
    image.putdata([0, 1])
    image.info["transparency"] = 0
    assert values(masks.mask_from_picture(image)) == [[0, 255]]


def test_transparency_as_mask_repaints_what_is_not_there():
    image = Image.new("RGBA", (3, 1))
    image.putdata([(1, 2, 3, 255), (1, 2, 3, 55), (1, 2, 3, 0)])
    assert values(masks.mask_from_transparency(image)) == [[0, 200, 255]]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16"])
def test_an_opaque_picture_has_no_mask_in_it(mode: str):
    opaque = Image.new("RGB", (3, 3)).convert("L" if mode == "I;16" else mode).convert(mode)
    with pytest.raises(InvalidPicture, match="no transparent parts"):
        masks.mask_from_transparency(opaque)


def test_changed_pixels_are_those_where_any_channel_differs():
    original = Image.new("RGB", (4, 1), (10, 20, 30))
    painted = original.copy()
    painted.putpixel((1, 0), (10, 20, 31))
    painted.putpixel((3, 0), (255, 255, 255))
    assert values(masks.changed_pixels(painted, original)) == [[0, 255, 0, 255]]


def test_changed_pixels_of_two_sizes_are_refused():
    with pytest.raises(InvalidPicture, match="is 3x4 and the one below it 4x3"):
        masks.changed_pixels(Image.new("RGB", (3, 4)), Image.new("RGB", (4, 3)))


def test_transparency_takes_a_share_off_and_truncates():
    levels = Image.new("L", (256, 1))
    levels.putdata(range(256))
    for percent in range(101):
        expected = [level * (100 - percent) // 100 for level in (0, 255)]
        assert values(masks.with_transparency(levels, percent))[0][::255] == expected, percent


# Invert, double, round


def test_every_level_is_inverted_and_doubled():
    levels = Image.new("L", (256, 1))
    levels.putdata(range(256))
    assert values(masks.invert(levels)) == [[255 - level for level in range(256)]]
    assert values(masks.doubled(levels)) == [[min(255, 2 * level) for level in range(256)]]


def test_a_unit_mask_rounds_from_the_middle():
    levels = Image.new("L", (256, 1))
    levels.putdata(range(256))
    rounded = masks.unit_mask(levels, rounded=True)
    assert rounded.tolist() == [[0.0] * 128 + [1.0] * 128]
    assert rounded.dtype == np.float32
    exact = masks.unit_mask(levels, rounded=False)
    assert exact.tolist() == [[float(np.float32(level / 255)) for level in range(256)]]


# Blur


@pytest.mark.parametrize("sigma", range(1, 65))
def test_a_dot_blurs_into_the_described_kernel(sigma: int):
    kernel = slow_kernel(sigma)
    assert len(kernel) == 2 * int(2.5 * sigma + 0.5) + 1
    margin = [0] * len(kernel)  # far enough from the border for nothing to be mirrored
    row = dot(3 * len(kernel), 1, len(kernel) + len(kernel) // 2, 0)
    expected = [*margin, *((255 * weight + 128) // 256 for weight in kernel), *margin]
    assert values(masks.blur(row, sigma, 0)) == [expected]


def test_a_mask_blur_of_four_has_twenty_one_weights():
    assert len(slow_kernel(4)) == 21


@examples(120)
@given(SIDES, SIDES, SIGMAS, SIGMAS, st.integers(0, 99), st.booleans())
def test_the_blur_gives_exactly_the_described_pixels(
    width: int, height: int, sigma_x: int, sigma_y: int, seed: int, sparse: bool
):
    mask = noise(width, height, seed=seed, channels=1)
    if sparse:
        mask = mask.point([0] * 240 + [255] * 16)
    expected = slow_blur(np.asarray(mask), sigma_x, sigma_y)
    assert values(masks.blur(mask, sigma_x, sigma_y)) == expected.tolist()


def test_no_blur_is_no_change():
    mask = noise(9, 7, channels=1)
    assert_same_picture(masks.blur(mask, 0, 0), mask)


@pytest.mark.parametrize("sigma", [1, 4, 64])
def test_a_full_mask_stays_full_to_the_border(sigma: int):
    mask = Image.new("L", (30, 20), 255)
    assert_same_picture(masks.blur(mask, sigma, sigma), mask)


def test_a_single_pixel_vanishes_under_the_strongest_blur():
    assert masks.blur(dot(512, 512, 256, 256), 64, 64).getbbox() is None


# Sizes


@pytest.mark.parametrize("mode", RESIZERS, ids=lambda mode: mode.name)
@examples(60)
@given(SIDES, SIDES, st.integers(1, 40), st.integers(1, 40), st.integers(0, 9))
def test_a_mask_is_resized_as_a_picture_is(
    mode: ResizeMode, width: int, height: int, new_width: int, new_height: int, seed: int
):
    size = Size(new_width, new_height)
    mask = noise(width, height, seed=seed, channels=1)
    try:
        resized = resize(mask, size, mode)
    except InvalidPicture:
        assert min(width * new_height // height, height * new_width // width) == 0
        return
    expected = slow_resize(mask.convert("RGB"), size, mode).getchannel(0)
    assert_same_picture(resized, expected)


def test_a_mask_of_the_right_size_is_not_touched():
    mask = noise(9, 7, channels=1)
    assert masks.fit_mask(mask, Size(9, 7)) is mask


def test_a_mask_of_another_size_is_stretched_corner_on_corner():
    mask = Image.new("L", (2, 1))
    mask.putpixel((1, 0), 255)
    fitted = np.asarray(masks.fit_mask(mask, Size(40, 30)))
    assert fitted.shape == (30, 40)
    assert fitted[:, 0].max() == 0
    assert fitted[:, -1].min() == 255


@examples(200)
@given(st.integers(1, 96), st.integers(1, 96), st.integers(0, 99), st.booleans(), st.booleans())
def test_the_latent_mask_is_bicubic_and_then_rounded(
    width: int, height: int, seed: int, sparse: bool, rounded: bool
):
    mask = noise(width, height, seed=seed, channels=1)
    if sparse:
        mask = masks.blur(mask.point([0] * 250 + [255] * 6), 3, 3).point(
            [min(4 * v, 255) for v in range(256)]
        )
    size = Size(max(width // 8, 1), max(height // 8, 1))
    actual = masks.latent_mask(mask, size, rounded=rounded)
    expected = slow_latent_mask(np.asarray(mask), size.width, size.height, rounded=rounded)
    assert actual.dtype == np.float32
    assert actual.tolist() == expected.tolist()


def test_the_latent_mask_is_the_same_by_way_of_rgb():
    mask = noise(64, 48, channels=1)
    through_rgb = np.asarray(mask.convert("RGB").resize((8, 6)))[..., 0]
    assert (
        masks.latent_mask(mask, Size(8, 6), rounded=True).tolist()
        == np.round(through_rgb / 255).tolist()
    )


def test_the_masks_given_are_left_as_they_were():
    mask = noise(16, 16, channels=1)
    before = mask.tobytes()
    for changed in (
        masks.blur(mask, 2, 0),
        masks.blur(mask, 0, 0),
        masks.invert(mask),
        masks.doubled(mask),
        masks.with_transparency(mask, 0),
        masks.mask_from_picture(mask),
    ):
        changed.paste(7, (0, 0, 16, 16))
    assert mask.tobytes() == before
