"""Every mode Pillow has becomes the RGB picture a person would expect."""

import numpy as np
import pytest
from PIL import Image

from pipelines.imaging.colours import profile_problem, to_rgb
from pipelines.imaging.opening import open_picture
from tests.helpers.files import encoded
from tests.helpers.images import assert_same_picture, gradient, noise, plain
from tests.helpers.profiles import srgb_profile, swapped_profile

LIMIT = 1_000_000
RAMP = np.arange(65536, dtype=np.uint32).reshape(256, 256)


@pytest.mark.parametrize(
    "mode",
    ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV",
     "LAB", "I", "I;16", "I;16B", "I;16L", "F"],
)  # fmt: skip
def test_every_mode_becomes_rgb_and_is_left_as_it_was(mode):
    image = Image.new(mode, (6, 5))
    before = image.tobytes()
    rgb = to_rgb(image)
    assert rgb.mode == "RGB"
    assert rgb.size == (6, 5)
    rgb.paste((1, 2, 3), (0, 0, 3, 3))
    assert image.tobytes() == before


def test_an_rgb_picture_stays_the_same():
    assert_same_picture(to_rgb(noise()), noise())


def test_a_grayscale_picture_works():
    gray = noise(channels=1)
    assert_same_picture(to_rgb(gray), Image.merge("RGB", [gray] * 3))


