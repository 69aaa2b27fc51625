"""The Sketch tab: strokes of colour become part of the picture that is worked on."""

import numpy as np
import pytest
from PIL import Image

from tests.helpers.driver import Driver
from tests.helpers.images import assert_same_picture, gradient, plain
from tests.helpers.painting import canvas, opened

pytestmark = pytest.mark.browser

RED = "#ff0000"


def paint_red(redraw: Driver, image: Image.Image) -> None:
    """A red bar from (100, 60) to (220, 60), 20 pixels wide."""
    painter = opened(redraw, "Sketch", image)
    painter.find("[data-field=color]").fill(RED)
    painter.drag((100, 60), (220, 60))


def test_strokes_are_part_of_the_picture(redraw: Driver):
    paint_red(redraw, plain("#336699", 320, 200))
    redraw.generate()
    request = redraw.request
    assert request.inpaint is None
    assert request.init_image.size == (320, 200)
    assert request.init_image.getpixel((160, 60)) == (255, 0, 0)
    assert request.init_image.getpixel((160, 100)) == (0x33, 0x66, 0x99)
    red = (np.asarray(request.init_image) == (255, 0, 0)).all(axis=-1)
    assert Image.fromarray(red).getbbox() == pytest.approx((90, 50, 230, 70), abs=1)


def test_a_picture_without_strokes_is_used_as_it_is(redraw: Driver):
    opened(redraw, "Sketch", gradient(320, 200))
    redraw.generate()
    assert_same_picture(redraw.request.init_image, gradient(320, 200))


def test_what_was_undone_is_not_sent(redraw: Driver):
    paint_red(redraw, gradient(320, 200))
    painter = canvas(redraw, "Sketch")
    painter.find(".canvas-view").hover()
    redraw.page.keyboard.press("Control+z")
    redraw.generate()
    assert_same_picture(redraw.request.init_image, gradient(320, 200))


def test_a_blank_canvas_needs_no_file(redraw: Driver):
    painter = canvas(redraw, "Sketch")
    painter.find(".canvas-empty [data-action=blank]").click()
    form = painter.find(".canvas-blank")
    form.locator("[name=width]").fill("96")
    form.locator("[name=height]").fill("64")
    form.locator("[type=submit]").click()
    painter.wait_for_size(96, 64)
    redraw.generate()
    assert_same_picture(redraw.request.init_image.convert("RGB"), plain("#ffffff", 96, 64))


def test_the_prompts_shortcut_works_from_the_canvas(redraw: Driver):
    paint_red(redraw, gradient(320, 200))
    redraw.page.keyboard.press("Control+Enter")
    redraw.page.wait_for_selector("#img2img_gallery .preview img")
    assert redraw.request.init_image.getpixel((160, 60)) == (255, 0, 0)


def test_sketch_without_a_picture_says_so(redraw: Driver):
    redraw.open_source("Sketch")
    redraw.press_generate()
    redraw.refused("There is no picture on the Sketch tab; drop one there, or copy one to it.")
