"""Parameters come back: from a dropped picture, a dropped text, the arrow, the PNG Info tab."""

import re

import pytest
from playwright.sync_api import expect

from tests.helpers.driver import Driver, png_bytes
from tests.helpers.images import gradient
from tests.helpers.painting import assert_near, canvas, opened, painted_box

pytestmark = pytest.mark.browser

NEGATIVE = "#img2img_neg_prompt textarea"
NUMBERS = {
    "img2img_steps": 7,
    "img2img_width": 128,
    "img2img_height": 72,
    "img2img_cfg_scale": 4.5,
    "img2img_denoising_strength": 0.5,
    "img2img_seed": 12345,
    "img2img_subseed": 99,
    "img2img_subseed_strength": 0.25,
}


def make_a_picture_with_unusual_values(redraw: Driver) -> bytes:
    redraw.upload_picture(gradient(96, 64))
    redraw.prompt.fill("a castle, (stone:1.2)\nsecond line")
    redraw.find(NEGATIVE).fill("blurry: very")
    redraw.choose("img2img_sampling", "Euler a")
    redraw.page.get_by_text("Crop and resize", exact=True).click()
    redraw.find("#img2img_subseed_show input").check()
    for field, value in NUMBERS.items():
        redraw.set_number(field, value)
    redraw.generate()
    return redraw.saved()[-1].read_bytes()


def start_over(redraw: Driver) -> None:
    """The page as a newcomer sees it."""
    redraw.page.evaluate("localStorage.clear()")
    redraw.reload()
    expect(redraw.prompt).to_have_value("")


def expect_unusual_values(redraw: Driver) -> None:
    expect(redraw.prompt).to_have_value("a castle, (stone:1.2)\nsecond line")
    expect(redraw.find(NEGATIVE)).to_have_value("blurry: very")
    expect(redraw.find("#img2img_sampling input")).to_have_value("Euler a")
    expect(redraw.page.get_by_label("Crop and resize", exact=True)).to_be_checked()
    expect(redraw.find("#img2img_subseed_show input")).to_be_checked()
    for field, value in NUMBERS.items():
        expect(redraw.number(field)).to_have_value(str(value))


def test_dropping_a_result_on_the_prompt_restores_every_field(redraw: Driver):
    made = make_a_picture_with_unusual_values(redraw)
    start_over(redraw)
    redraw.drop("#img2img_prompt textarea", made, "result.png")
    expect_unusual_values(redraw)
    redraw.prompt.fill("another")
    redraw.drop("#img2img_prompt textarea", made, "result.png")
    expect_unusual_values(redraw)


def test_the_arrow_with_an_empty_prompt_reads_the_last_parameters(redraw: Driver):
    make_a_picture_with_unusual_values(redraw)
    start_over(redraw)
    redraw.find("#paste").click()
    expect_unusual_values(redraw)


def test_the_arrow_reads_a_text_from_the_prompt_and_settings_become_overrides(redraw: Driver):
    redraw.prompt.fill("a cat\nSteps: 5, Sampler: DDIM, CFG scale: 3, Seed: 1, Clip skip: 2")
    redraw.find("#paste").click()
    expect(redraw.prompt).to_have_value("a cat")
    expect(redraw.number("img2img_steps")).to_have_value("5")
    overrides = redraw.find("#img2img_override_settings .token")
    expect(overrides.filter(has_text="Clip skip: 2")).to_be_visible()
    redraw.upload_picture(gradient())
    redraw.generate()
    assert redraw.running.painter.plans[-1].settings.CLIP_stop_at_last_layers == 2


def test_the_arrow_before_anything_was_made_says_so(redraw: Driver):
    redraw.find("#paste").click()
    redraw.refused("no picture has been made yet")


def test_a_text_file_on_the_prompt_is_read(redraw: Driver):
    text = b"a dog\nSteps: 9, Sampler: Euler, CFG scale: 3, Seed: 1"
    redraw.drop("#img2img_prompt textarea", text, "settings.txt", "text/plain")
    expect(redraw.prompt).to_have_value("a dog")
    expect(redraw.number("img2img_steps")).to_have_value("9")


def test_a_result_dropped_on_the_picture_changes_the_picture_alone(redraw: Driver):
    made = make_a_picture_with_unusual_values(redraw)
    start_over(redraw)
    redraw.upload_picture(gradient())
    redraw.drop("#img2img_image", made, "result.png")
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_image img')?.naturalWidth === 128"
    )
    expect(redraw.prompt).to_have_value("")
    expect(redraw.number("img2img_steps")).to_have_value("20")