def test_transparent_parts_show_the_background():
    image = Image.new("RGBA", (3, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    image.putpixel((2, 0), (255, 0, 0, 51))
    flat = to_rgb(image, "#0000ff")
    assert [flat.getpixel((x, 0)) for x in range(3)] == [(255, 0, 0), (0, 0, 255), (51, 0, 204)]


def test_flattening_is_a_paste_with_the_pictures_own_alpha():
    image = noise(channels=4)
    flat = Image.new("RGB", image.size, "#123456")
    flat.paste(image.convert("RGB"), mask=image.getchannel("A"))
    assert_same_picture(to_rgb(image, "#123456"), flat)


@pytest.mark.parametrize("mode", ["LA", "PA", "La", "RGBa"])
def test_every_alpha_channel_is_flattened(mode):
    invisible = {"LA": (0, 0), "PA": (0, 0), "La": (0, 0), "RGBa": (0, 0, 0, 0)}[mode]
    assert to_rgb(Image.new(mode, (2, 2), invisible), "#ff8800").getpixel((0, 0)) == (255, 136, 0)


def test_a_palette_with_transparency_shows_the_background():
    palette = Image.new("P", (3, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255])
    palette.putdata([0, 1, 2])
    opened = open_picture(encoded(palette, transparency=bytes([255, 0, 128])), max_pixels=LIMIT)
    assert isinstance(opened.info["transparency"], bytes)
    flat = to_rgb(opened, "#ffff00")
    assert [flat.getpixel((x, 0)) for x in range(3)] == [
        (255, 0, 0),
        (255, 255, 0),
        (127, 127, 128),
    ]


@pytest.mark.parametrize(
    ("image", "transparent"),
    [(plain("#ff0000"), (255, 0, 0)), (Image.new("L", (4, 4), 7), 7), (Image.new("P", (4, 4)), 0)],
    ids=["RGB", "L", "P"],
)
def test_a_single_transparent_colour_shows_the_background(image, transparent):
    opened = open_picture(encoded(image, transparency=transparent), max_pixels=LIMIT)
    assert to_rgb(opened, "#102030").getpixel((1, 1)) == (16, 32, 48)


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_a_16_bit_ramp_rises_all_the_way(kind):
    ramp = Image.fromarray(RAMP.astype(np.uint16))
    rgb = np.asarray(to_rgb(open_picture(encoded(ramp, kind), max_pixels=LIMIT)))
    values = rgb[..., 0].ravel().astype(int)
    assert (np.diff(values) >= 0).all()
    assert set(values) == set(range(256))
    assert np.array_equal(values, np.floor(RAMP.ravel() / 257 + 0.5))
    assert (rgb == rgb[..., :1]).all()


def test_16_bits_in_either_byte_order_are_the_same_picture():
    little = Image.frombytes("I;16", (256, 256), RAMP.astype("<u2").tobytes())
    big = Image.frombytes("I;16B", (256, 256), RAMP.astype(">u2").tobytes())
    assert_same_picture(to_rgb(big), to_rgb(little))


def test_16_bit_values_in_a_32_bit_picture_are_scaled():
    deep = Image.fromarray(RAMP.astype(np.int32))
    assert to_rgb(deep).getextrema() == ((0, 255),) * 3


@pytest.mark.parametrize("white", [1.0, 255.0, 65535.0, 1e9])
def test_floating_point_pictures_find_their_white(white):
    values = np.linspace(0, white, 256, dtype=np.float32)[None]
    rgb = np.asarray(to_rgb(Image.fromarray(values)))[0, :, 0]
    assert np.array_equal(rgb, np.arange(256))


def test_what_is_not_a_number_becomes_black():
    values = np.array([[np.nan, np.inf, -np.inf, 1.0, 0.5]], np.float32)
    assert np.asarray(to_rgb(Image.fromarray(values)))[0, :, 0].tolist() == [0, 0, 0, 255, 128]


def test_a_cmyk_jpeg_keeps_its_colours():
    colours = [(255, 255, 255), (0, 0, 0), (255, 0, 0), (0, 0, 255)]
    for colour in colours:
        cmyk = Image.new("RGB", (16, 16), colour).convert("CMYK")
        opened = open_picture(encoded(cmyk, "JPEG", quality=95), max_pixels=LIMIT)
        assert opened.mode == "CMYK"
        assert_same_picture(to_rgb(opened), Image.new("RGB", (16, 16), colour), tolerance=3)


def test_lab_white_gray_and_black_are_neutral():
    for lightness, gray in ((255, 255), (0, 0), (137, 128)):
        lab = Image.new("LAB", (2, 2), (lightness, 128, 128))
        assert_same_picture(to_rgb(lab), Image.new("RGB", (2, 2), (gray,) * 3), tolerance=2)


def test_an_srgb_profile_changes_nothing():
    image = noise()
    image.info["icc_profile"] = srgb_profile()
    assert_same_picture(to_rgb(image), noise())
    assert profile_problem(image) is None


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L"])
def test_another_profile_is_followed(mode):
    image = plain("#ff0000").convert(mode)
    if mode == "L":
        image = Image.new("L", (4, 4), 128)
    image.info["icc_profile"] = swapped_profile()
    red, _, blue = np.asarray(to_rgb(image))[1, 1].tolist()
    if mode == "L":
        assert (red, blue) == pytest.approx((128, 128), abs=3)
    else:
        assert (red, blue) == (0, 255)
    assert profile_problem(image) is None


def test_alpha_survives_the_profile():
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (255, 0, 0, 0))
    image.info["icc_profile"] = swapped_profile()
    flat = to_rgb(image, "#00ff00")
    assert [flat.getpixel((x, 0)) for x in range(2)] == [(0, 0, 255), (0, 255, 0)]


@pytest.mark.parametrize(
    "profile",
    [b"not a profile", srgb_profile()[:200], srgb_profile().replace(b"RGB ", b"RG\xff ", 1)],
)
def test_a_damaged_profile_is_ignored_and_noted(profile):
    image = noise()
    image.info["icc_profile"] = profile
    assert_same_picture(to_rgb(image), noise())
    assert "it was ignored" in (profile_problem(image) or "")


def test_a_profile_for_another_kind_of_picture_is_ignored_and_noted():
    image = gradient().convert("CMYK")
    image.info["icc_profile"] = srgb_profile()
    assert_same_picture(to_rgb(image), image.convert("RGB"))
    assert "it was ignored" in (profile_problem(image) or "")


def test_the_result_carries_nothing_of_the_source():
    image = gradient()
    image.info["parameters"] = "a cat"
    assert to_rgb(image).info == {}
