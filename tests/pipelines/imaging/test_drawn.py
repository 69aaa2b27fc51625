"""Mask and strokes inside a PNG file: written, read back, and never in the way."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.imaging.drawn import Chunks, Drawn, drawn_for, read_drawn, to_chunks
from pipelines.imaging.geometry import Size
from pipelines.imaging.resize import crop_and_resize
from pipelines.requests import Inpaint, InpaintArea, ResizeMode
from tests.helpers.images import assert_same_picture, gradient, noise

JUST_RESIZE = ResizeMode.just_resize
LIMIT = 10**6


def png_with(chunks: Chunks) -> bytes:
    info = PngInfo()
    for name, content in chunks:
        info.add(name, content, after_idat=True)
    buffer = io.BytesIO()
    gradient().save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def painted(box: tuple[int, int, int, int]) -> Image.Image:
    picture = gradient()
    picture.paste((255, 0, 255), box)
    return picture


def test_a_mask_is_read_back_bit_by_bit(tmp_path: Path):
    mask = noise(channels=1)
    content = png_with(to_chunks(Drawn(mask=mask)))
    (tmp_path / "picture.png").write_bytes(content)
    for source in (content, tmp_path / "picture.png"):
        found = read_drawn(source, max_pixels=LIMIT)
        assert found is not None
        assert_same_picture(found.mask, mask)
        assert found.strokes is None
    assert_same_picture(Image.open(io.BytesIO(content)), gradient())


def test_strokes_are_kept_where_something_was_painted():
    inpaint = Inpaint(mask=noise(channels=1), painted=painted((8, 8, 24, 16)))
    drawn = drawn_for(inpaint, gradient(), Size(64, 64), JUST_RESIZE)
    found = read_drawn(png_with(to_chunks(drawn)), max_pixels=LIMIT)
    assert found is not None
    assert found.strokes is not None
    alpha = np.asarray(found.strokes.getchannel("A"))
    assert (alpha[8:16, 8:24] == 255).all()
    assert alpha.sum() == 255 * 8 * 16
    again = gradient()
    again.paste(found.strokes, mask=found.strokes)
    assert_same_picture(again, painted((8, 8, 24, 16)))


def test_the_mask_lies_on_the_result_as_it_lay_on_the_source():
    mask = noise(channels=1)
    fitted = drawn_for(
        Inpaint(mask=mask), gradient(), Size(96, 32), ResizeMode.crop_and_resize
    ).mask
    assert_same_picture(fitted, crop_and_resize(mask, Size(96, 32)))
    cropped = Inpaint(mask=mask, area=InpaintArea.only_masked)
    assert drawn_for(cropped, gradient(), Size(64, 64), ResizeMode.crop_and_resize).mask == mask
    upscaled = drawn_for(
        Inpaint(mask=mask), gradient(), Size(96, 32), ResizeMode.latent_upscale
    ).mask
    assert_same_picture(upscaled, mask.resize((96, 32), Image.Resampling.LANCZOS))


def test_a_file_without_a_mask_has_none(tmp_path: Path):
    (tmp_path / "text.txt").write_text("no picture")
    buffer = io.BytesIO()
    gradient().save(buffer, "JPEG")
    for source in (png_with(()), b"", b"\x89PNG", buffer.getvalue(), tmp_path / "text.txt"):
        assert read_drawn(source, max_pixels=LIMIT) is None
    assert read_drawn(tmp_path / "gone.png", max_pixels=LIMIT) is None


@pytest.mark.parametrize("cut", range(1, 4000, 97))
def test_a_file_that_is_cut_short_has_a_whole_mask_or_none(cut: int):
    mask = noise(channels=1)
    content = png_with(to_chunks(Drawn(mask=mask)))
    found = read_drawn(content[: max(len(content) - cut, 0)], max_pixels=LIMIT)
    assert found is None or found.mask == mask


def test_a_mask_larger_than_allowed_is_not_decoded():
    content = png_with(to_chunks(Drawn(mask=noise(channels=1))))
    assert read_drawn(content, max_pixels=64 * 64 - 1) is None


def test_a_chunk_that_is_no_picture_counts_as_none():
    assert read_drawn(png_with(((b"inMK", b"not a picture"),)), max_pixels=LIMIT) is None
