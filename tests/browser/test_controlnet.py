"""The ControlNet accordion in a browser: units, menus, pictures, maps, pasting."""

import re

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, expect

from pipelines.control.units import UnionType
from pipelines.imaging.chunks import png_bytes
from tests.helpers.control_page import MODELS, Unit, badge, install, open_accordion
from tests.helpers.driver import Driver
from tests.helpers.images import gradient

pytestmark = pytest.mark.browser

IDS = (
    "input_image",
    "generated_image",
    "mask_image",
    "batch_image_dir",
    "controlnet_enable_checkbox",
    "controlnet_low_vram_checkbox",
    "controlnet_pixel_perfect_checkbox",
    "controlnet_preprocessor_preview_checkbox",
    "controlnet_mask_upload_checkbox",
    "controlnet_same_img2img_checkbox",
    "controlnet_type_filter_radio",
    "controlnet_preprocessor_dropdown",
    "controlnet_trigger_preprocessor",
    "controlnet_model_dropdown",
    "controlnet_refresh_models",
    "controlnet_control_weight_slider",
    "controlnet_start_control_step_slider",
    "controlnet_ending_control_step_slider",
    "controlnet_preprocessor_resolution_slider",
    "controlnet_threshold_A_slider",
    "controlnet_threshold_B_slider",
    "controlnet_control_mode_radio",
    "controlnet_resize_mode_radio",
    "controlnet_automatically_send_generated_images_checkbox",
    "controlnet_open_new_canvas_button",
    "controlnet_webcam_enable",
    "controlnet_webcam_mirror",
    "controlnet_send_dimen_button",
)


def test_an_enabled_unit_goes_with_the_job_and_is_seen_on_the_titles(redraw: Driver, unit: Unit):
    assert badge(redraw) == "none"
    unit.ready()
    redraw.page.wait_for_function("() => document.body.dataset.controlUnits === '1'")
    assert badge(redraw) == '"1 unit"'
    redraw.set_number(f"{unit.prefix}controlnet_control_weight_slider", 0.6)
    redraw.generate()
    planned = unit.planned
    assert planned.model_title.startswith(MODELS[0])
    assert (planned.preprocessor.key, planned.resolution, planned.a, planned.b) == (
        "canny", 512, 100, 200,
    )  # fmt: skip
    assert (planned.unit.weight, planned.unit.union_type) == (0.6, UnionType.hard_edge)
    assert (planned.unit.images, planned.unit.independent) == ((), False)


def test_a_unit_that_cannot_run_says_so_and_nothing_is_lost(redraw: Driver, unit: Unit):
    unit.tick("enable")
    unit.choose("preprocessor", "canny")
    redraw.press_generate()
    redraw.refused("ControlNet Unit 0: no model is chosen")
    unit.ready()
    unit.tick("same_img2img")
    redraw.press_generate()
    redraw.refused("ControlNet Unit 0: there is no image")
    unit.shows("preprocessor", "canny")
    unit.tick("same_img2img", on=False)
    redraw.generate()


def test_the_ids_of_the_extension_are_there(redraw: Driver, unit: Unit):
    for tick in ("same_img2img", "mask_upload", "preprocessor_preview"):
        unit.tick(tick)
    assert unit.canvas.find(".canvas-view").count() == 1
    unit.find("input_tabs").get_by_role("tab", name="Batch").click()
    expect(unit.find("batch_image_dir")).to_be_visible()
    assert [name for name in IDS if unit.find(name).count() != 1] == []


def test_a_picture_that_is_opened_enables_its_unit_and_is_painted_on(redraw: Driver, unit: Unit):
    unit.ready()
    unit.tick("enable", on=False)
    unit.tick("same_img2img")
    canvas = unit.canvas
    unit.find("copy_source").click()
    canvas.wait_for_size(*gradient().size)
    expect(unit.find("controlnet_enable_checkbox", "input")).to_be_checked()
    canvas.open(Image.new("RGB", (64, 48), "white"))
    canvas.set("size", 10)
    canvas.drag((10, 24), (50, 24))
    unit.find("controlnet_send_dimen_button").click()
    expect(redraw.number("img2img_height")).to_have_value("64")  # as low as the slider goes
    redraw.generate()
    image = unit.planned.unit.images[0]
    assert [image.getpixel(place) for place in ((2, 2), (30, 24))] == [(255,) * 3, (0,) * 3]


def test_after_a_reload_the_closed_accordion_still_sends_its_pictures(redraw: Driver, unit: Unit):
    unit.ready()
    unit.tick("same_img2img")
    unit.canvas.open(gradient(80, 64))
    redraw.set_number(f"{unit.prefix}controlnet_threshold_A_slider", 50)
    redraw.page.evaluate("(id) => redraw.canvas.get(id).save()", unit.canvas.name)
    redraw.reload()
    assert badge(redraw) == '"1 unit"'
    redraw.generate()
    assert unit.planned.unit.images[0].size == (80, 64)
    assert unit.planned.a == 50
    open_accordion(redraw)
    unit.shows("preprocessor", "canny")
    unit.shows("model", MODELS[0])
    expect(unit.slider("threshold_A")).to_have_value("50")
    expect(unit.find("controlnet_threshold_A_slider")).to_contain_text("Low Threshold")
    expect(unit.find("controlnet_preprocessor_resolution_slider")).to_be_visible()


