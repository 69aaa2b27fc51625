"""Sizes: swap, detect, paste, Resize by, the overlay, the checkpoint's own."""

import pytest
from playwright.sync_api import expect

from tests.helpers.driver import Driver
from tests.helpers.images import gradient

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = "img2img_width", "img2img_height"


def test_the_first_size_is_the_checkpoints_own(redraw: Driver):
    size = redraw.running.context.catalog.find("").default_size
    expect(redraw.number(WIDTH)).to_have_value(str(size.width))
    expect(redraw.number(HEIGHT)).to_have_value(str(size.height))


def test_sizes_are_swapped_detected_and_pasted(redraw: Driver):
    redraw.paste_text(f"#{WIDTH} input[type=number]", "512x768")
    expect(redraw.number(WIDTH)).to_have_value("512")
    expect(redraw.number(HEIGHT)).to_have_value("768")
    redraw.find("#img2img_res_switch_btn").click()
    expect(redraw.number(WIDTH)).to_have_value("768")
    expect(redraw.number(HEIGHT)).to_have_value("512")
    redraw.upload_picture(gradient(203, 128))
    redraw.find("#img2img_detect_image_size_btn").click()
    expect(redraw.number(WIDTH)).to_have_value("200")
    expect(redraw.number(HEIGHT)).to_have_value("128")


def test_resize_by_says_what_it_makes_and_makes_it(redraw: Driver):
    redraw.open_tab("Resize by")
    preview = redraw.find("#img2img_scale_resolution_preview")
    expect(preview).to_have_text("no image selected")
    redraw.upload_picture(gradient(150, 100))
    expect(preview).to_have_text("resize: from 150x100 to 150x100")
    redraw.set_number("img2img_scale", 1.25)
    expect(preview).to_have_text("resize: from 150x100 to 187x125")
    redraw.generate()
    assert str(redraw.running.painter.plans[-1].size) == "187x125"
    redraw.reload()
    expect(redraw.number("img2img_scale")).to_be_visible()


def test_resize_by_knows_a_picture_that_was_there_before(redraw: Driver):
    redraw.upload_picture(gradient(150, 100))
    redraw.open_tab("Resize by")
    preview = redraw.find("#img2img_scale_resolution_preview")
    expect(preview).to_have_text("resize: from 150x100 to 150x100")


def test_the_overlay_shows_the_aspect_ratio_on_the_picture_and_goes_away(redraw: Driver):
    redraw.upload_picture(gradient(300, 200))
    redraw.set_number(WIDTH, 512)
    redraw.set_number(HEIGHT, 512)
    overlay = redraw.find("#imageARPreview")
    expect(overlay).to_be_visible()
    box = overlay.bounding_box()
    picture = redraw.find("#img2img_image img").bounding_box()
    assert box is not None
    assert picture is not None
    assert box["width"] == pytest.approx(box["height"], abs=1)
    assert box["x"] + box["width"] / 2 == pytest.approx(picture["x"] + picture["width"] / 2, abs=2)
    expect(overlay).to_be_hidden()


def test_schedules_that_a_sampler_cannot_follow_are_not_offered(redraw: Driver):
    redraw.choose("img2img_scheduler", "Exponential")
    redraw.choose("img2img_sampling", "DDIM")
    expect(redraw.find("#img2img_scheduler input")).to_have_value("Automatic")
