"""The canvas as the page's Python knows it: how it is drawn, and what comes back from it.

In the browser a canvas is a `gr.HTML` whose script keeps the picture and the drawing. Neither is in
any component's value: the step before an event (`collect_js`) uploads what the server does not have
yet and hands it over in two hidden file fields, whose paths Gradio checks as those of any upload.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.components import Component
from PIL import Image

from pipelines.errors import InvalidPicture
from ui.canvas.selecting import make_select
from ui.values import Raw, picture_path

Mode = Literal["sketch", "mask"]
"""What is painted: colours, or what is to be changed."""

DEFAULT_COLORS: dict[Mode, str] = {"sketch": "#e4572e", "mask": "#f43f5e"}
DEFAULT_HEIGHT = 720
"""CSS pixels, of the part that shows the picture; at most half of the window, whatever is set."""

DRAWING_MODES: dict[Mode, str] = {"sketch": "RGBA", "mask": "L"}

Opener = Callable[[Path], Image.Image]
"""Opens an upload: upright, within the size that is allowed, InvalidPicture otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Canvas:
    """A canvas's components. `picture` and `drawing` are hidden, and belong into events' inputs.

    `options` are what its script is told.
    """

    elem_id: str
    mode: Mode
    view: gr.HTML
    picture: gr.File
    drawing: gr.File
    options: Mapping[str, Raw]

    @property
    def receive_js(self) -> str:
        """A step after an event with `picture` and `drawing` as inputs: show what they became."""
        name = json.dumps(self.elem_id)
        return f"(picture, drawing) => redraw.canvas.receive({name}, picture, drawing)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Painting:
    """A picture and what was drawn on it, both of one size."""

    picture: Image.Image  # as it was opened: upright, of any mode, `.info` kept
    drawing: Image.Image  # of a sketch RGBA, straight alpha; of a mask L, 255 = fully masked
    is_drawn: bool  # whether anything was


def build_canvas(
    elem_id: str,
    mode: Mode,
    label: str,
    *,
    open_file: Opener,
    color: str | None = None,
    height: int = DEFAULT_HEIGHT,
    aside: bool = False,
) -> Canvas:
    """Draw a canvas.

    `label` names it to screen readers. `color`, "#rrggbb", is the first colour of the paint, or in
    which a mask is shown. `open_file` reads the picture when something is to be selected in it.
    `aside`: it is not what the page is about, so that a picture is pasted on it only if it has the
    focus or the mouse is over it.
    """
    options = {
        "id": elem_id,
        "mode": mode,
        "label": label,
        "color": color or DEFAULT_COLORS[mode],
        "height": height,
        "aside": aside,
    }
    view = gr.HTML(
        html_template='<div class="canvas-place"></div>',
        js_on_load="redraw.canvas.mount("
        f'element.querySelector(".canvas-place"), {json.dumps(options)}, server);',
        apply_default_css=False,
        server_functions=[make_select(open_file)],
        elem_id=elem_id,
        elem_classes=["canvas-block"],
    )
    picture, drawing = (
        gr.File(visible="hidden", interactive=True, elem_id=f"{elem_id}_{name}")
        for name in ("picture", "drawing")
    )
    return Canvas(
        elem_id=elem_id, mode=mode, view=view, picture=picture, drawing=drawing, options=options
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A canvas whose files an event takes while all `when` components have these values."""

    canvas: Canvas
    when: Sequence[tuple[Component, Raw]]


def collect_js(
    inputs: Sequence[Component], canvases: Sequence[Canvas], wanted: Sequence[Wanted] = ()
) -> str:
    """The `js` of an event with these inputs: fills in the files of the canvas in front.

    The event waits for them. Canvases on tabs that are not open upload nothing and give None. Those
    in `wanted` go by values alone, be they in sight or not yet drawn at all.
    """
    places = [_places(inputs, canvas) for canvas in canvases]
    places += [
        {
            **_places(inputs, one.canvas),
            "options": dict(one.canvas.options),
            "when": [[_place(inputs, component), value] for component, value in one.when],
        }
        for one in wanted
    ]
    return f"(...args) => redraw.canvas.collect(args, {json.dumps(places)})"


def read_painting(picture: Raw, drawing: Raw, *, mode: Mode, open_file: Opener) -> Painting | None:
    """What the browser sent in a canvas's two fields; None for an empty canvas.

    InvalidPicture if a file has left the server, cannot be opened, or if the drawing is of another
    mode or size than it must be.
    """
    picture_file, drawing_file = picture_path(picture), picture_path(drawing)
    if picture_file is None:
        return None
    image = _open(picture_file, open_file)
    wanted = DRAWING_MODES[mode]
    if drawing_file is None:
        return Painting(picture=image, drawing=Image.new(wanted, image.size, 0), is_drawn=False)
    drawn = _open(drawing_file, open_file)
    if drawn.mode != wanted:
        raise InvalidPicture(f"The drawing is of mode {drawn.mode}; it must be {wanted}.")
    if drawn.size != image.size:
        raise InvalidPicture(
            f"The drawing is {drawn.width}x{drawn.height}, but the picture is "
            f"{image.width}x{image.height}; they must be of one size."
        )
    return Painting(picture=image, drawing=drawn, is_drawn=True)


def _open(path: Path, open_file: Opener) -> Image.Image:
    if not path.exists():  # uploads are swept after a day
        raise InvalidPicture(
            f"{path.name} is no longer on the server; press again to send it once more."
        )
    return open_file(path)


def _places(inputs: Sequence[Component], canvas: Canvas) -> dict[str, Any]:
    return {
        "id": canvas.elem_id,
        "picture": _place(inputs, canvas.picture),
        "drawing": _place(inputs, canvas.drawing),
    }


def _place(inputs: Sequence[Component], wanted: Component) -> int:
    return next(place for place, one in enumerate(inputs) if one is wanted)