def test_pictures_of_multi_inputs_are_seen_and_are_there_after_a_reload(redraw: Driver, unit: Unit):
    unit.ready()
    unit.tick("same_img2img")
    unit.find("input_tabs").get_by_role("tab", name="Multi-Inputs").click()
    thumbnails = unit.find("multi_images", ".thumbnail-item img")
    files: list[FilePayload] = [
        {"name": f"{side}.png", "mimeType": "image/png", "buffer": png_bytes(gradient(side, 64))}
        for side in (64, 80)
    ]
    unit.find("multi_images", "input[type=file]").set_input_files(files)
    expect(thumbnails).to_have_count(2)
    redraw.generate()
    redraw.reload()
    redraw.generate()
    shown = [one.unit.images[0].size for one in redraw.running.painter.plans[-1].control]
    assert shown == [(64, 64), (80, 64)]
    open_accordion(redraw)
    expect(thumbnails).to_have_count(2)
    expect(unit.find("input_tabs").get_by_role("tab", name="Multi-Inputs")).to_have_attribute(
        "aria-selected", "true"
    )


def test_a_control_type_filters_menus_and_labels_sliders(redraw: Driver, unit: Unit):
    expect(unit.find("controlnet_threshold_A_slider")).to_be_hidden()
    unit.choose_type("Canny")
    unit.shows("preprocessor", "canny")
    expect(unit.find("controlnet_threshold_A_slider")).to_contain_text("Low Threshold")
    expect(unit.slider("threshold_B")).to_have_value("200")
    assert unit.entries("preprocessor")[:2] == ["none", "canny"]
    assert [entry.split(" [")[0] for entry in unit.entries("model")] == ["None", MODELS[0]]
    unit.tick("pixel_perfect")
    expect(unit.find("controlnet_preprocessor_resolution_slider")).to_be_hidden()
    unit.choose_type("Reference")
    expect(unit.find("controlnet_model_dropdown")).to_be_hidden()
    expect(unit.find("controlnet_threshold_A_slider")).to_contain_text("Style Fidelity")
    expect(unit.slider("threshold_A")).to_have_value("0.5")
    expect(unit.find("licence")).to_be_hidden()
    unit.choose_type("OpenPose")
    expect(unit.find("licence")).to_be_visible()


def test_the_webcams_picture_is_taken_with_a_click(redraw: Driver, unit: Unit):
    unit.tick("same_img2img")
    canvas = unit.canvas
    unit.find("controlnet_webcam_enable").click()
    expect(canvas.find(".canvas-error")).to_contain_text("does not let this page use the webcam")
    redraw.page.context.grant_permissions(["camera"])
    try:
        unit.find("controlnet_webcam_enable").click()
        view = canvas.find(".webcam")
        redraw.page.wait_for_function(
            "() => document.querySelector('.webcam video')?.videoWidth > 0"
        )
        expect(canvas.find(".canvas-error")).to_have_count(0)
        unit.find("controlnet_webcam_mirror").click()
        expect(view).to_contain_class("webcam-mirrored")
        sides: list[int] = view.locator("video").evaluate("(v) => [v.videoWidth, v.videoHeight]")
        view.click()
        canvas.wait_for_size(*sides)
        expect(view).to_have_count(0)
        unit.find("controlnet_webcam_enable").click()
        expect(view).to_be_visible()
        stream = view.locator("video").evaluate_handle("(video) => video.srcObject")
        view.press("Escape")
        expect(view).to_have_count(0)
        assert stream.evaluate("(stream) => stream.active") is False
    finally:
        redraw.page.context.clear_permissions()
    expect(unit.find("controlnet_enable_checkbox", "input")).to_be_checked()


def test_the_weight_plot_follows_what_spreads_the_weight(redraw: Driver, unit: Unit):
    plot = unit.find("controlnet_weight_plot")
    expect(plot).to_be_hidden()
    unit.choose_type("IP-Adapter")
    expect(plot).to_be_visible()
    assert weight_plot(unit, "16 layers, 1") == ["100"] * 16
    redraw.choose(f"{unit.prefix}controlnet_weight_type_dropdown", "style and composition")
    redraw.set_number(f"{unit.prefix}controlnet_control_weight_slider", 0.5)
    redraw.set_number(f"{unit.prefix}controlnet_composition_weight_slider", 2)
    heights = weight_plot(unit, "16 layers, 0 to 2")
    assert heights == ["25"] * 4 + ["25", "100"] + ["0"] * 3 + ["25"] * 7
    unit.find("controlnet_advanced_weighting", ":is(textarea, input)").fill("1, 0.4")
    assert weight_plot(unit, "2 layers, 0.4 to 1; the checkpoint has 16") == ["100", "40"]


