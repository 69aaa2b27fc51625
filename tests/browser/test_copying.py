"""From tab to tab, and from the results to the tabs: with or without what was painted, and back."""

import pytest
from playwright.sync_api import expect

from tests.helpers.driver import Driver
from tests.helpers.images import assert_same_picture, gradient, plain
from tests.helpers.painting import CANVASES, canvas, opened

pytestmark = pytest.mark.browser

IMG2IMG = "img2img_image"
SKETCH, INPAINT, INPAINT_SKETCH = CANVASES.values()
TITLES = {IMG2IMG: "img2img", **{name: tab for tab, name in CANVASES.items()}}


def copy(redraw: Driver, source: str, target: str) -> None:
    """Press the button, and wait until the other tab is in front."""
    redraw.find(f"#{source}_copy_to_{target}").click()
    tab = redraw.find("#mode_img2img").get_by_role("tab", name=TITLES[target], exact=True)
    expect(tab).to_have_attribute("aria-selected", "true")


def shown_width(redraw: Driver, width: int) -> None:
    """Wait until the plain field shows a picture of this width."""
    redraw.page.wait_for_function(
        "(width) => document.querySelector('#img2img_image img')?.naturalWidth === width",
        arg=width,
    )


def paint_red(redraw: Driver, tab: str) -> None:
    painter = opened(redraw, tab, plain("#336699", 320, 200))
    if tab != "Inpaint":
        painter.find("[data-field=color]").fill("#ff0000")
    painter.drag((100, 60), (220, 60))


def test_the_own_tabs_button_is_inactive(redraw: Driver):
    for source, tab in TITLES.items():
        redraw.open_source(tab)
        for target in TITLES:
            button = redraw.find(f"#{source}_copy_to_{target}")
            expect(button).to_be_enabled(enabled=target != source)


def test_a_picture_goes_round_all_tabs_unchanged(redraw: Driver):
    redraw.upload_picture(gradient(96, 64))
    for source, target in (
        (IMG2IMG, SKETCH),
        (SKETCH, INPAINT),
        (INPAINT, INPAINT_SKETCH),
    ):
        copy(redraw, source, target)
        canvas(redraw, TITLES[target]).wait_for_size(96, 64)
    redraw.open_source("img2img")
    redraw.remove_picture()
    redraw.open_source("Inpaint sketch")
    copy(redraw, INPAINT_SKETCH, IMG2IMG)
    shown_width(redraw, 96)
    redraw.generate()
    assert_same_picture(redraw.request.init_image, gradient(96, 64))


def test_a_sketch_takes_its_strokes_along_or_leaves_them(redraw: Driver):
    paint_red(redraw, "Sketch")
    copy(redraw, SKETCH, IMG2IMG)
    shown_width(redraw, 320)
    redraw.generate()
    assert redraw.request.init_image.convert("RGB").getpixel((160, 60)) == (255, 0, 0)
    redraw.open_source("Sketch")
    redraw.find(f"#{SKETCH}_copy_drawing input").uncheck()
    copy(redraw, SKETCH, INPAINT_SKETCH)
    canvas(redraw, "Inpaint sketch").wait_for_size(320, 200)
    redraw.press_generate()
    redraw.refused("The mask is empty")


def test_strokes_stay_strokes_between_the_two_sketches(redraw: Driver):
    paint_red(redraw, "Sketch")
    copy(redraw, SKETCH, INPAINT_SKETCH)
    canvas(redraw, "Inpaint sketch").wait_for_size(320, 200)
    redraw.generate()
    inpaint = redraw.request.inpaint
    assert inpaint is not None
    assert inpaint.mask.getpixel((160, 60)) == 255
    assert_same_picture(redraw.request.init_image, plain("#336699", 320, 200))


def test_a_mask_is_never_copied_into_a_picture(redraw: Driver):
    paint_red(redraw, "Inpaint")
    copy(redraw, INPAINT, IMG2IMG)
    shown_width(redraw, 320)
    redraw.generate()
    assert_same_picture(redraw.request.init_image.convert("RGB"), plain("#336699", 320, 200))


