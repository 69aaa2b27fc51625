"""The Inpaint tab: what Python receives is what was painted, and nothing painted is ever lost."""

import io

import pytest
from PIL import Image
from playwright.sync_api import Request, Route, expect

from pipelines.requests import Inpaint, InpaintArea, MaskedContent, MaskMode
from tests.helpers.driver import Driver
from tests.helpers.images import assert_same_picture, gradient
from tests.helpers.painting import assert_near, canvas, opened, painted_box

pytestmark = pytest.mark.browser

STROKE = ((100, 60), (220, 60))
STROKE_BOX = (90, 50, 230, 70)  # of a brush 20 pixels wide


def inpaint_of(redraw: Driver) -> Inpaint:
    """The inpainting part of the last request."""
    inpaint = redraw.request.inpaint
    assert inpaint is not None, "the job has no mask"
    return inpaint


def received_mask(redraw: Driver) -> Image.Image:
    return inpaint_of(redraw).mask


def test_the_painted_mask_reaches_the_job(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    redraw.generate()
    mask = received_mask(redraw)
    assert mask.size == (320, 200)
    assert_near(painted_box(mask), STROKE_BOX)
    assert mask.getpixel((160, 60)) == 255
    assert_same_picture(redraw.request.init_image, gradient(320, 200))


def test_the_last_stroke_counts_even_if_generate_is_pressed_at_once(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    redraw.generate()
    painter.drag((100, 150), (220, 150))
    redraw.page.keyboard.press("Control+Enter")
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert_near(painted_box(received_mask(redraw)), (90, 50, 230, 160))


@pytest.mark.parametrize("zoom", [1 / 3, 1.0, 3.0])
def test_the_mask_lies_where_it_was_painted_at_every_zoom(redraw: Driver, zoom: float):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.state(f"view.zoom({zoom})")
    painter.drag((120, 90), (200, 90))
    redraw.generate()
    assert_near(painted_box(received_mask(redraw)), (110, 80, 210, 100))


def test_a_picture_of_4096_pixels_a_side_arrives_with_its_whole_mask(redraw: Driver):
    picture = gradient(64, 64).resize((4096, 4096), Image.Resampling.NEAREST)
    painter = opened(redraw, "Inpaint", picture, brush=400)
    painter.drag((1000, 2000), (3000, 2000))
    redraw.generate()
    mask = received_mask(redraw)
    assert mask.size == (4096, 4096)
    # One pixel of the screen is about ten of the picture.
    assert_near(painted_box(mask), (800, 1800, 3200, 2200), tolerance=12)
    assert_same_picture(redraw.request.init_image, picture)


def test_the_fields_of_the_group_reach_the_job(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    redraw.set_number("img2img_mask_blur", 9)
    for label in ("Inpaint not masked", "latent noise", "Only masked"):
        redraw.page.get_by_label(label, exact=True).check()
    redraw.set_number("img2img_inpaint_full_res_padding", 64)
    redraw.generate()
    inpaint = inpaint_of(redraw)
    assert (inpaint.blur_x, inpaint.blur_y, inpaint.padding) == (9, 9, 64)
    assert inpaint.mode is MaskMode.not_masked
    assert inpaint.content is MaskedContent.latent_noise
    assert inpaint.area is InpaintArea.only_masked
    assert inpaint.soft is None


def test_soft_inpainting_opens_while_it_is_ticked(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    bias = redraw.number("mask_blend_power")
    expect(bias).to_be_hidden()
    redraw.page.get_by_label("Soft inpainting", exact=True).check()
    expect(bias).to_have_value("1")
    redraw.set_number("mask_blend_power", 2.5)
    redraw.generate()
    soft = inpaint_of(redraw).soft
    assert soft is not None
    assert (soft.schedule_bias, soft.preservation_strength) == (2.5, 0.5)


def test_the_group_is_shown_where_there_is_a_mask(redraw: Driver):
    group, transparency = redraw.find("#inpaint_controls"), redraw.find("#img2img_mask_alpha")
    shown = {
        "img2img": (False, False),
        "Sketch": (False, False),
        "Inpaint": (True, False),
        "Inpaint sketch": (True, True),
        "Inpaint upload": (True, False),
    }
    for tab, (has_mask, has_strokes) in shown.items():
        redraw.open_source(tab)
        expect(group).to_be_visible(visible=has_mask)
        expect(transparency).to_be_visible(visible=has_strokes)


def test_what_is_painted_survives_other_tabs_and_runs(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    redraw.generate()
    redraw.open_tab("PNG Info")
    redraw.open_tab("img2img")
    redraw.open_source("Sketch")
    canvas(redraw, "Inpaint").drag((100, 150), (220, 150))
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert_near(painted_box(received_mask(redraw)), (90, 50, 230, 160))


def test_a_reload_in_the_middle_of_a_job_keeps_picture_mask_and_job(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    painter.page.evaluate("redraw.canvas.get('img2maskimg').save()")
    redraw.running.painter.hold(6)
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 5/16")
    redraw.reload()
    expect(redraw.progress).to_contain_text("step 5/16")
    painter.wait_for_size(320, 200)
    expect(redraw.find("#inpaint_controls")).to_be_visible()
    redraw.running.painter.release()
    expect(redraw.log).to_contain_text("Time taken")
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert_near(painted_box(received_mask(redraw)), STROKE_BOX)


def test_only_generate_uploads_and_only_what_changed(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    uploads: list[str] = []

    def note(request: Request) -> None:
        if "/upload" in request.url:
            uploads.append(request.url)

    redraw.page.on("request", note)
    painter.drag(*STROKE)
    redraw.find("#img2img_res_switch_btn").click()
    redraw.find("#paste").click()
    redraw.refused("no picture has been made yet")
    assert uploads == []
    redraw.generate()
    assert len(uploads) == 1, "the mask; the picture was uploaded when it was opened"
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert len(uploads) == 1
    redraw.page.remove_listener("request", note)


def test_generate_before_there_is_a_picture_or_a_mask(redraw: Driver):
    painter = canvas(redraw, "Inpaint")
    redraw.press_generate()
    redraw.refused("There is no picture on the Inpaint tab; drop one there, or copy one to it.")
    painter.open(gradient(320, 200))
    redraw.press_generate()
    redraw.refused("The mask is empty")
    painter.drag(*STROKE)
    redraw.generate()


def test_painting_before_there_is_a_picture_does_nothing(redraw: Driver):
    painter = canvas(redraw, "Inpaint")
    view = painter.find(".canvas-view").bounding_box()
    assert view is not None
    redraw.page.mouse.move(view["x"] + 30, view["y"] + 30)
    redraw.page.mouse.down()
    redraw.page.mouse.move(view["x"] + 90, view["y"] + 60)
    redraw.page.mouse.up()
    expect(painter.find(".canvas-empty")).to_be_visible()
    painter.open(gradient(320, 200))
    redraw.press_generate()
    redraw.refused("The mask is empty")


def test_an_upload_that_is_cut_off_is_told_and_loses_nothing(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)

    def cut(route: Route) -> None:
        route.abort()

    redraw.page.route("**/upload", cut)
    try:
        redraw.press_generate()
        redraw.refused("The drawing could not be sent: the server cannot be reached.")
    finally:
        redraw.page.unroute("**/upload", cut)
    redraw.generate()
    assert_near(painted_box(received_mask(redraw)), STROKE_BOX)


def test_escape_and_delete_over_the_canvas_leave_the_job_alone(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    redraw.running.painter.hold(6)
    redraw.press_generate()
    expect(redraw.progress).to_contain_text("step 5/16")
    painter.find(".canvas-view").hover()
    redraw.page.keyboard.press("s")
    expect(redraw.find(".canvas-full")).to_be_visible()
    redraw.page.keyboard.press("Escape")
    expect(redraw.find(".canvas-full")).to_have_count(0)
    expect(redraw.find("#img2img_interrupting")).to_be_hidden()
    redraw.page.keyboard.press("Escape")
    expect(redraw.log).to_contain_text("Time taken")


def test_typing_a_prompt_never_touches_the_canvas(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    painter.drag(*STROKE)
    redraw.prompt.click()
    redraw.page.keyboard.type("sea, boat [x] s")
    redraw.page.keyboard.press("Backspace")
    expect(redraw.prompt).to_have_value("sea, boat [x] ")
    redraw.generate()
    assert_near(painted_box(received_mask(redraw)), STROKE_BOX)


def test_sizes_are_those_of_the_tab_in_front(redraw: Driver):
    redraw.upload_picture(gradient(96, 64))
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    redraw.find("#img2img_detect_image_size_btn").click()
    expect(redraw.number("img2img_width")).to_have_value("320")
    expect(redraw.number("img2img_height")).to_have_value("200")
    redraw.open_tab("Resize by")
    preview = redraw.find("#img2img_scale_resolution_preview")
    expect(preview).to_have_text("resize: from 320x200 to 320x200")
    redraw.open_source("img2img")
    expect(preview).to_have_text("resize: from 96x64 to 96x64")
    redraw.open_source("Inpaint")
    painter.button("remove").click()
    expect(preview).to_have_text("no image selected")


def test_the_overlay_shows_the_aspect_ratio_on_the_canvas(redraw: Driver):
    painter = opened(redraw, "Inpaint", gradient(320, 200))
    redraw.set_number("img2img_width", 512)
    redraw.set_number("img2img_height", 512)
    overlay = redraw.find("#imageARPreview")
    expect(overlay).to_be_visible()
    box, picture = overlay.bounding_box(), painter.find(".canvas-picture").bounding_box()
    assert box is not None
    assert picture is not None
    assert box["width"] == pytest.approx(box["height"], abs=1)
    assert box["height"] == pytest.approx(picture["height"], abs=4)


def test_a_rotated_photo_is_painted_as_it_is_seen(redraw: Driver):
    sideways = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    gradient(200, 320).save(sideways, "JPEG", exif=exif)
    painter = canvas(redraw, "Inpaint")
    painter.find("input[type=file]").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": sideways.getvalue()}
    )
    painter.wait_for_size(320, 200)
    painter.set("size", 20)
    painter.drag(*STROKE)
    redraw.generate()
    assert redraw.request.init_image.size == (320, 200)
    assert_near(painted_box(received_mask(redraw)), STROKE_BOX)
