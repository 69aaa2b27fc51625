"""The Sketch tab: strokes of colour that become part of the picture."""

from ui.canvas.canvas import Canvas, Opener, build_canvas
from ui.panels import copying

TITLE = "Sketch"
FIELD = "sketch"
"""The canvas's files are the form's values `sketch_picture` and `sketch_drawing`."""


def build(open_file: Opener, *, color: str, height: int) -> Canvas:
    """Draw the tab; `color` (#rrggbb) is the brush's first, `height` that of the picture in CSS."""
    canvas = build_canvas(
        "img2img_sketch",
        "sketch",
        "Image for img2img with sketch",
        open_file=open_file,
        color=color,
        height=height,
    )
    copying.build(canvas.elem_id, strokes=True)
    return canvas
