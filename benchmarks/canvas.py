"""The canvas with a 4096x4096 picture: how long until it is shown, painted on and handed over.

Drives the page of the browser tests in Chromium. Limits: shown within 1 s, a stroke's event within
a frame's 16 ms in the median, Generate reaching Python within 2 s on two cores.
"""

import os
import shutil
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from benchmarks.common import verdict
from tests.helpers.canvas_page import Painter, Received, Studio, serve_canvases

SIDE = 4096
MOVES = 40
FLAGS = ["--no-sandbox", "--disable-gpu"]

WATCH = """(id) => {
    const view = document.querySelector(`#${id} .canvas-view`);
    let begun = 0;
    window.spent = [];
    view.addEventListener("pointermove", () => (begun = performance.now()), true);
    view.parentElement.addEventListener(
        "pointermove", () => spent.push(performance.now() - begun)
    );
}"""


def photo() -> Path:
    """A JPEG of several megabytes, as a camera makes them."""
    coarse = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    path = Path(os.environ["GRADIO_TEMP_DIR"]).parent / "photo.jpg"
    image.save(path, quality=95)
    return path


def stroke(canvas: Painter, places: list[tuple[float, float]]) -> tuple[float, float]:
    """Seconds for a whole stroke, and the median of its events' milliseconds in the script."""
    page = canvas.page
    page.evaluate("spent.length = 0")
    page.mouse.move(*canvas.client(*places[0]))
    begun = time.perf_counter()
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*canvas.client(*place))
    page.mouse.up()
    return time.perf_counter() - begun, median(page.evaluate("spent"))


def press_generate(page: Page, received: Received) -> tuple[float, float]:
    """Seconds from the click until Python's handler begins, and until the answer is on the page."""
    before = page.locator("#answer textarea").input_value()
    begun = time.time()
    page.locator("#generate").click(no_wait_after=True)
    page.wait_for_function(
        "(before) => document.querySelector('#answer textarea').value !== before", arg=before
    )
    return received.at - begun, time.time() - begun


def measure(studio: Studio, canvas: Painter, file: Path) -> list[int]:
    """The statuses of all limits on one canvas."""
    page = studio.page
    name = canvas.name
    print(f"\n{name}, {SIDE}x{SIDE}, {file.stat().st_size / 1e6:.1f} MB")
    begun = time.perf_counter()
    canvas.find("input[type=file]").set_input_files(file)
    canvas.wait_for_size(SIDE, SIDE)
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    statuses = [verdict("shown", time.perf_counter() - begun, 1.0, " s")]
    page.evaluate(WATCH, name)
    path = [(300 + 3400 * step / MOVES, 2000 + 1500 * np.sin(step / 4)) for step in range(MOVES)]
    for tool, size in (("brush", 60), ("brush", 600), ("eraser", 200)):
        canvas.choose(tool)
        canvas.set("size", size)
        whole, event = stroke(canvas, path)
        print(f"{tool} of {size} px, {MOVES} moves: {whole:.2f} s")
        statuses.append(verdict(f"{tool} of {size} px, an event", event, 16, " ms"))
    begun = time.perf_counter()
    page.evaluate(f"redraw.canvas.get({name!r}).act('undo')")
    print(f"undo: {(time.perf_counter() - begun) * 1e3:.0f} ms")
    for press in ("first", "second"):
        reached, answered = press_generate(page, studio.received)
        print(f"{press} Generate answered after {answered:.2f} s")
        statuses.append(verdict(f"{press} Generate reaches Python", reached, 2.0, " s"))
    return statuses


def main() -> int:
    """Measure both kinds of canvas; 1 if any limit was exceeded."""
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        os.environ["GRADIO_TEMP_DIR"] = str(Path(folder) / "gradio")
        received = Received()
        chromium = os.environ.get("REDRAW_CHROMIUM") or shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        with serve_canvases(Path(folder), received) as address:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            studio = Studio(page, address, received)
            studio.load()
            file = photo()
            statuses = measure(studio, studio.sketch, file) + measure(studio, studio.mask, file)
        browser.close()
    return max(statuses)


if __name__ == "__main__":
    sys.exit(main())
