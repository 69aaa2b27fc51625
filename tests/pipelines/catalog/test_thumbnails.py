"""Thumbnails: small, kept, made anew when the picture changes, and refused for what is none."""

import io
import os
from pathlib import Path

import pytest
from PIL import Image

from pipelines.catalog.thumbnails import Thumbnails
from pipelines.errors import InvalidPicture


def size_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as image:
        assert image.format == "JPEG"
        return image.size


@pytest.mark.parametrize(
    ("size", "small"),
    [((600, 900), (300, 450)), ((1200, 600), (900, 450)), ((100, 50), (100, 50))],
)
def test_a_thumbnail_covers_its_box_and_is_never_enlarged(
    tmp_path: Path, size: tuple[int, int], small: tuple[int, int]
):
    Image.new("RGBA", size).save(tmp_path / "a.png")
    assert size_of(Thumbnails(tmp_path / "kept").make(tmp_path / "a.png")) == small


def test_it_is_kept_until_the_picture_changes(tmp_path: Path):
    path, thumbnails = tmp_path / "a.png", Thumbnails(tmp_path / "kept")
    Image.new("RGB", (20, 20), "red").save(path)
    first = thumbnails.make(path)
    (kept,) = (tmp_path / "kept").iterdir()
    kept.write_bytes(b"kept")
    assert thumbnails.make(path) == b"kept"
    os.utime(path, ns=(1, 1))
    assert thumbnails.make(path) == first


def test_a_folder_that_cannot_be_written_costs_time_and_no_more(tmp_path: Path):
    Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
    (tmp_path / "file").write_text("in the way")
    assert size_of(Thumbnails(tmp_path / "file").make(tmp_path / "a.png")) == (20, 20)


def test_what_is_no_picture_is_refused(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"<svg onload=alert(1)>")
    Image.new("RGB", (500, 1)).save(tmp_path / "thin.png")
    for name in ("a.png", "thin.png"):
        with pytest.raises(InvalidPicture):
            Thumbnails(tmp_path / "kept").make(tmp_path / name)