def weight_plot(unit: Unit, about: str) -> list[str]:
    """The heights of the bars in percent, once the plot says this about them."""
    unit.redraw.page.wait_for_function(
        """([id, about]) => {
          const title = document.querySelector(`#${id} .cnet-plot > span`);
          return getComputedStyle(title, "::after").content === `" (${about})"`;
        }""",
        arg=[f"{unit.prefix}controlnet_weight_plot", about],
    )
    picture = unit.find("controlnet_weight_plot", ".cnet-plot-bars").evaluate(
        "(bars) => decodeURIComponent(getComputedStyle(bars).maskImage)"
    )
    return re.findall(r"v-([\d.]+)h", picture)


def test_the_tick_for_the_crop_belongs_to_only_masked(redraw: Driver, unit: Unit):
    crop = unit.find("controlnet_crop_input_image_checkbox")
    expect(crop).to_be_hidden()
    redraw.open_source("Inpaint")
    area = redraw.find("#img2img_inpaint_full_res")
    area.get_by_label("Only masked", exact=True).check()
    expect(crop).to_be_visible()
    expect(crop.locator("input")).to_be_checked()
    area.get_by_label("Whole picture", exact=True).check()
    expect(crop).to_be_hidden()


def test_refresh_finds_a_new_model_and_keeps_the_filter(redraw: Driver, unit: Unit):
    unit.ready()
    install(redraw, "my_canny", "my_depth")
    unit.find_models("my_canny")
    unit.shows("model", MODELS[0])
    names = [entry.split(" [")[0] for entry in unit.entries("model")]
    assert names == ["None", MODELS[0], "my_canny"]


def test_a_segmentation_map_is_painted_in_named_colours(redraw: Driver, unit: Unit):
    unit.choose_type("Segmentation")
    unit.choose("preprocessor", "none")
    unit.tick("same_img2img")
    canvas = unit.canvas
    canvas.open(Image.new("RGB", (64, 64), "black"))
    canvas.find("[data-action=palette]").click()
    canvas.find(".canvas-palette input").fill("sky")
    expect(canvas.find(".canvas-palette button:visible")).to_have_text(["sky", "skyscraper"])
    canvas.find(".canvas-palette input").press("Enter")
    canvas.set("size", 12)
    canvas.drag((10, 20), (50, 40))
    redraw.generate()
    colors = unit.planned.unit.images[0].getcolors()
    assert {color for _, color in colors or ()} == {(0, 0, 0), (6, 230, 230)}


def test_pasting_restores_units_and_opens_the_accordion(redraw: Driver, unit: Unit):
    unit.ready()
    redraw.set_number(f"{unit.prefix}controlnet_control_weight_slider", 0.6)
    redraw.set_number(f"{unit.prefix}controlnet_threshold_A_slider", 42)
    redraw.generate()
    text = redraw.infotext.inner_text()
    assert "ControlNet 0" in text
    redraw.forget()
    redraw.open()
    assert badge(redraw) == "none"
    redraw.prompt.fill(text)
    redraw.find("#paste").click()
    expect(redraw.find("#img2img_controlnet_tabs")).to_be_visible()
    assert badge(redraw) == '"1 unit"'
    unit.shows("preprocessor", "canny")
    unit.shows("model", MODELS[0])
    expect(unit.slider("control_weight")).to_have_value("0.6")
    expect(unit.slider("threshold_A")).to_have_value("42")
    expect(unit.find("controlnet_threshold_A_slider")).to_contain_text("Low Threshold")


def test_a_result_gives_its_unit_its_picture_back(redraw: Driver, unit: Unit):
    unit.ready()
    unit.tick("same_img2img")
    unit.canvas.open(gradient(80, 64))
    redraw.generate()
    (file,) = redraw.saved()
    redraw.forget()
    redraw.open()
    redraw.drop("#img2img_prompt textarea", file.read_bytes(), file.name)
    expect(redraw.find("#img2img_controlnet_tabs")).to_be_visible()
    unit.canvas.wait_for_size(80, 64)
    expect(unit.find("controlnet_same_img2img_checkbox", "input")).to_be_checked()


def test_a_phone_shows_all_of_a_unit(redraw: Driver, unit: Unit):
    redraw.page.set_viewport_size({"width": 390, "height": 844})
    unit.ready()
    for tick in ("same_img2img", "mask_upload", "preprocessor_preview"):
        unit.tick(tick)
    assert unit.canvas.find(".canvas-view").count() == 1
    wide, window = redraw.page.evaluate(
        "() => [document.documentElement.scrollWidth, window.innerWidth]"
    )
    assert wide <= window


def test_a_picture_is_pasted_where_the_job_begins_and_not_on_a_unit(redraw: Driver, unit: Unit):
    unit.tick("same_img2img")
    assert unit.canvas.find(".canvas-view").count() == 1
    redraw.page.mouse.move(5, 5)
    redraw.paste_picture(gradient(96, 64))
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_image img')?.naturalWidth === 96"
    )
    assert unit.canvas.state("state") is None
