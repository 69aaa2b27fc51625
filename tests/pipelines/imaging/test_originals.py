"""A source picture in its own numbers: nothing of it may be lost where nothing is painted."""

import numpy as np
import pytest
from PIL import Image

from pipelines.imaging.colours import from_srgb, own_colours, to_rgb
from pipelines.imaging.geometry import Size
from pipelines.imaging.originals import Original
from pipelines.requests import ResizeMode
from tests.helpers.images import assert_same_picture, noise
from tests.helpers.profiles import (
    gray_profile,
    one_way_profile,
    srgb_profile,
    swapped_profile,
)


def with_profile(image: Image.Image, profile: bytes) -> Image.Image:
    image.info["icc_profile"] = profile
    return image


def test_an_rgb_picture_is_kept_as_it_is():
    image = noise()
    original = Original.of(image)
    assert_same_picture(original.colours, image)
    assert (original.alpha, original.profile, original.deep) == (None, None, None)
    assert original.adopt(image) is image


def test_hidden_colours_and_transparency_are_kept():
    image = noise(channels=4)
    original = Original.of(image)
    assert_same_picture(original.rgba(), image)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK"])
def test_other_modes_become_what_the_network_is_shown(mode: str):
    image = noise().convert("L").convert(mode) if mode in ("LA", "1") else noise().convert(mode)
    original = Original.of(image)
    assert_same_picture(original.colours, to_rgb(image))
    assert original.profile is None


def test_a_picture_of_another_colour_space_keeps_its_numbers_and_its_profile():
    image = with_profile(noise(), swapped_profile())
    original = Original.of(image)
    assert original.colours.tobytes() == image.tobytes()
    assert original.profile == swapped_profile()
    assert to_rgb(image).tobytes() != image.tobytes()


def test_a_generated_picture_is_taken_into_that_space_and_looks_the_same_there():
    shown = noise(16, 16)
    adopted = from_srgb(shown, swapped_profile())
    red, green, blue = shown.split()
    assert_same_picture(adopted, Image.merge("RGB", (blue, green, red)), tolerance=2)
    seen = to_rgb(with_profile(adopted.copy(), swapped_profile()))
    assert_same_picture(seen, shown, tolerance=3)


def test_a_profile_that_leads_only_one_way_is_followed_that_way():
    image = with_profile(noise(), one_way_profile())
    own, profile = own_colours(image)
    assert profile is None
    assert_same_picture(own, to_rgb(image))
    assert own.tobytes() != image.tobytes()


def test_srgb_by_name_is_kept_but_converts_nothing():
    image = with_profile(noise(), srgb_profile())
    original = Original.of(image)
    assert original.profile == srgb_profile()
    assert original.adopt(image) is image


def test_gray_with_a_profile_of_its_own_is_converted_since_rgb_cannot_carry_it():
    image = with_profile(noise(channels=1), gray_profile())
    own, profile = own_colours(image)
    assert profile is None
    assert_same_picture(own, to_rgb(image))


def test_a_damaged_profile_is_ignored():
    image = with_profile(noise(), b"nothing that could be a profile")
    original = Original.of(image)
    assert original.profile is None
    assert original.colours.tobytes() == image.tobytes()


def test_a_picture_of_the_right_size_is_not_touched():
    original = Original.of(noise(20, 10))
    assert original.resized(Size(20, 10), ResizeMode.crop_and_resize) is original


@pytest.mark.parametrize(
    "mode", [m for m in ResizeMode if m is not ResizeMode.latent_upscale], ids=lambda m: m.name
)
def test_resizing_resizes_the_transparency_with_the_colours(mode: ResizeMode):
    image = Image.new("RGBA", (20, 10), (200, 100, 50, 128))
    resized = Original.of(image).resized(Size(16, 16), mode)
    assert resized.size == Size(16, 16)
    assert resized.rgba().getpixel((8, 8)) == (199, 99, 49, 128)  # premultiplied on the way


def test_sixteen_bits_come_back_where_nothing_was_painted():
    values = np.random.default_rng(0).integers(0, 65536, (9, 12)).astype(np.uint16)
    image = Image.fromarray(values)
    original = Original.of(image)
    assert_same_picture(original.colours, to_rgb(image))
    mask = Image.new("L", (12, 9))
    mask.paste(255, (3, 3, 6, 6))
    deepened = original.deepened(Image.new("RGB", (12, 9), (255, 0, 0)), mask)
    assert deepened.mode == "I;16"
    outside = np.asarray(mask) == 0
    assert (np.asarray(deepened)[outside] == values[outside]).all()
    assert (np.asarray(deepened)[~outside] == round(255 * 0.299 * 257)).all()


def test_white_and_black_stay_white_and_black_in_sixteen_bits():
    original = Original.of(Image.fromarray(np.zeros((1, 2), np.uint16)))
    result = Image.new("RGB", (2, 1))
    result.putpixel((0, 0), (255, 255, 255))
    deepened = original.deepened(result, Image.new("L", (2, 1), 255))
    assert np.asarray(deepened).tolist() == [[65535, 0]]
