"""The first click on the built-in demo model, with nothing changed but picture and prompt."""

import os
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.helpers.driver import Driver

pytestmark = pytest.mark.browser

DOCS = Path(__file__).resolve().parents[2] / "docs"
LARGEST_SCREENSHOT = 150_000  # bytes
LOADING = 120_000  # milliseconds that importing PyTorch and the first run may take


def child_drawing() -> Image.Image:
    """A hill, a house and a sun, as a child would paint them."""
    picture = Image.new("RGB", (640, 480), "#9cc9ea")
    draw = ImageDraw.Draw(picture)
    draw.ellipse([470, 40, 570, 140], fill="#ffd84d")
    draw.ellipse([-120, 260, 420, 700], fill="#6fae4e")
    draw.ellipse([260, 300, 820, 760], fill="#4f9441")
    draw.rectangle([150, 200, 270, 310], fill="#e8d3a8")
    draw.polygon([(130, 200), (210, 130), (290, 200)], fill="#b0413e")
    draw.rectangle([195, 250, 230, 310], fill="#6b4a2f")
    return picture


def keep_screenshot(page: Page, name: str) -> None:
    """Write a small picture for the README; only when REDRAW_SCREENSHOTS is set."""
    if not os.environ.get("REDRAW_SCREENSHOTS"):
        return
    DOCS.mkdir(exist_ok=True)
    path = DOCS / f"{name}.png"
    page.set_viewport_size({"width": 1280, "height": 1200})
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".progress-bar")).to_have_css("width", "0px")
    page.screenshot(path=path)
    Image.open(path).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        path, optimize=True
    )
    assert path.stat().st_size < LARGEST_SCREENSHOT, f"{path} is too large for a README"


def test_the_first_click_gives_a_picture(first_day: Driver):
    first_day.upload_picture(child_drawing())
    first_day.prompt.fill("a house on a green hill under a blue sky, sunny")
    first_day.set_number("img2img_seed", 1)
    keep_screenshot(first_day.page, "screenshot_before")
    first_day.press_generate()
    expect(first_day.log).to_contain_text("Time taken", timeout=LOADING)
    expect(first_day.log.locator(".error")).to_have_count(0)
    expect(first_day.find("#img2img_gallery .preview img").first).to_be_visible()
    [saved] = first_day.saved()
    with Image.open(saved) as picture:
        size = first_day.running.context.catalog.find("").default_size
        assert picture.size == (size.width, size.height)
        assert "Model: demo" in picture.info["parameters"]
    expect(first_day.find("#img2img_token_counter")).not_to_have_text("")
    keep_screenshot(first_day.page, "screenshot_after")