def test_png_info_shows_what_a_file_says_and_sends_it(redraw: Driver):
    made = make_a_picture_with_unusual_values(redraw)
    start_over(redraw)
    redraw.open_tab("PNG Info")
    redraw.upload(made, "result.png", field="pnginfo_image")
    shown = redraw.find("#pnginfo_html")
    expect(shown).to_contain_text("Steps: 7, Sampler: Euler a")
    expect(shown).to_contain_text("128x72")
    redraw.find("#pnginfo_send_to_img2img").click()
    expect(redraw.find("#img2img_image img")).to_be_visible()
    expect_unusual_values(redraw)


def test_png_info_of_a_file_without_parameters_and_of_a_broken_one(redraw: Driver):
    redraw.open_tab("PNG Info")
    redraw.upload(png_bytes(gradient()), "plain.png", field="pnginfo_image")
    expect(redraw.find("#pnginfo_html")).to_contain_text("No generation parameters")
    redraw.remove_picture("pnginfo_image")
    redraw.upload(b"not a picture", "broken.png", field="pnginfo_image")
    expect(redraw.find("#pnginfo_html .error")).to_contain_text(re.compile("broken.png"))


def test_ctrl_v_pastes_a_picture_into_the_image_field(redraw: Driver):
    for width in (80, 96):
        redraw.paste_picture(gradient(width, 64))
        redraw.page.wait_for_function(
            "(width) => document.querySelector('#img2img_image img')?.naturalWidth === width",
            arg=width,
        )
    redraw.generate()


def paint_and_keep(redraw: Driver, tab: str) -> bytes:
    """A picture of 320x200 with a bar painted on a tab, and the saved result of the same size."""
    painter = opened(redraw, tab, gradient(320, 200))
    if tab != "Inpaint":
        painter.find("[data-field=color]").fill("#ff0000")
    painter.drag((100, 60), (220, 60))
    redraw.set_number("img2img_mask_blur", 7)
    redraw.page.get_by_label("Only masked", exact=True).check()
    redraw.generate()
    return redraw.saved()[-1].read_bytes()


@pytest.mark.parametrize("tab", ["Inpaint", "Inpaint sketch"])
def test_a_dropped_result_comes_back_with_what_was_painted(redraw: Driver, tab: str):
    made = paint_and_keep(redraw, tab)
    redraw.forget()
    redraw.open()
    redraw.drop("#img2img_prompt textarea", made, "result.png")
    expect(redraw.find("#inpaint_controls")).to_be_visible()
    canvas(redraw, tab).wait_for_size(320, 200)
    expect(redraw.number("img2img_mask_blur")).to_have_value("7")
    expect(redraw.page.get_by_label("Only masked", exact=True)).to_be_checked()
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    inpaint = redraw.request.inpaint
    assert inpaint is not None
    assert_near(painted_box(inpaint.mask), (90, 50, 230, 70))


def test_a_result_without_a_mask_leaves_the_canvas_as_it_is(redraw: Driver):
    kept = paint_and_keep(redraw, "Inpaint")
    redraw.forget()
    redraw.open()
    redraw.drop("#img2img_prompt textarea", kept, "result.png")
    expect(redraw.find("#inpaint_controls")).to_be_visible()
    canvas(redraw, "Inpaint").wait_for_size(320, 200)
    painter = opened(redraw, "Inpaint", gradient(96, 64))
    redraw.open_source("img2img")
    plain_result = make_a_picture_with_unusual_values(redraw)
    redraw.drop("#img2img_prompt textarea", plain_result, "result.png")
    expect_unusual_values(redraw)
    painter.wait_for_size(96, 64)


def test_png_info_sends_a_result_to_inpaint(redraw: Driver):
    made = paint_and_keep(redraw, "Inpaint")
    redraw.forget()
    redraw.open()
    redraw.open_tab("PNG Info")
    redraw.upload(made, "result.png", field="pnginfo_image")
    expect(redraw.find("#pnginfo_html")).to_contain_text("Mask blur: 7")
    redraw.find("#pnginfo_send_to_inpaint").click()
    expect(redraw.find("#inpaint_controls")).to_be_visible()
    canvas(redraw, "Inpaint").wait_for_size(320, 200)
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert redraw.request.inpaint is not None
    assert_near(painted_box(redraw.request.inpaint.mask), (90, 50, 230, 70))


def test_png_info_sends_a_picture_without_a_mask_to_inpaint(redraw: Driver):
    redraw.open_tab("PNG Info")
    redraw.upload(png_bytes(gradient(96, 64)), "plain.png", field="pnginfo_image")
    expect(redraw.find("#pnginfo_html")).to_contain_text("No generation parameters")
    redraw.find("#pnginfo_send_to_inpaint").click()
    expect(redraw.find("#inpaint_controls")).to_be_visible()
    canvas(redraw, "Inpaint").wait_for_size(96, 64)
