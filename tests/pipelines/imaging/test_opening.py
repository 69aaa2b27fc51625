"""Any file somebody may drop: what works, and what is refused in one sentence."""

import warnings

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from pipelines.errors import InvalidPicture
from pipelines.imaging.opening import FORMATS, OpenedPictures, open_picture
from tests.helpers.files import encoded, png_header
from tests.helpers.images import assert_same_picture, gradient, noise, plain

LIMIT = 1_000_000

HEIC = b"\0\0\0\x18ftypheic" + bytes(50)
DAMAGED = "that is damaged or cut short"


@pytest.mark.parametrize("kind", FORMATS)
def test_every_kind_of_file_opens(kind):
    image = gradient(40, 20)
    opened = open_picture(encoded(image, kind), max_pixels=LIMIT)
    assert opened.size == (40, 20)
    assert type(opened) is Image.Image


def test_a_file_on_disk_opens_and_is_closed_again(tmp_path):
    path = tmp_path / "picture.png"
    gradient().save(path)
    opened = open_picture(path, max_pixels=LIMIT)
    path.unlink()
    assert_same_picture(opened, gradient())


@pytest.mark.parametrize("kind", FORMATS)
def test_a_picture_that_is_cut_short_is_refused(kind):
    whole = encoded(noise(64, 64), kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow grumbles about a TIFF before it gives up
        with pytest.raises(InvalidPicture, match=DAMAGED):
            open_picture(whole[: len(whole) // 2], max_pixels=LIMIT)


@pytest.mark.parametrize("length", [9, 20, 40, 60])
def test_a_png_of_a_few_bytes_is_refused(length):
    with pytest.raises(InvalidPicture, match=DAMAGED):
        open_picture(encoded(gradient())[:length], max_pixels=LIMIT)


@pytest.mark.parametrize(
    ("content", "seems"),
    [
        (b"", "empty"),
        (b"Dear diary, this is no picture.", "a text file"),
        ("Es war einmal ein Bär. ".encode() * 400, "a text file"),
        (b"%PDF-1.7 ...", "a PDF document"),
        (b"<?xml version='1.0'?><svg xmlns='...'></svg>", "an SVG drawing"),
        (HEIC, "a HEIC picture"),
        (b"\x00\x01\xff\xfe" * 20, "a file of an unknown kind"),
    ],
)
def test_what_is_no_picture_is_named(tmp_path, content, seems):
    path = tmp_path / "holiday.png"
    path.write_bytes(content)
    with pytest.raises(InvalidPicture) as refusal:
        open_picture(path, max_pixels=LIMIT)
    sentence = str(refusal.value)
    assert sentence.startswith(f"holiday.png is {seems}, not a picture; allowed are PNG, JPEG,")
    assert str(tmp_path) not in sentence


def test_a_kind_of_picture_that_is_not_allowed_is_refused():
    with pytest.raises(InvalidPicture, match="an icon, not a picture"):
        open_picture(encoded(plain(width=16, height=16), "ICO"), max_pixels=LIMIT)


def test_a_file_that_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InvalidPicture, match=r"gone\.png cannot be read: No such file"):
        open_picture(tmp_path / "gone.png", max_pixels=LIMIT)


def test_a_huge_picture_is_refused_before_decoding():
    with pytest.raises(InvalidPicture, match=r"is 60000x60000, 3600\.0 megapixels; at most 1 mega"):
        open_picture(png_header(60000, 60000), max_pixels=LIMIT)


def test_the_limit_is_ours_and_not_pillows(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert open_picture(encoded(gradient()), max_pixels=64 * 64).size == (64, 64)
    with pytest.raises(InvalidPicture, match="megapixels are allowed"):
        open_picture(encoded(gradient()), max_pixels=64 * 64 - 1)


def test_a_text_chunk_that_unpacks_to_a_flood_is_refused():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a" * 20_000_000, zip=True)
    with pytest.raises(InvalidPicture, match=DAMAGED):
        open_picture(encoded(plain(), pnginfo=info), max_pixels=LIMIT)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_an_animation_shows_its_first_frame(kind):
    frames = [plain("#ff0000"), plain("#00ff00"), plain("#0000ff")]
    lossless = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **lossless)
    opened = open_picture(data, max_pixels=LIMIT)
    assert_same_picture(opened.convert("RGB"), frames[0])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_rotated_by_exif_stands_upright(kind, orientation):
    upright = Image.new("RGB", (40, 24), "white")
    upright.paste("#000000", (0, 0, 20, 12))
    turned_back = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in turned_back[orientation]:
        stored = stored.transpose(step)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    opened = open_picture(encoded(stored, kind, exif=exif.tobytes()), max_pixels=LIMIT)
    assert_same_picture(opened.convert("RGB"), upright, tolerance=40)
    assert opened.getexif().get(ExifTags.Base.Orientation, 1) == 1


def test_broken_exif_does_not_cost_the_picture():
    data = encoded(gradient(), exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow says the EXIF is corrupt, which it is
        assert_same_picture(open_picture(data, max_pixels=LIMIT), gradient())


def test_texts_and_profile_stay_with_the_picture():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", "a cat")
    opened = open_picture(encoded(gradient(), pnginfo=info, icc_profile=b"x"), max_pixels=LIMIT)
    assert opened.info["parameters"] == "a cat"
    assert opened.info["icc_profile"] == b"x"


def test_a_text_behind_the_pixels_is_kept_too():
    info = PngImagePlugin.PngInfo()
    info.add(b"tEXt", b"parameters\0a cat", after_idat=True)
    opened = open_picture(encoded(gradient(), pnginfo=info), max_pixels=LIMIT)
    assert opened.info["parameters"] == "a cat"


def test_a_jpeg_of_several_pictures_opens():
    data = encoded(gradient(), "MPO", save_all=True, append_images=[plain()])
    assert_same_picture(open_picture(data, max_pixels=LIMIT), gradient(), tolerance=20)


def test_pixels_come_out_as_they_went_in():
    for kind in ("PNG", "BMP", "TIFF"):
        opened = open_picture(encoded(noise(33, 17), kind), max_pixels=LIMIT)
        assert np.array_equal(np.asarray(opened), np.asarray(noise(33, 17))), kind


def test_a_file_that_has_not_changed_is_decoded_once(tmp_path):
    path = tmp_path / "picture.png"
    gradient().save(path)
    opened = OpenedPictures()
    first = opened.open(path, max_pixels=10_000)
    assert opened.open(path, max_pixels=10_000) is first
    with pytest.raises(InvalidPicture, match="at most"):
        opened.open(path, max_pixels=100)
    gradient().resize((32, 32)).save(path)
    assert opened.open(path, max_pixels=10_000).size == (32, 32)


def test_only_the_last_few_opened_pictures_are_kept(tmp_path):
    opened = OpenedPictures(keep=1)
    for name in ("a.png", "b.png"):
        gradient().save(tmp_path / name)
    first = opened.open(tmp_path / "a.png", max_pixels=10_000)
    opened.open(tmp_path / "b.png", max_pixels=10_000)
    assert opened.open(tmp_path / "a.png", max_pixels=10_000) is not first


def test_a_file_that_is_gone_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(InvalidPicture, match="cannot be read"):
        OpenedPictures().open(tmp_path / "gone.png", max_pixels=10_000)
