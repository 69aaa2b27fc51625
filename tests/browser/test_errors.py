"""Bad input gets one sentence, loses nothing, and the next job works."""

import io

import pytest
from PIL import Image
from playwright.sync_api import expect

from pipelines.errors import ModelBroken
from tests.helpers.driver import Driver, png_bytes
from tests.helpers.images import gradient, noise

pytestmark = pytest.mark.browser


def test_no_picture(redraw: Driver):
    redraw.prompt.fill("a cat")
    redraw.press_generate()
    redraw.refused("There is no picture to start from")
    expect(redraw.log).to_be_in_viewport(ratio=1)
    expect(redraw.prompt).to_have_value("a cat")
    redraw.upload_picture(gradient())
    redraw.generate()


def test_files_that_are_no_pictures(redraw: Driver):
    redraw.upload(b"just some text, whatever its name says")
    redraw.press_generate()
    redraw.refused("picture.png")
    redraw.remove_picture()
    redraw.upload(png_bytes(noise(64, 64))[:2000], "cut.png")
    redraw.press_generate()
    redraw.refused("cut.png")
    redraw.remove_picture()
    redraw.upload_picture(gradient())
    redraw.generate()


def test_a_picture_over_the_limit(redraw: Driver):
    redraw.running.context.settings.change({"max_picture_megapixels": 1.0})
    redraw.upload_picture(Image.new("1", (1200, 1000)))
    redraw.press_generate()
    redraw.refused("1200x1000")


def test_fields_that_make_no_request(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.set_number("img2img_width", 333)
    redraw.press_generate()
    redraw.refused("Width must be a multiple of 8, got 333; the nearest are 328 and 336.")
    expect(redraw.number("img2img_width")).to_have_value("333")
    redraw.set_number("img2img_width", 64)
    redraw.set_number("img2img_seed", "")
    redraw.press_generate()
    redraw.refused("Seed is empty; type a number.")
    redraw.set_number("img2img_seed", "5")
    redraw.generate()


def test_numbers_outside_a_slider_are_not_moved_into_it(redraw: Driver):
    redraw.upload_picture(gradient())
    redraw.set_number("img2img_steps", 0)
    redraw.press_generate()
    redraw.refused("Sampling steps must lie between 1 and 1000, got 0.")
    expect(redraw.number("img2img_steps")).to_have_value("0")
    redraw.set_number("img2img_steps", "")
    redraw.press_generate()
    redraw.refused("Sampling steps is empty; type a number.")
    redraw.set_number("img2img_steps", 20)
    redraw.set_number("img2img_width", 2056)  # more than the slider reaches
    redraw.set_number("img2img_height", 64)
    redraw.generate()
    assert redraw.running.painter.plans[-1].size.width == 2056


def test_pictures_of_unusual_kinds_work(redraw: Driver):
    redraw.upload_picture(gradient().convert("P"))
    redraw.generate()
    redraw.remove_picture()
    sideways = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    gradient(96, 64).save(sideways, "JPEG", exif=exif)
    redraw.upload(sideways.getvalue(), "photo.jpg")
    redraw.press_generate()
    expect(redraw.find("#img2img_history button")).to_have_count(2)
    assert redraw.running.painter.plans[-1].request.init_image.size == (64, 96)


def test_a_job_that_fails_says_why_and_the_next_one_works(
    redraw: Driver, monkeypatch: pytest.MonkeyPatch
):
    redraw.upload_picture(gradient())
    redraw.running.painter.failures = [ModelBroken("Model demo has no file called <unet>.")]
    redraw.press_generate()
    redraw.refused("Model demo has no file called <unet>.")
    redraw.generate()


def test_a_picture_that_was_swept_from_the_server(redraw: Driver):
    redraw.upload_picture(gradient())
    for upload in (redraw.running.context.data_dir / "cache" / "gradio").rglob("*.png"):
        upload.unlink()
    redraw.press_generate()
    redraw.refused("no longer on the server")
    redraw.upload_picture(gradient(80, 64))
    redraw.generate()


def test_a_picture_that_cannot_be_saved_is_shown_all_the_same(redraw: Driver):
    in_the_way = redraw.running.context.outputs / "img2img-images"
    in_the_way.write_bytes(b"a file where the folder should be")
    redraw.upload_picture(gradient())
    redraw.generate()
    note = redraw.log.locator(".note")
    expect(note).to_contain_text("could not be saved")
    expect(note).to_be_in_viewport(ratio=1)
    expect(redraw.find("#img2img_gallery img").first).to_be_attached()
    in_the_way.unlink()
    redraw.press_generate()
    expect(note).to_have_count(0)
    assert len(redraw.saved()) == 1
