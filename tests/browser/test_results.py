"""The result column: selection, buttons, before and after."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.helpers.driver import Driver
from tests.helpers.images import gradient
from tests.helpers.painting import opened
from tests.helpers.profiles import swapped_profile

pytestmark = pytest.mark.browser


def test_the_infotext_follows_the_selected_picture(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.set_number("img2img_seed", 100)
    redraw.set_number("img2img_batch_count", 2)
    redraw.generate()
    thumbnails = redraw.find("#img2img_gallery .thumbnails button")
    expect(thumbnails).to_have_count(3)  # the grid first
    thumbnails.nth(2).click()
    expect(redraw.infotext).to_contain_text("Seed: 101")
    redraw.find("#img2img_reuse_seed").click()
    expect(redraw.number("img2img_seed")).to_have_value("101")
    redraw.find("#img2img_random_seed").click()
    expect(redraw.number("img2img_seed")).to_have_value("-1")


def test_a_result_becomes_the_next_source_with_its_size(redraw: Driver):
    redraw.upload_picture(gradient(96, 64))
    redraw.set_number("img2img_width", 128)
    redraw.set_number("img2img_height", 72)
    redraw.generate()
    redraw.set_number("img2img_width", 256)
    redraw.find("#img2img_send_to_img2img").click()
    expect(redraw.number("img2img_width")).to_have_value("128")
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_image img')?.naturalWidth === 128"
    )
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert redraw.running.painter.plans[-1].request.init_image.size == (128, 72)


def test_before_and_after_are_seen_side_by_side(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.generate()
    redraw.open_tab("Before / after")
    expect(redraw.find("#img2img_compare img")).to_have_count(2)
    before = redraw.find("#img2img_compare img").last.get_attribute("src")
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    expect(redraw.find("#img2img_compare img").last).not_to_have_attribute("src", before or "")


def test_a_result_is_downloaded_as_it_was_saved(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.generate()
    with redraw.page.expect_download() as download:
        redraw.find("#save_img2img").click()
    saved = redraw.saved()[0]
    assert download.value.suggested_filename == saved.name
    assert download.value.path().read_bytes() == saved.read_bytes()


def test_results_that_are_not_saved_are_shown_with_their_parameters(redraw: Driver):
    redraw.running.context.settings.change({"samples_save": False})
    redraw.upload_picture(gradient())
    redraw.generate()
    expect(redraw.find("#img2img_gallery .preview img").first).to_be_visible()
    expect(redraw.infotext).to_contain_text("Steps: 20")
    assert redraw.saved() == []


def test_typing_goes_on_undisturbed_while_a_result_arrives(redraw: Driver):
    redraw.running.painter.hold(3)
    redraw.upload_picture(gradient())
    redraw.press_generate()
    redraw.prompt.click()
    expect(redraw.progress).to_contain_text("step 2/16")
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text(re.compile("Time taken"))
    expect(redraw.find("#img2img_gallery .preview img").first).to_be_visible()
    redraw.page.keyboard.type("still here")
    expect(redraw.prompt).to_have_value("still here")


def test_an_unsaved_result_keeps_its_colour_profile(redraw: Driver):
    redraw.running.context.settings.change({"samples_save": False})
    picture = gradient(320, 200)
    profile = picture.info["icc_profile"] = swapped_profile()
    painter = opened(redraw, "Inpaint", picture)
    painter.drag((100, 60), (220, 60))
    redraw.generate()
    shown = redraw.find("#img2img_gallery .preview img").first
    address = shown.get_attribute("src") or ""
    served = Image.open(io.BytesIO(redraw.page.request.get(address).body()))
    assert served.info["icc_profile"] == profile
    assert "Steps" in served.info["parameters"]