def test_what_a_copy_replaced_comes_back(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(96, 64))
    redraw.open_source("img2img")
    redraw.upload_picture(gradient(160, 64))
    copy(redraw, IMG2IMG, INPAINT)
    painter.wait_for_size(160, 64)
    painter.button("undo").click()
    painter.wait_for_size(96, 64)
    undo = redraw.find("#img2img_undo_copy")
    copy(redraw, INPAINT, IMG2IMG)
    shown_width(redraw, 96)
    undo.click()
    shown_width(redraw, 160)
    expect(undo).to_be_hidden()


def test_a_copy_to_an_empty_field_is_undone_by_emptying_it(redraw: Driver):
    opened(redraw, "Sketch", gradient(96, 64))
    copy(redraw, SKETCH, IMG2IMG)
    shown_width(redraw, 96)
    redraw.find("#img2img_undo_copy").click()
    expect(redraw.find("#img2img_image img")).to_have_count(0)


def test_another_picture_ends_the_offer_to_undo(redraw: Driver):
    opened(redraw, "Sketch", gradient(96, 64))
    copy(redraw, SKETCH, IMG2IMG)
    shown_width(redraw, 96)
    expect(redraw.find("#img2img_undo_copy")).to_be_visible()
    redraw.remove_picture()
    redraw.upload_picture(gradient(128, 64))
    expect(redraw.find("#img2img_undo_copy")).to_be_hidden()


def make_result(redraw: Driver) -> None:
    """One picture of 128x72 in the gallery, and sizes that differ from it afterwards."""
    redraw.upload_picture(gradient(96, 64))
    redraw.set_number("img2img_width", 128)
    redraw.set_number("img2img_height", 72)
    redraw.generate()
    redraw.set_number("img2img_width", 256)


def test_a_result_is_sent_to_inpaint_and_the_size_stays(redraw: Driver):
    make_result(redraw)
    redraw.find("#img2img_send_to_inpaint").click()
    painter = canvas(redraw, "Inpaint")
    painter.wait_for_size(128, 72)
    expect(redraw.number("img2img_width")).to_have_value("256")
    painter.set("size", 20)
    painter.drag((40, 40), (80, 40))
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert redraw.request.init_image.size == (128, 72)


def test_a_result_is_sent_to_sketch_with_its_size_if_the_settings_say_so(redraw: Driver):
    make_result(redraw)
    redraw.running.context.settings.change({"send_size": False})
    redraw.find("#img2img_send_to_sketch").click()
    canvas(redraw, "Sketch").wait_for_size(128, 72)
    expect(redraw.number("img2img_width")).to_have_value("256")
    redraw.running.context.settings.change({"send_size": True})
    redraw.find("#img2img_send_to_sketch").click()
    expect(redraw.number("img2img_width")).to_have_value("128")


def test_a_result_that_is_sent_replaces_a_picture_that_comes_back(redraw: Driver):
    make_result(redraw)
    redraw.find("#img2img_send_to_img2img").click()
    shown_width(redraw, 128)
    redraw.find("#img2img_undo_copy").click()
    shown_width(redraw, 96)


def test_sending_to_inpaint_can_be_undone_on_the_canvas(redraw: Driver):
    make_result(redraw)
    painter = opened(redraw, "Inpaint", gradient(96, 64))
    redraw.find("#img2img_send_to_inpaint").click()
    painter.wait_for_size(128, 72)
    painter.button("undo").click()
    painter.wait_for_size(96, 64)


def test_on_a_phone_tabs_that_find_no_room_are_reached_as_well(redraw: Driver):
    redraw.page.set_viewport_size({"width": 390, "height": 844})
    redraw.upload_picture(gradient(96, 64))
    redraw.find(f"#{IMG2IMG}_copy_to_{INPAINT_SKETCH}").click()
    expect(redraw.find("#img2img_mask_alpha")).to_be_visible()
    redraw.page.wait_for_function(
        "(id) => redraw.canvas.size(id)?.width === 96", arg=INPAINT_SKETCH
    )
    redraw.page.evaluate("(id) => redraw.canvas.get(id).save()", INPAINT_SKETCH)
    redraw.reload()
    expect(redraw.find(f"#{INPAINT_SKETCH} .canvas-picture")).to_be_visible()
    wide, window = redraw.page.evaluate(
        "() => [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= window
