"""What a result takes over from its source: EXIF and resolution, without what is out of date."""

import io
import math
from typing import Any

import pytest
from PIL import Image
from PIL.ExifTags import IFD, Base

from pipelines.imaging.inherited import exif_with_comment, inherited_info
from pipelines.imaging.metadata import read_infotext
from tests.helpers.images import plain


def photo(**tags: Any) -> Image.Image:
    """As a camera's JPEG is opened."""
    exif = Image.Exif()
    exif[Base.Make] = "Camera maker"
    exif[Base.Orientation] = 1
    details = exif.get_ifd(IFD.Exif)
    details[Base.FNumber] = 2.8
    details[Base.ExifImageWidth] = 4000
    details[Base.UserComment] = b"UNICODE\0" + "Steps: 1, of another picture".encode("utf-16-be")
    exif.get_ifd(IFD.GPSInfo)[1] = "N"
    buffer = io.BytesIO()
    plain().save(buffer, "JPEG", exif=exif, dpi=(300, 240), **tags)
    return Image.open(buffer)


def opened(exif: bytes) -> Image.Image:
    buffer = io.BytesIO()
    plain().save(buffer, "PNG", exif=exif)
    return Image.open(buffer)


def test_camera_place_and_resolution_are_kept():
    info = inherited_info(photo())
    assert info["dpi"] == (300, 240)
    exif = opened(info["exif"]).getexif()
    assert exif[Base.Make] == "Camera maker"
    assert exif.get_ifd(IFD.Exif)[Base.FNumber] == pytest.approx(2.8)
    assert exif.get_ifd(IFD.GPSInfo)[1] == "N"


def test_what_is_out_of_date_is_left_behind():
    image = opened(inherited_info(photo())["exif"])
    assert Base.Orientation not in image.getexif()
    assert Base.ExifImageWidth not in image.getexif().get_ifd(IFD.Exif)
    assert read_infotext(image) is None


def test_a_picture_without_any_has_none():
    assert inherited_info(plain()) == {}


@pytest.mark.parametrize(
    "dpi", [(0, 0), (math.inf, 72), (math.nan, 72), (72,), "72", None, ("a", "b"), (72, 1e9)]
)
def test_a_resolution_that_means_nothing_is_left_behind(dpi: object):
    image = plain()
    image.info["dpi"] = dpi
    assert "dpi" not in inherited_info(image)


@pytest.mark.parametrize("block", [b"", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", b"junk"])
def test_damaged_exif_is_left_behind(block: bytes):
    image = plain()
    image.info["exif"] = block
    assert "exif" not in inherited_info(image)


def test_the_text_joins_the_sources_exif_as_other_programs_read_it():
    exif = exif_with_comment(inherited_info(photo())["exif"], "a cat, ünlü\nSteps: 2")
    assert exif is not None
    image = opened(exif)
    assert read_infotext(image) == "a cat, ünlü\nSteps: 2"
    assert image.getexif()[Base.Make] == "Camera maker"
    # The type of the value, which some readers go by: UNDEFINED.
    at = exif.index(Base.UserComment.to_bytes(2, "little" if b"II*" in exif else "big"))
    assert 7 in exif[at + 2 : at + 4]


def test_text_joins_no_damaged_exif():
    assert exif_with_comment(b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", "a cat") is None
