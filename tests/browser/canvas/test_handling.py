"""Handling the canvas: keys, zoom, touch and pen, files from everywhere, selecting, copying."""

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.helpers.canvas_page import (
    HEIGHT,
    WIDTH,
    Painter,
    Studio,
    alpha,
    assert_near,
    box,
)
from tests.helpers.driver import png_bytes
from tests.helpers.images import assert_same_picture, gradient, plain

pytestmark = pytest.mark.browser

HAND_OVER = """([selector, kind, data, name]) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    transfer.items.add(new File([bytes], name, { type: "image/png" }));
    const init = { bubbles: true, cancelable: true };
    const event = kind === "drop"
        ? new DragEvent("drop", { ...init, dataTransfer: transfer })
        : new ClipboardEvent("paste", { ...init, clipboardData: transfer });
    document.querySelector(selector).dispatchEvent(event);
}"""

POINT = """([selector, kind, id, type, x, y, pressure]) => {
    const target = document.querySelector(selector);
    target.setPointerCapture = () => {};
    target.dispatchEvent(new PointerEvent(kind, {
        bubbles: true, cancelable: true, pointerId: id, pointerType: type, button: 0,
        buttons: kind === "pointerup" ? 0 : 1, clientX: x, clientY: y, pressure,
    }));
}"""


def hand_over(page: Page, selector: str, kind: str, image: Image.Image) -> None:
    """Drop a picture on an element, or paste it there."""
    data = base64.b64encode(png_bytes(image)).decode()
    page.evaluate(HAND_OVER, [selector, kind, data, "moved.png"])


def point(canvas: Painter, kind: str, place: Sequence[float], **event: Any) -> None:
    """A pen or a finger that goes down, moves or is lifted."""
    values = {"id": 1, "type": "touch", "pressure": 0.5, **event}
    where = [values["id"], values["type"], *canvas.client(*place), values["pressure"]]
    canvas.page.evaluate(POINT, [f"#{canvas.name} .canvas-view", f"pointer{kind}", *where])


def zoom_of(canvas: Painter) -> float:
    """Screen pixels per pixel of the picture."""
    return canvas.state("view.scale")


def test_dropping_and_pasting_open_a_picture(studio: Studio):
    hand_over(studio.page, "#sketch .canvas-view", "drop", gradient(70, 60))
    studio.sketch.wait_for_size(70, 60)
    hand_over(studio.page, "body", "paste", gradient(90, 50))
    studio.sketch.wait_for_size(90, 50)
    assert_same_picture(studio.sketch.take().picture, gradient(90, 50))


def test_a_picture_of_the_page_can_be_dragged_in(studio: Studio):
    studio.sketch.open(gradient(70, 60))
    url = studio.page.evaluate(
        "async () => (await redraw.canvas.get('sketch').state.upload.ready()).url"
    )
    mask = studio.mask
    studio.page.evaluate(
        """(url) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.setData("text/uri-list", new URL(url, location.href).href);
            document.querySelector("#mask .canvas-view").dispatchEvent(
                new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer })
            );
        }""",
        url,
    )
    mask.wait_for_size(70, 60)


def test_a_file_that_is_no_picture_is_refused_in_words_that_move_nothing(studio: Studio):
    bar = studio.sketch.find(".canvas-bar-bottom")
    before = bar.bounding_box()
    studio.sketch.find("input[type=file]").set_input_files(
        {"name": "notes.png", "mimeType": "image/png", "buffer": b"not a picture"}
    )
    expect(studio.sketch.find(".canvas-info")).to_have_text(
        "notes.png is not a picture that this browser can show."
    )
    assert bar.bounding_box() == before


def test_shift_and_the_wheel_zoom_at_the_pointer(studio: Studio):
    sketch = studio.sketch
    sketch.open(gradient(WIDTH, HEIGHT))
    before, place = zoom_of(sketch), sketch.client(500, 300)
    studio.page.mouse.move(*place)
    studio.page.keyboard.down("Shift")
    studio.page.mouse.wheel(0, -100)
    studio.page.keyboard.up("Shift")
    studio.page.wait_for_function(
        "(before) => redraw.canvas.get('sketch').view.scale > before", arg=before
    )
    assert_near(sketch.client(500, 300), place)
    studio.page.keyboard.press("r")
    assert zoom_of(sketch) == pytest.approx(before)
    studio.page.keyboard.press("1")
    assert zoom_of(sketch) == pytest.approx(1)


def test_ctrl_and_the_wheel_change_the_brush(studio: Studio):
    sketch = studio.sketch
    sketch.open(gradient(WIDTH, HEIGHT))
    sketch.set("size", 50)
    studio.page.mouse.move(*sketch.client(300, 200))
    studio.page.keyboard.down("Control")
    studio.page.mouse.wheel(0, -100)
    studio.page.keyboard.up("Control")
    expect(sketch.find("[data-number=size]")).to_have_value("60")
    studio.page.keyboard.press("[")
    expect(sketch.find("[data-number=size]")).to_have_value("52")


