"""Results that keep what was drawn for them: back onto the tab on which it was drawn."""

from pathlib import Path
from typing import Any

from gradio.processing_utils import save_pil_to_cache
from gradio.utils import get_upload_folder
from PIL import Image

from pipelines.imaging.drawn import read_drawn
from ui.sources import SourceTab

EMPTY: dict[str, Any] = dict.fromkeys(
    ("inpaint_picture", "inpaint_drawing", "inpaint_sketch_picture", "inpaint_sketch_drawing")
)
"""The canvases' hidden fields when nothing is to be put on them."""


def on_canvas(path: Path, *, max_pixels: int) -> dict[str, Any]:
    """Values of `mode` and of the canvases' fields that show a saved picture and its drawing.

    A mask goes to Inpaint, strokes to Inpaint sketch; only EMPTY for a file that keeps neither.
    """
    drawn = read_drawn(path, max_pixels=max_pixels)
    if drawn is None:
        return EMPTY
    if drawn.strokes is None:
        return _values(SourceTab.inpaint, "inpaint", path, drawn.mask)
    return _values(SourceTab.inpaint_sketch, "inpaint_sketch", path, drawn.strokes)


def on_inpaint(path: Path, *, max_pixels: int) -> dict[str, Any]:
    """As `on_canvas`, but a picture without a drawing goes to Inpaint as well."""
    values = on_canvas(path, max_pixels=max_pixels)
    if values is not EMPTY:
        return values
    return {**EMPTY, "mode": SourceTab.inpaint, "inpaint_picture": str(path)}


def _values(tab: SourceTab, field: str, path: Path, drawing: Image.Image) -> dict[str, Any]:
    file = save_pil_to_cache(drawing, get_upload_folder(), name="drawing", format="png")
    return {
        **EMPTY,
        "mode": tab,
        f"{field}_picture": str(path),
        f"{field}_drawing": file,
    }
