"""A page with two canvases on tabs behind the project's own server, and how tests handle it."""

import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from pipelines.errors import UserError
from pipelines.imaging.opening import open_picture
from tests.helpers.driver import png_bytes
from tests.helpers.page import SlowPainter, answering, make_context
from ui.canvas.assets import SCRIPTS, STYLE
from ui.canvas.canvas import Canvas, Painting, build_canvas, collect_js, read_painting
from ui.cli import Options
from ui.page import STATIC, theme
from ui.quiet import QUIET
from ui.server import create_server
from ui.values import Raw

MAX_PIXELS = 40_000_000
WIDTH, HEIGHT = 640, 400
"""Of the pictures that tests paint on."""


@dataclass
class Received:
    """What the handlers of the page were given."""

    paintings: dict[str, list[Painting | None]] = field(
        default_factory=lambda: {"sketch": [], "mask": []}
    )
    refusals: list[str] = field(default_factory=list[str])
    unrelated: int = 0
    restored: list[Path] = field(default_factory=list[Path])  # what Restore puts on the mask canvas
    at: float = 0.0  # time.time() when Generate's handler began


def build(received: Received) -> gr.Blocks:
    """Two canvases on tabs, Generate for both, and a button that has nothing to do with them."""
    open_file = partial(open_picture, max_pixels=MAX_PIXELS)
    with gr.Blocks(analytics_enabled=False, fill_width=True) as blocks:
        with gr.Tabs():
            with gr.Tab("Sketch", id="sketch"):
                sketch = build_canvas("sketch", "sketch", "Sketch", open_file=open_file)
            with gr.Tab("Mask", id="mask"):
                mask = build_canvas("mask", "mask", "Inpaint", open_file=open_file)
            with gr.Tab("Other", id="other"):
                gr.Textbox(elem_id="text")
        with gr.Row():
            generate = gr.Button("Generate", elem_id="generate")
            unrelated = gr.Button("Unrelated", elem_id="unrelated")
            restore = gr.Button("Restore", elem_id="restore")
        answer = gr.Textbox(elem_id="answer", label="Answer")
        inputs = [sketch.picture, sketch.drawing, mask.picture, mask.drawing]

        def take(*files: Raw) -> str:
            received.at = time.time()
            canvases: tuple[Canvas, ...] = (sketch, mask)
            try:
                for canvas, picture, drawing in zip(canvases, files[::2], files[1::2], strict=True):
                    painting = read_painting(
                        picture, drawing, mode=canvas.mode, open_file=open_file
                    )
                    received.paintings[canvas.elem_id].append(painting)
            except UserError as error:
                received.refusals.append(str(error))
            return str(len(received.paintings["mask"]))

        def count() -> str:
            received.unrelated += 1
            return f"unrelated {received.unrelated}"

        generate.click(take, inputs, answer, js=collect_js(inputs, [sketch, mask]), **QUIET)
        unrelated.click(count, None, answer, **QUIET)
        shown = [mask.picture, mask.drawing]
        restore.click(lambda: [str(path) for path in received.restored], None, shown, **QUIET).then(
            None, shown, js=mask.receive_js
        )
    return blocks


def look() -> dict[str, Any]:
    """The page's head: the project's style and first script, and those of the canvas."""
    style = [(STATIC / "style.css").read_text(), STYLE.read_text()]
    scripts = [(STATIC / "core.js").read_text(), *(path.read_text() for path in SCRIPTS)]
    head = ["<style>", *style, "</style><script>window.redraw = {};", *scripts, "</script>"]
    return {"head": "\n".join(head), "theme": theme()}


@contextmanager
def serve_canvases(data_dir: Path, received: Received, port: int = 0) -> Iterator[str]:
    """The page's address, for as long as the context lasts."""
    listener = socket.create_server(("127.0.0.1", port))
    port = listener.getsockname()[1]
    context = make_context(data_dir, SlowPainter())
    options = Options(data_dir=data_dir, port=port)
    app = create_server(context, build(received), options, port=port, look=look())
    with answering(app, listener):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            context.engine.close()


