"""What stands where: ids that scripts rely on, a phone, themes, and remembering the form."""

import pytest
from playwright.sync_api import expect

from tests.helpers.driver import Driver
from tests.helpers.images import gradient

pytestmark = pytest.mark.browser

IDS = (
    "setting_sd_model_checkpoint",
    "refresh_sd_model_checkpoint",
    "setting_sd_vae",
    "refresh_sd_vae",
    "img2img_prompt",
    "img2img_neg_prompt",
    "img2img_token_counter",
    "img2img_negative_token_counter",
    "img2img_generate",
    "img2img_interrupt",
    "img2img_skip",
    "paste",
    "img2img_styles",
    "img2img_style_apply",
    "mode_img2img",
    "img2img_image",
    "img2img_mask_blur",
    "img2img_mask_alpha",
    "img2img_mask_mode",
    "img2img_inpainting_fill",
    "img2img_inpaint_full_res",
    "img2img_inpaint_full_res_padding",
    "soft_inpainting_enabled",
    "resize_mode",
    "img2img_sampling",
    "img2img_scheduler",
    "img2img_steps",
    "img2img_enable",
    "img2img_checkpoint",
    "img2img_switch_at",
    "img2img_tabs_resize",
    "img2img_width",
    "img2img_height",
    "img2img_res_switch_btn",
    "img2img_detect_image_size_btn",
    "img2img_batch_count",
    "img2img_batch_size",
    "img2img_cfg_scale",
    "img2img_denoising_strength",
    "img2img_seed",
    "img2img_random_seed",
    "img2img_reuse_seed",
    "img2img_subseed_show",
    "img2img_subseed",
    "img2img_subseed_strength",
    "img2img_seed_resize_from_w",
    "img2img_seed_resize_from_h",
    "img2img_override_settings",
    "img2img_gallery",
    "html_info_img2img",
    "html_log_img2img",
)
WIDTHS = "() => [document.documentElement.scrollWidth, window.innerWidth]"


def test_the_ids_of_a1111_are_there(redraw: Driver):
    missing = [name for name in IDS if redraw.find(f"#{name}").count() != 1]
    assert missing == []


def test_only_tabs_that_work_are_shown(redraw: Driver):
    names = redraw.find("#tabs > .tab-wrapper [role=tab]").all_inner_texts()
    assert names == ["img2img", "PNG Info", "Models", "Settings"]


def test_a_phone_has_one_column_and_generate_within_reach(redraw: Driver):
    redraw.page.set_viewport_size({"width": 390, "height": 844})
    redraw.upload_picture(gradient())
    wide, window = redraw.page.evaluate(WIDTHS)
    assert wide <= window
    expect(redraw.find("#img2img_generate")).to_be_in_viewport()
    redraw.generate()
    redraw.page.evaluate("scrollTo(0, document.body.scrollHeight)")
    expect(redraw.find("#img2img_generate")).to_be_in_viewport()
    for tab in ("PNG Info", "Models", "Settings"):
        redraw.open_tab(tab)
        wide, window = redraw.page.evaluate(WIDTHS)
        assert wide <= window, tab


def test_the_theme_follows_the_address_and_the_toggle(redraw: Driver):
    redraw.open("?__theme=dark")
    expect(redraw.find("body.dark")).to_be_attached()
    redraw.open("?__theme=light")
    expect(redraw.find("body.dark")).to_have_count(0)
    redraw.find("#theme_toggle").click()
    expect(redraw.find("body.dark")).to_be_attached()
    redraw.open()
    expect(redraw.find("body.dark")).to_be_attached()


def test_the_form_survives_a_reload(redraw: Driver):
    redraw.prompt.fill("remember me")
    redraw.set_number("img2img_steps", 33)
    redraw.find("#img2img_subseed_show input").check()
    redraw.choose("img2img_sampling", "Euler")
    redraw.upload_picture(gradient(80, 64))
    redraw.reload()
    expect(redraw.prompt).to_have_value("remember me")
    expect(redraw.number("img2img_steps")).to_have_value("33")
    expect(redraw.find("#img2img_subseed_show input")).to_be_checked()
    expect(redraw.find("#img2img_sampling input")).to_have_value("Euler")
    redraw.page.wait_for_function(
        "() => document.querySelector('#img2img_image img')?.naturalWidth === 80"
    )
    redraw.generate()


def test_nothing_is_asked_of_the_network_beyond_the_server(redraw: Driver):
    asked: list[str] = []
    redraw.page.on("request", lambda request: asked.append(request.url))
    redraw.reload()
    foreign = [
        url for url in asked if not url.startswith((redraw.running.address, "data:", "blob:"))
    ]
    assert foreign == []
