"""Results that keep what was drawn for them say to which canvas it belongs."""

from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from pipelines.imaging.drawn import Drawn, to_chunks
from tests.helpers.images import assert_same_picture, gradient, plain
from ui.kept_drawings import EMPTY, on_canvas, on_inpaint
from ui.sources import SourceTab

MAX_PIXELS = 1_000_000


@pytest.fixture(autouse=True)
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where Gradio keeps uploads."""
    folder = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    return folder


def save(path: Path, drawn: Drawn | None) -> Path:
    """A picture that keeps this drawing."""
    info = PngInfo()
    for name, content in to_chunks(drawn) if drawn else ():
        info.add(name, content, after_idat=True)
    gradient().save(path, pnginfo=info)
    return path


def test_a_mask_goes_to_inpaint(tmp_path: Path, uploads: Path):
    mask = Image.new("L", (64, 64))
    mask.paste(255, (8, 8, 24, 24))
    path = save(tmp_path / "masked.png", Drawn(mask=mask))
    values = on_canvas(path, max_pixels=MAX_PIXELS)
    assert values["mode"] == SourceTab.inpaint
    assert values["inpaint_picture"] == str(path)
    assert Path(values["inpaint_drawing"]).is_relative_to(uploads)
    with Image.open(values["inpaint_drawing"]) as drawing:
        assert_same_picture(drawing, mask)
    assert values["inpaint_sketch_picture"] is None


def test_strokes_go_to_inpaint_sketch(tmp_path: Path):
    strokes = plain("#ff0000").convert("RGBA")
    drawn = Drawn(mask=Image.new("L", (64, 64), 255), strokes=strokes)
    values = on_canvas(save(tmp_path / "painted.png", drawn), max_pixels=MAX_PIXELS)
    assert values["mode"] == SourceTab.inpaint_sketch
    with Image.open(values["inpaint_sketch_drawing"]) as drawing:
        assert_same_picture(drawing, strokes)
    assert values["inpaint_picture"] is None


def test_a_picture_that_keeps_nothing_leaves_canvases_and_tab_alone(tmp_path: Path):
    path = save(tmp_path / "plain.png", None)
    assert on_canvas(path, max_pixels=MAX_PIXELS) == EMPTY
    sent = on_inpaint(path, max_pixels=MAX_PIXELS)
    assert (sent["mode"], sent["inpaint_picture"]) == (SourceTab.inpaint, str(path))
    assert sent["inpaint_drawing"] is None