def test_space_moves_the_view_and_paints_nothing(studio: Studio):
    sketch = studio.sketch
    sketch.open(gradient(WIDTH, HEIGHT))
    before = sketch.client(0, 0)
    studio.page.mouse.move(*sketch.client(300, 200))
    studio.page.keyboard.down(" ")
    sketch.drag((300, 200), (350, 230))
    studio.page.keyboard.up(" ")
    scale = zoom_of(sketch)
    moved = (before[0] + 50 * scale, before[1] + 30 * scale)
    assert_near(sketch.client(0, 0), moved)
    assert sketch.state("drawing.blank")


def test_keys_choose_tools_but_not_while_typing(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    studio.page.mouse.move(*mask.client(300, 200))
    for key, tool in {"e": "eraser", "u": "rectangle", "m": "wand", "b": "brush"}.items():
        studio.page.keyboard.press(key)
        assert mask.state("tool") == tool
    studio.page.keyboard.press("i")  # a mask has no colours to pick
    assert mask.state("tool") == "brush"
    mask.drag((100, 100), (200, 100))
    mask.find("[data-number=size]").focus()
    studio.page.keyboard.press("e")
    studio.page.keyboard.press("Delete")
    assert mask.state("tool") == "brush"
    assert not mask.state("drawing.blank")


def test_fullscreen_fills_the_window_and_escape_leaves_it(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    studio.page.mouse.move(*mask.client(300, 200))
    studio.page.keyboard.press("s")
    size = mask.find(".canvas").bounding_box()
    assert size is not None
    assert (size["x"], size["y"], size["width"], size["height"]) == (0, 0, 1280, 800)
    mask.set("size", 20)
    mask.drag((100, 100), (300, 100))
    studio.page.keyboard.press("Escape")
    assert not mask.state("isFull")
    assert_near(box(mask.take().drawing), (90, 90, 310, 110))


def test_help_lists_the_keys_and_closes_again(studio: Studio):
    sketch = studio.sketch
    sketch.button("help").click()
    expect(sketch.find(".canvas-help")).to_contain_text("Ctrl+Z")
    studio.page.keyboard.press("Escape")
    expect(sketch.find(".canvas-help")).to_be_hidden()


def test_every_button_and_field_has_a_name(studio: Studio):
    studio.mask.open(gradient(60, 50))
    unnamed = studio.page.evaluate(
        """() => [...document.querySelectorAll(".canvas button, .canvas input")]
            .filter((one) => !one.hidden && !one.ariaLabel && !one.textContent.trim()
                && !one.closest("label")?.textContent.trim())
            .map((one) => one.outerHTML)"""
    )
    assert unnamed == []


def test_bars_keep_their_height_whatever_the_tool(studio: Studio):
    for width in (1280, 390):
        studio.page.set_viewport_size({"width": width, "height": 800})
        heights = set()
        for tool in ("brush", "eraser", "rectangle", "bucket", "picker", "hand"):
            studio.sketch.choose(tool)
            size = studio.sketch.find(".canvas").bounding_box()
            assert size is not None
            assert size["width"] <= width
            heights.add(size["height"])
        assert len(heights) == 1, f"at {width} px"


def test_a_finger_paints(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 20)
    point(mask, "down", (100, 100))
    point(mask, "move", (300, 100))
    point(mask, "up", (300, 100))
    assert_near(box(mask.take().drawing), (90, 90, 310, 110))


def test_two_fingers_zoom_and_leave_no_paint(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    before = zoom_of(mask)
    point(mask, "down", (250, 200))
    point(mask, "move", (255, 200))
    point(mask, "down", (350, 200), id=2)
    point(mask, "move", (450, 200), id=2)
    point(mask, "up", (450, 200), id=2)
    point(mask, "up", (255, 200))
    assert zoom_of(mask) > 1.5 * before
    assert mask.state("drawing.blank")
    assert not mask.take().is_drawn


def test_a_pens_pressure_is_its_width(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 40)
    point(mask, "down", (100, 200), type="pen", pressure=0.25)
    point(mask, "move", (500, 200), type="pen", pressure=1.0)
    point(mask, "up", (500, 200), type="pen", pressure=0)
    strength = alpha(mask.take().drawing)
    across = (strength >= 128).sum(0)
    assert abs(across[100] - 10) <= 2
    assert abs(across[300] - 25) <= 2
    assert abs(across[499] - 40) <= 2


def test_a_finger_beside_a_pen_only_moves_the_view(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    point(mask, "down", (100, 200), type="pen")
    point(mask, "up", (100, 200), type="pen", pressure=0)
    point(mask, "down", (300, 200))
    point(mask, "move", (400, 250))
    point(mask, "up", (400, 250))
    assert box(mask.take().drawing)[2] < 150


def test_a_click_selects_by_colour(studio: Studio):
    picture = gradient(WIDTH, HEIGHT)
    picture.paste("#123456", (100, 100, 200, 180))
    picture.paste("#123456", (400, 100, 500, 180))
    mask = studio.mask
    mask.open(picture)
    mask.choose("wand")
    mask.click(150, 140)
    studio.page.wait_for_function("!redraw.canvas.get('mask').drawing.blank")
    assert mask.take().drawing.getbbox() == (100, 100, 200, 180)
    mask.find("[data-toggle=connected]").click()
    mask.click(150, 140)
    studio.page.wait_for_function("redraw.canvas.get('mask').history.done.length === 3")
    assert mask.take().drawing.getbbox() == (100, 100, 500, 180)
    mask.button("undo").click()
    assert mask.take().drawing.getbbox() == (100, 100, 200, 180)


def test_a_rough_rectangle_selects_the_object_in_it(studio: Studio):
    picture = plain("#3a7d44", WIDTH, HEIGHT)
    ImageDraw.Draw(picture).ellipse((200, 100, 350, 250), fill="#c1121f")
    spread = np.random.default_rng(0).integers(-6, 7, (HEIGHT, WIDTH, 3))
    pixels = np.clip(np.asarray(picture).astype(int) + spread, 0, 255).astype(np.uint8)
    mask = studio.mask
    mask.open(Image.fromarray(pixels))
    mask.choose("cutout")
    mask.drag((180, 80), (370, 270))
    studio.page.wait_for_function("!redraw.canvas.get('mask').drawing.blank")
    assert_near(box(mask.take().drawing), (200, 100, 351, 251), tolerance=2)


def test_a_selection_that_cannot_be_made_is_told(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.choose("cutout")
    mask.drag((180, 80), (370, 270))
    expect(mask.find(".canvas-info")).to_contain_text("No object stands out")


def test_a_sketch_is_copied_with_or_without_its_drawing(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain("#000000", WIDTH, HEIGHT))
    sketch.drag((100, 100), (300, 100))
    studio.page.evaluate("redraw.canvas.copy('sketch', 'mask', {mode: 'mask', drawing: true})")
    mask = studio.mask  # its tab was never open before
    mask.wait_for_size(WIDTH, HEIGHT)
    taken = mask.take()
    assert taken.picture.convert("RGB").getpixel((200, 100)) == (0xE4, 0x57, 0x2E)
    assert not taken.is_drawn
    mask.drag((50, 50), (60, 60))
    studio.page.evaluate("redraw.canvas.copy('sketch', 'mask')")
    studio.page.wait_for_function("redraw.canvas.get('mask').drawing.blank")
    assert mask.take().picture.convert("RGB").getpixel((200, 100)) == (0, 0, 0)
    mask.button("undo").click()
    taken = mask.take()
    assert taken.picture.convert("RGB").getpixel((200, 100)) == (0xE4, 0x57, 0x2E)
    assert taken.drawing.getpixel((55, 55)) == 255


def test_a_picture_and_its_drawing_can_be_put_on_a_canvas(studio: Studio):
    drawing = Image.new("L", (80, 60), 0)
    drawing.paste(200, (10, 10, 30, 20))
    urls = [
        "data:image/png;base64," + base64.b64encode(png_bytes(one)).decode()
        for one in (gradient(80, 60), drawing)
    ]
    mask = studio.mask
    studio.page.wait_for_selector("#mask .canvas-view")
    studio.page.evaluate(
        "([picture, drawing]) => redraw.canvas.put('mask', picture, { drawing })", urls
    )
    mask.wait_for_size(80, 60)
    taken = mask.take()
    assert_same_picture(taken.picture, gradient(80, 60))
    assert_same_picture(taken.drawing, drawing)


def test_painting_into_the_picture_gives_a_flat_file(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain("#000000", WIDTH, HEIGHT), "night.png")
    sketch.set("opacity", 50)
    sketch.find("[data-field=color]").fill("#ffffff")
    sketch.drag((100, 100), (300, 100))
    name, value = studio.page.evaluate(
        """async () => {
            const file = await redraw.canvas.picture("sketch", { drawing: true });
            const bitmap = await createImageBitmap(file);
            const context = new OffscreenCanvas(640, 400).getContext("2d");
            context.drawImage(bitmap, 0, 0);
            return [file.name, context.getImageData(200, 100, 1, 1).data[0]];
        }"""
    )
    assert name == "night.png"
    assert abs(value - 128) <= 1