class Painter:
    """One canvas as a person handles it with the mouse. Places are in pixels of the picture."""

    def __init__(self, page: Page, received: Received, name: str) -> None:
        self.page = page
        self.received = received
        self.name = name

    def find(self, selector: str) -> Locator:
        """Elements inside the canvas."""
        return self.page.locator(f"#{self.name} {selector}")

    def button(self, action: str) -> Locator:
        """A button by what it does."""
        return self.find(f".canvas-bar [data-action={action}]")

    def choose(self, tool: str) -> None:
        """Take up a tool."""
        self.find(f"[data-tool={tool}]").click()

    def set(self, name: str, value: object) -> None:
        """Type a value into a slider's number box."""
        box = self.find(f"[data-number={name}]")
        box.fill(str(value))
        box.press("Tab")

    def state(self, expression: str) -> Any:
        """A property of the canvas object."""
        return self.page.evaluate(f"redraw.canvas.get({self.name!r}).{expression}")

    def open(self, image: Image.Image, name: str = "picture.png") -> None:
        """Choose a file, and wait until it is shown and uploaded."""
        with self.page.expect_response(lambda response: "/upload" in response.url):
            self.find("input[type=file]").set_input_files(
                {"name": name, "mimeType": "image/png", "buffer": png_bytes(image)}
            )
        self.wait_for_size(*image.size)

    def wait_for_size(self, width: int, height: int) -> None:
        """Wait until a picture of this size is on the canvas."""
        self.page.wait_for_function(
            "([id, width, height]) => { const size = redraw.canvas.size(id);"
            " return size?.width === width && size?.height === height; }",
            arg=[self.name, width, height],
        )

    def client(self, x: float, y: float) -> tuple[float, float]:
        """Where on the page a place of the picture is."""
        left, top, scale = self.page.evaluate(
            """(id) => {
                const picture = document.querySelector(`#${id} .canvas-picture`);
                const box = picture.getBoundingClientRect();
                return [box.left, box.top, box.width / picture.naturalWidth];
            }""",
            self.name,
        )
        return left + x * scale, top + y * scale

    def drag(self, *places: tuple[float, float], button: Any = "left", steps: int = 4) -> None:
        """Press at the first place, move over the others, let go at the last."""
        self.page.mouse.move(*self.client(*places[0]))
        self.page.mouse.down(button=button)
        for place in places[1:]:
            self.page.mouse.move(*self.client(*place), steps=steps)
        self.page.mouse.up(button=button)

    def click(self, x: float, y: float) -> None:
        """Press and let go."""
        self.page.mouse.click(*self.client(x, y))

    def take(self) -> Painting:
        """Press Generate; what Python received of this canvas."""
        painting = self.take_any()
        assert painting is not None, "the canvas sent nothing"
        return painting

    def take_any(self) -> Painting | None:
        """Press Generate; what Python received, None for an empty canvas or one not in front."""
        taken = self.received.paintings[self.name]
        before = len(taken)
        self.page.locator("#generate").click()
        answer = self.page.locator("#answer textarea")
        expect(answer).to_have_value(str(before + 1))
        assert self.received.refusals == []
        return taken[-1]


@dataclass
class Studio:
    """The page with both canvases, freshly opened."""

    page: Page
    address: str
    received: Received

    @property
    def sketch(self) -> Painter:
        """The canvas for colours, on the tab that is in front."""
        return Painter(self.page, self.received, "sketch")

    @property
    def mask(self) -> Painter:
        """The canvas for masks; its tab is brought to the front."""
        self.open_tab("Mask")
        return Painter(self.page, self.received, "mask")

    def open_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        self.page.get_by_role("tab", name=name, exact=True).click()

    def load(self) -> None:
        """Open the page and wait until it can be painted on."""
        self.page.goto(self.address)
        self.page.wait_for_selector("#sketch .canvas-view")
        self.page.evaluate("redraw.canvas.get('sketch').ready")

    def forget(self) -> None:
        """Empty what the browser keeps."""
        self.page.goto(f"{self.address}/internal/ping")
        self.page.evaluate(
            """async () => {
                localStorage.clear();
                await new Promise((done) => {
                    const request = indexedDB.deleteDatabase("redraw-canvas");
                    request.onsuccess = request.onerror = request.onblocked = done;
                });
            }"""
        )


def alpha(image: Image.Image) -> np.ndarray:
    """How strongly each pixel of a drawing is painted, 0 to 255."""
    return np.asarray(image.getchannel("A") if image.mode == "RGBA" else image).astype(int)


def box(image: Image.Image) -> tuple[int, int, int, int]:
    """The box around everything that is at least half painted: left, top, right, bottom."""
    painted = Image.fromarray((alpha(image) >= 128).astype(np.uint8))
    found = painted.getbbox()
    assert found is not None, "nothing was painted"
    return found


def assert_near(
    actual: Sequence[float] | None, expected: Sequence[float], tolerance: int = 1
) -> None:
    """Fail unless each number is within `tolerance` of its partner."""
    assert actual is not None, f"there is nothing where {expected} was expected"
    worst = max(abs(a - b) for a, b in zip(actual, expected, strict=True))
    assert worst <= tolerance, f"{actual} is not {expected} to {tolerance} px"
