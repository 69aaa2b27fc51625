"""The Inpaint sketch tab: what is painted over is masked; the strokes are what it starts from."""

import pytest

from pipelines.requests import Inpaint
from tests.helpers.driver import Driver
from tests.helpers.images import assert_same_picture, plain
from tests.helpers.painting import assert_near, canvas, opened, painted_box

pytestmark = pytest.mark.browser

BLUE = "#336699"
STROKE_BOX = (90, 50, 230, 70)


def paint_red(redraw: Driver) -> None:
    """A red bar from (100, 60) to (220, 60), 20 pixels wide, on a blue picture."""
    painter = opened(redraw, "Inpaint sketch", plain(BLUE, 320, 200))
    painter.find("[data-field=color]").fill("#ff0000")
    painter.drag((100, 60), (220, 60))


def inpaint_of(redraw: Driver) -> Inpaint:
    """The inpainting part of the last request."""
    inpaint = redraw.request.inpaint
    assert inpaint is not None, "the job has no mask"
    return inpaint


def test_strokes_are_both_picture_and_mask(redraw: Driver):
    paint_red(redraw)
    redraw.set_number("img2img_mask_alpha", 30)
    redraw.generate()
    inpaint = inpaint_of(redraw)
    assert inpaint.painted is not None
    assert_same_picture(redraw.request.init_image, plain(BLUE, 320, 200))
    assert inpaint.painted.getpixel((160, 60)) == (255, 0, 0)
    assert inpaint.painted.getpixel((160, 100)) == (0x33, 0x66, 0x99)
    assert_near(painted_box(inpaint.mask), STROKE_BOX)
    assert inpaint.mask.getpixel((160, 60)) == 255
    assert inpaint.transparency == 30


def test_transparency_stays_behind_on_the_other_tabs(redraw: Driver):
    paint_red(redraw)
    redraw.set_number("img2img_mask_alpha", 30)
    painter = opened(redraw, "Inpaint", plain(BLUE, 320, 200))
    painter.drag((100, 60), (220, 60))
    redraw.generate()
    assert inpaint_of(redraw).transparency == 0


def test_strokes_survive_another_tab(redraw: Driver):
    paint_red(redraw)
    redraw.open_source("Inpaint upload")
    canvas(redraw, "Inpaint sketch")
    redraw.generate()
    assert_near(painted_box(inpaint_of(redraw).mask), STROKE_BOX)


def test_nothing_painted_and_a_colour_that_is_there_already(redraw: Driver):
    redraw.open_source("Inpaint sketch")
    redraw.press_generate()
    redraw.refused("There is no picture on the Inpaint sketch tab")
    painter = opened(redraw, "Inpaint sketch", plain(BLUE, 320, 200))
    redraw.press_generate()
    redraw.refused("The mask is empty")
    painter.find("[data-field=color]").fill(BLUE)
    painter.drag((100, 60), (220, 60))
    redraw.press_generate()
    redraw.refused("The mask is empty")
