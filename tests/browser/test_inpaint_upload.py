"""The Inpaint upload tab: picture and mask are files."""

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.helpers.driver import Driver, png_bytes
from tests.helpers.images import assert_same_picture, gradient

pytestmark = pytest.mark.browser

BASE, MASK = "img_inpaint_base", "img_inpaint_mask"


def half_mask(width: int = 96, height: int = 64) -> Image.Image:
    """White on the left half."""
    mask = Image.new("L", (width, height))
    mask.paste(255, (0, 0, width // 2, height))
    return mask


def test_a_mask_from_a_file(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.upload(png_bytes(gradient(96, 64)), "base.png", BASE)
    redraw.upload(png_bytes(half_mask()), "mask.png", MASK)
    redraw.generate()
    assert redraw.request.inpaint is not None
    assert_same_picture(redraw.request.init_image, gradient(96, 64))
    assert_same_picture(redraw.request.inpaint.mask, half_mask())


def test_a_mask_of_another_size_is_fitted_and_it_is_said(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.upload(png_bytes(gradient(96, 64)), "base.png", BASE)
    redraw.upload(png_bytes(half_mask(48, 48)), "mask.png", MASK)
    redraw.generate()
    expect(redraw.log).to_contain_text("The mask is 48x48 and the picture 96x64")


def test_what_is_missing_or_no_picture_is_said(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.press_generate()
    redraw.refused("There is no picture to inpaint; drop one on the Inpaint upload tab.")
    redraw.upload(png_bytes(gradient(96, 64)), "base.png", BASE)
    redraw.press_generate()
    redraw.refused("There is no mask; drop one on the field called Mask.")
    redraw.upload(b"no picture, whatever its name says", "mask.png", MASK)
    redraw.press_generate()
    redraw.refused("mask.png is a text file, not a picture")
    redraw.remove_picture(MASK)
    redraw.upload(png_bytes(Image.new("L", (96, 64))), "black.png", MASK)
    redraw.press_generate()
    redraw.refused("The mask is empty")
    expect(redraw.find(f"#{BASE} img")).to_be_visible()


def test_a_white_mask_repaints_everything(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.upload(png_bytes(gradient(96, 64)), "base.png", BASE)
    redraw.upload(png_bytes(Image.new("L", (96, 64), 255)), "white.png", MASK)
    redraw.generate()
    redraw.page.get_by_label("Inpaint not masked", exact=True).check()
    redraw.press_generate()
    redraw.refused("Inpaint not masked leaves nothing to repaint")


def test_files_are_dropped_and_pasted_where_they_belong(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.paste_picture(gradient(96, 64))
    expect(redraw.find(f"#{BASE} img")).to_be_visible()
    redraw.paste_picture(half_mask())
    expect(redraw.find(f"#{MASK} img")).to_be_visible()
    redraw.drop(f"#{BASE}", png_bytes(gradient(80, 64)), "other.png")
    redraw.page.wait_for_function(
        "() => document.querySelector('#img_inpaint_base img')?.naturalWidth === 80"
    )
    redraw.generate()
    assert redraw.request.init_image.size == (80, 64)


def test_both_files_survive_a_reload(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.upload(png_bytes(gradient(96, 64)), "base.png", BASE)
    redraw.upload(png_bytes(half_mask()), "mask.png", MASK)
    redraw.reload()
    expect(redraw.find(f"#{MASK} img")).to_be_visible()
    redraw.generate()
    assert redraw.request.inpaint is not None
    assert_same_picture(redraw.request.inpaint.mask, half_mask())


def test_sizes_are_the_pictures_and_not_the_masks(redraw: Driver):
    redraw.open_source("Inpaint upload")
    redraw.upload(png_bytes(half_mask(48, 48)), "mask.png", MASK)
    redraw.upload(png_bytes(gradient(96, 64)), "base.png", BASE)
    redraw.find("#img2img_detect_image_size_btn").click()
    expect(redraw.number("img2img_width")).to_have_value("96")
    expect(redraw.number("img2img_height")).to_have_value("64")
