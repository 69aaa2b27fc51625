"""When drawings travel to the server, and what they survive."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.helpers.canvas_page import (
    HEIGHT,
    WIDTH,
    Received,
    Studio,
    assert_near,
    box,
    serve_canvases,
)
from tests.helpers.images import assert_same_picture, gradient, noise, plain

pytestmark = pytest.mark.browser


def test_only_the_canvas_in_front_is_sent(studio: Studio):
    studio.sketch.open(gradient(100, 80))
    mask = studio.mask
    mask.open(gradient(60, 50))
    mask.drag((10, 10), (40, 40))
    assert mask.take().picture.size == (60, 50)
    assert studio.received.paintings["sketch"] == [None]
    studio.open_tab("Sketch")
    assert studio.sketch.take().picture.size == (100, 80)
    assert studio.received.paintings["mask"][-1] is None


def test_nothing_is_uploaded_twice_and_nothing_by_an_unrelated_button(studio: Studio):
    uploads: list[str] = []
    studio.page.on(
        "request", lambda request: uploads.append(request.url) if "/upload" in request.url else None
    )
    sketch = studio.sketch
    sketch.open(gradient(WIDTH, HEIGHT))
    assert len(uploads) == 1
    sketch.drag((100, 100), (300, 200))
    studio.page.locator("#unrelated").click()
    expect(studio.page.locator("#answer textarea")).to_have_value("unrelated 1")
    assert len(uploads) == 1
    sketch.take()
    assert len(uploads) == 2
    sketch.take()
    assert len(uploads) == 2


def test_the_last_stroke_is_sent_even_while_the_button_is_down(studio: Studio):
    mask = studio.mask
    mask.open(plain(width=WIDTH, height=HEIGHT))
    mask.set("size", 20)
    studio.page.mouse.move(*mask.client(100, 100))
    studio.page.mouse.down()
    studio.page.mouse.move(*mask.client(300, 100))
    studio.page.evaluate("document.querySelector('#generate').click()")
    expect(studio.page.locator("#answer textarea")).to_have_value("1")
    studio.page.mouse.up()
    painting = studio.received.paintings["mask"][-1]
    assert painting is not None
    assert_near(box(painting.drawing), (90, 90, 310, 110))


def test_the_drawing_survives_tabs_and_runs(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    mask.drag((100, 100), (300, 200))
    first = mask.take().drawing
    studio.open_tab("Sketch")
    studio.open_tab("Other")
    assert_same_picture(studio.mask.take().drawing, first)


def test_the_drawing_survives_a_reload(studio: Studio):
    sketch = studio.sketch
    sketch.open(gradient(WIDTH, HEIGHT))
    sketch.drag((100, 100), (300, 200))
    first = sketch.take()
    sketch.state("save()")
    studio.load()
    sketch.wait_for_size(WIDTH, HEIGHT)
    again = sketch.take()
    assert_same_picture(again.drawing, first.drawing)
    assert_same_picture(again.picture, first.picture)


def test_a_stroke_survives_a_reload_that_follows_at_once(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    mask.state("save()")
    mask.drag((100, 100), (300, 200))
    studio.load()
    mask = studio.mask
    mask.wait_for_size(WIDTH, HEIGHT)
    assert mask.take().is_drawn


def test_a_save_that_falls_due_in_the_middle_of_a_stroke_waits_for_all_of_it(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    mask.set("size", 20)
    studio.page.mouse.move(*mask.client(20, 100))
    studio.page.mouse.down()
    studio.page.mouse.move(*mask.client(60, 100))
    studio.page.evaluate(
        """() => {
            const [real, due] = [window.setTimeout, []];
            window.setTimeout = (call) => due.push(call);
            redraw.canvas.get("mask").saveSoon();
            window.setTimeout = real;
            for (const call of due) call();
        }"""
    )
    studio.page.mouse.move(*mask.client(200, 100))
    studio.page.mouse.up()
    mask.state("save()")
    studio.load()
    mask = studio.mask
    mask.wait_for_size(WIDTH, HEIGHT)
    assert_near(box(mask.take().drawing), (10, 90, 210, 110))


def test_the_drawing_survives_a_cleaned_cache(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    mask.drag((100, 100), (300, 200))
    first = mask.take().drawing
    cache = Path(os.environ["GRADIO_TEMP_DIR"])
    for file in [*cache.rglob("*.png"), *cache.rglob("*.jpg")]:
        file.unlink()
    assert_same_picture(mask.take().drawing, first)


def test_the_drawing_survives_a_restart_of_the_server(
    shared_tab: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    received = Received()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "first"))
    with serve_canvases(tmp_path, received) as address:
        studio = Studio(shared_tab, address, received)
        studio.forget()
        studio.load()
        studio.sketch.open(gradient(WIDTH, HEIGHT))
        studio.sketch.drag((100, 100), (300, 200))
        first = studio.sketch.take().drawing
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "second"))
    with serve_canvases(tmp_path, received, port=int(address.rsplit(":", 1)[1])):
        assert_same_picture(studio.sketch.take().drawing, first)
    shared_tab.goto("about:blank")


def test_an_upload_that_fails_is_told_and_can_be_tried_again(studio: Studio):
    mask = studio.mask
    mask.open(gradient(WIDTH, HEIGHT))
    mask.drag((100, 100), (300, 200))
    studio.page.route("**/upload", lambda route: route.abort())
    studio.page.locator("#generate").click()
    expect(mask.find(".canvas-info")).to_contain_text("the server cannot be reached")
    assert studio.received.paintings["mask"] == []
    studio.page.unroute("**/upload")
    assert mask.take().is_drawn


def test_two_tabs_keep_a_drawing_each(studio: Studio):
    studio.sketch.open(gradient(WIDTH, HEIGHT))
    studio.sketch.drag((100, 100), (300, 100))
    studio.sketch.state("save()")
    other = Studio(studio.page.context.new_page(), studio.address, studio.received)
    other.load()
    other.sketch.wait_for_size(WIDTH, HEIGHT)  # begins with what was painted last
    other.sketch.open(gradient(80, 60))
    other.sketch.state("save()")
    studio.load()
    studio.sketch.wait_for_size(WIDTH, HEIGHT)
    assert_near(studio.sketch.take().drawing.getbbox(), (86, 86, 314, 114), tolerance=2)
    other.load()
    other.sketch.wait_for_size(80, 60)
    other.page.close()


def test_python_can_put_a_picture_and_a_mask_on_a_canvas(studio: Studio, tmp_path: Path):
    picture, mask = tmp_path / "picture.png", tmp_path / "mask.png"
    drawn = noise(WIDTH, HEIGHT, channels=1)
    gradient(WIDTH, HEIGHT).save(picture)
    drawn.save(mask)
    studio.received.restored = [picture, mask]
    canvas = studio.mask
    canvas.open(plain(width=50, height=40))
    for _ in range(2):  # the same files again are put on again
        studio.page.locator("#restore").click()
        canvas.wait_for_size(WIDTH, HEIGHT)
        taken = canvas.take()
        assert_same_picture(taken.picture, gradient(WIDTH, HEIGHT))
        assert_same_picture(taken.drawing, drawn)
        canvas.button("undo").click()
        canvas.wait_for_size(50, 40)
