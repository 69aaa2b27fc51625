"""The parameter text inside files, byte by byte as A1111 expects it."""

import json

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from pipelines.imaging.metadata import exif_block, png_chunks, read_infotext, storable
from pipelines.imaging.opening import open_picture
from tests.helpers.files import encoded
from tests.helpers.images import gradient

TEXT = "a café, 猫 and 🐈\nNegative prompt: blurry\nSteps: 20, Seed: 1"


def opened(data):
    return open_picture(data, max_pixels=1_000_000)


def exif_with(comment):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = comment
    return exif.tobytes()


@pytest.mark.parametrize("text", [TEXT, "plain", "a\0b", "", "x" * 30000])
def test_a_png_gives_its_text_back(text):
    picture = opened(encoded(gradient(), pnginfo=png_chunks(text)))
    assert read_infotext(picture) == (text or None)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
@pytest.mark.parametrize("text", [TEXT, "plain", "x" * 30000])
def test_exif_gives_its_text_back(kind, text):
    assert read_infotext(opened(encoded(gradient(), kind, exif=exif_block(text)))) == text


def test_the_user_comment_is_utf_16_with_its_big_end_first():
    block = exif_block("ab猫")
    assert block.startswith(b"Exif\0\0MM\0*")
    assert block.endswith(b"UNICODE\0\0a\0b\x73\x2b")
    # Tag UserComment, type 7 (undefined), 14 bytes, 44 bytes into the block: A1111 needs the type.
    assert b"\x92\x86\0\x07\0\0\0\x0e\0\0\0\x2c" in block


def test_latin_text_is_a_plain_chunk_and_other_text_an_international_one():
    assert b"tEXtparameters\0caf\xe9" in encoded(gradient(), pnginfo=png_chunks("café"))
    assert b"iTXtparameters\0" in encoded(gradient(), pnginfo=png_chunks("猫"))


def test_a_user_comment_overrides_the_parameters():
    data = encoded(gradient(), pnginfo=png_chunks("from the chunk"), exif=exif_block("from exif"))
    assert read_infotext(opened(data)) == "from exif"


@pytest.mark.parametrize(
    "comment",
    [
        b"UNICODE\0" + "a cat".encode("utf-16-le"),
        b"UNICODE\0" + "a cat".encode("utf-16"),
        b"ASCII\0\0\0a cat",
        b"\0\0\0\0\0\0\0\0a cat",
        b"a cat",
    ],
)
def test_other_programs_user_comments_are_read(comment):
    assert read_infotext(opened(encoded(gradient(), "JPEG", exif=exif_with(comment)))) == "a cat"


def test_the_comment_of_a_gif_is_read():
    assert read_infotext(opened(encoded(gradient(), "GIF", comment=b"a cat"))) == "a cat"


def test_the_text_of_a_rotated_picture_is_still_read():
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = b"ASCII\0\0\0a cat"
    assert read_infotext(opened(encoded(gradient(), "JPEG", exif=exif.tobytes()))) == "a cat"


def test_a_picture_without_text_has_none():
    assert read_infotext(gradient()) is None
    assert read_infotext(opened(encoded(gradient(), "JPEG"))) is None


@pytest.mark.parametrize("exif", [b"", b"Exif\0\0", b"Exif\0\0MM\0*", b"\xff" * 30])
def test_damaged_exif_is_no_text(exif):
    picture = gradient()
    picture.info["exif"] = exif
    assert read_infotext(picture) is None


def test_a_novelai_picture_speaks_a1111s_language():
    values = {"steps": 28, "sampler": "k_euler", "scale": 11, "seed": 5, "uc": "blurry"}
    info = PngImagePlugin.PngInfo()
    info.add_text("Software", "NovelAI")
    info.add_text("Description", "a cat")
    info.add_text("Comment", json.dumps({**values, "width": 64, "height": 32}))
    text = read_infotext(opened(encoded(gradient(64, 32), pnginfo=info)))
    assert text == (
        "a cat\nNegative prompt: blurry\nSteps: 28, Sampler: Euler, CFG scale: 11, Seed: 5, "
        "Size: 64x32, Clip skip: 2, ENSD: 31337"
    )


@pytest.mark.parametrize("comment", ["no JSON", "[1]", ""])
def test_a_novelai_picture_with_a_strange_comment_has_no_text(comment):
    picture = gradient()
    picture.info |= {"Software": "NovelAI", "Comment": comment}
    assert read_infotext(picture) is None


def test_half_a_surrogate_pair_can_be_stored():
    assert storable("a\ud83db") == "a?b"
