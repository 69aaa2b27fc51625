"""The canvases of Redraw's own page as a person paints on them, and what is compared afterwards."""

import numpy as np
from PIL import Image

from tests.helpers.canvas_page import Painter, Received
from tests.helpers.driver import Driver

CANVASES = {
    "Sketch": "img2img_sketch",
    "Inpaint": "img2maskimg",
    "Inpaint sketch": "inpaint_sketch",
}
"""Ids of the canvases, by the titles of their tabs."""


def canvas(redraw: Driver, tab: str) -> Painter:
    """The canvas of the tab with this title, which is brought to the front."""
    redraw.open_source(tab)
    name = CANVASES[tab]
    redraw.page.wait_for_function("(id) => redraw.canvas.get(id)", arg=name)
    return Painter(redraw.page, Received(), name)


def opened(redraw: Driver, tab: str, image: Image.Image, *, brush: int = 20) -> Painter:
    """The canvas of a tab with a picture on it, and a brush of so many pixels."""
    painter = canvas(redraw, tab)
    painter.open(image)
    painter.set("size", brush)
    return painter


def painted_box(mask: Image.Image) -> tuple[int, int, int, int]:
    """The box around everything that is at least half masked: left, top, right, bottom."""
    box = Image.fromarray((np.asarray(mask) >= 128).astype(np.uint8)).getbbox()
    assert box is not None, "nothing was painted"
    return box


def assert_near(actual: tuple[int, ...], expected: tuple[int, ...], tolerance: int = 1) -> None:
    """Fail unless no coordinate is off by more than `tolerance` pixels."""
    worst = max(abs(one - other) for one, other in zip(actual, expected, strict=True))
    assert worst <= tolerance, f"{actual} is not {expected} to {tolerance} px"
