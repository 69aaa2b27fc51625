"""Images of ControlNet units inside a PNG file, and back out of it."""

import io
from collections.abc import Mapping
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.imaging.chunks import Chunks
from pipelines.imaging.kept_control import (
    CONTROL_CHUNK,
    MOST_IMAGES,
    KeptPictures,
    control_chunks,
    read_control_pictures,
)
from tests.helpers.control import canny
from tests.helpers.images import assert_same_picture, gradient, noise

LIMIT = 10**6


def file_with(chunks: Chunks) -> bytes:
    info = PngInfo()
    for name, content in chunks:
        info.add(name, content, after_idat=True)
    buffer = io.BytesIO()
    gradient().save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def read(chunks: Chunks) -> Mapping[int, KeptPictures]:
    return read_control_pictures(file_with(chunks), max_pixels=LIMIT)


def test_images_come_back_under_their_units_number(tmp_path: Path):
    units = [
        canny(),
        canny(1, images=(noise(),), mask=noise(seed=1, channels=1), region=noise(9, 7, seed=2)),
        canny(2, images=(noise(seed=3, channels=4), noise(10, 5, seed=4, channels=2))),
    ]
    path = tmp_path / "result.png"
    path.write_bytes(file_with(control_chunks(units)))
    found = read_control_pictures(path, max_pixels=LIMIT)
    assert list(found) == [1, 2]
    assert units[1].mask is not None
    assert units[1].region is not None
    assert found[1].mask is not None
    assert found[1].region is not None
    assert_same_picture(found[1].mask, units[1].mask)
    assert_same_picture(found[1].region, units[1].region)
    for number in (1, 2):
        for kept, own in zip(found[number].images, units[number].images, strict=True):
            assert_same_picture(kept, own)


def test_nothing_else_of_an_image_is_kept():
    image = noise()
    image.info = {"parameters": "a secret", "exif": b"where it was taken", "dpi": (72, 72)}
    ((_, content),) = control_chunks([canny(images=(image,))])
    assert b"secret" not in content
    assert b"taken" not in content
    assert "parameters" in image.info


@pytest.mark.parametrize("mode", ["CMYK", "F", "LAB", "I"])
def test_an_image_that_png_cannot_hold_is_kept_in_rgb(mode: str):
    image = gradient().convert("L").convert("F") if mode == "F" else Image.new(mode, (8, 8))
    found = read_control_pictures(
        file_with(control_chunks([canny(images=(image,))])), max_pixels=LIMIT
    )
    assert found[0].images[0].mode == "RGB"


def test_units_without_images_leave_nothing():
    assert control_chunks([canny()]) == ()


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\x00\x00", b"\x00\x07" + b"x" * 9, b"\x00\x00\x89PNG and no more"]
)
def test_damage_means_nothing(content: bytes):
    good = control_chunks([canny(images=(noise(),))])
    assert read((*good, (CONTROL_CHUNK, content))) == {}


def test_an_image_beyond_the_limit_is_not_decoded():
    data = file_with(control_chunks([canny(images=(noise(),))]))
    assert read_control_pictures(data, max_pixels=64 * 64) != {}
    assert read_control_pictures(data, max_pixels=64 * 64 - 1) == {}


def test_only_so_many_images_are_read():
    ((name, content),) = control_chunks([canny(images=(Image.new("L", (1, 1)),))])
    data = file_with(((name, content),) * (MOST_IMAGES + 5))
    assert len(read_control_pictures(data, max_pixels=LIMIT)[0].images) == MOST_IMAGES


@pytest.mark.parametrize("data", [b"", b"JPEG", file_with(())])
def test_other_files_hold_nothing(data: bytes):
    assert read_control_pictures(data, max_pixels=LIMIT) == {}


def test_a_file_that_is_gone_holds_nothing(tmp_path: Path):
    assert read_control_pictures(tmp_path / "gone.png", max_pixels=LIMIT) == {}
    assert KeptPictures().images == ()
