"""The Inpaint tab: a mask drawn by hand over the part that is to be repainted."""

from ui.canvas.canvas import Canvas, Opener, build_canvas
from ui.panels import copying

TITLE = "Inpaint"
FIELD = "inpaint"
"""The canvas's files are the form's values `inpaint_picture` and `inpaint_drawing`."""


def build(open_file: Opener, *, color: str, height: int) -> Canvas:
    """Draw the tab; `color` (#rrggbb) shows the mask, `height` is the picture's in CSS pixels."""
    canvas = build_canvas(
        "img2maskimg",
        "mask",
        "Image for inpainting with mask",
        open_file=open_file,
        color=color,
        height=height,
    )
    copying.build(canvas.elem_id)
    return canvas
