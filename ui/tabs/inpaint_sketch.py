"""The Inpaint sketch tab: what is painted over is repainted, beginning from the strokes."""

from ui.canvas.canvas import Canvas, Opener, build_canvas
from ui.panels import copying

TITLE = "Inpaint sketch"
FIELD = "inpaint_sketch"
"""The canvas's files are the form's `inpaint_sketch_picture` and `inpaint_sketch_drawing`."""


def build(open_file: Opener, *, color: str, height: int) -> Canvas:
    """Draw the tab; `color` (#rrggbb) is the brush's first, `height` that of the picture in CSS."""
    canvas = build_canvas(
        "inpaint_sketch",
        "sketch",
        "Color sketch inpainting",
        open_file=open_file,
        color=color,
        height=height,
    )
    copying.build(canvas.elem_id, strokes=True)
    return canvas
