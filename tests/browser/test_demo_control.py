"""What is drawn on a ControlNet unit by mouse is obeyed by the built-in demo model."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from playwright.sync_api import expect

from tests.helpers.canvas_page import Painter
from tests.helpers.control_page import Unit, open_accordion
from tests.helpers.driver import Driver
from tools.demo_model.evaluation.measures import edge_f1
from tools.demo_model.evaluation.obeying import strongest_edges

pytestmark = pytest.mark.browser

SIDE = 256
LOADING = 120_000  # milliseconds that importing PyTorch and the first run may take

Line = list[tuple[int, int]]


def house(left: int) -> list[Line]:
    """A house on the horizon, whose wall begins at `left`, as lines."""
    right, middle = left + 90, left + 45
    outline = [(0, 170), (left, 170), (left, 100), (middle, 60), (right, 100), (right, 170)]
    return [[*outline, (SIDE, 170)], [(left, 100), (right, 100)]]


def drawn_with(lines: list[Line]) -> NDArray[np.bool_]:
    """The pixels of these lines."""
    picture = Image.new("1", (SIDE, SIDE))
    for line in lines:
        ImageDraw.Draw(picture).line(line, fill=1)
    return np.asarray(picture)


def new_canvas(unit: Unit) -> Painter:
    """The unit's canvas, white and as large as the result."""
    unit.tick("same_img2img")
    unit.find("controlnet_open_new_canvas_button").click()
    form = unit.canvas.find(".canvas-blank")
    for name in ("width", "height"):
        expect(form.locator(f"[name={name}]")).to_have_value(str(SIDE))
    form.get_by_role("button", name="Create").click()
    unit.canvas.wait_for_size(SIDE, SIDE)
    expect(unit.find("controlnet_enable_checkbox", "input")).to_be_checked()
    return unit.canvas


def take_colour(canvas: Painter, name: str) -> None:
    """Choose one of the palette's colours by its name."""
    canvas.find("[data-action=palette]").click()
    canvas.find(".canvas-palette input").fill(name)
    canvas.find(".canvas-palette input").press("Enter")


def generated_with(redraw: Driver, model: str) -> NDArray[np.uint8]:
    """Press Generate; the picture that was saved, once the page tells that `model` made it."""
    redraw.press_generate()
    expect(redraw.infotext).to_contain_text(model, timeout=LOADING)
    return np.asarray(Image.open(redraw.saved()[-1]).convert("RGB"))


def green_begins(picture: NDArray[np.uint8]) -> int:
    """The first row of which most is green."""
    red, green, blue = (picture[..., place].astype(int) for place in range(3))
    rows = ((green > blue + 15) & (green > red)).mean(axis=1) > 0.5
    return int(np.argmax(rows)) if rows.any() else SIDE


def test_a_drawn_scribble_and_a_painted_segmentation_map_are_obeyed(first_day: Driver):
    first_day.upload_picture(Image.new("RGB", (SIDE, SIDE), "#88aa88"))
    first_day.prompt.fill("a house on a green hill, day")
    for field, value in {"seed": 3, "steps": 8, "denoising_strength": 1}.items():
        first_day.set_number(f"img2img_{field}", value)
    open_accordion(first_day)

    unit = Unit(first_day)
    unit.choose_type("Scribble")
    unit.shows("model", "demo_scribble")
    unit.choose("preprocessor", "invert (from white bg & black line)")
    canvas = new_canvas(unit)
    canvas.set("size", 3)
    for line in house(30):
        canvas.drag(*line)
    picture = generated_with(first_day, "demo_scribble")
    here, elsewhere = (
        edge_f1(strongest_edges(picture, int(lines.sum())), lines)
        for lines in (drawn_with(house(30)), drawn_with(house(130)))
    )
    assert here > 0.3
    assert here > elsewhere + 0.1

    unit.choose_type("Segmentation")
    unit.shows("model", "demo_seg")
    unit.choose("preprocessor", "none")
    canvas = new_canvas(unit)
    take_colour(canvas, "sky")
    canvas.choose("bucket")
    canvas.click(100, 100)
    take_colour(canvas, "earth")
    canvas.choose("rectangle")
    canvas.drag((0, 170), (SIDE, SIDE))
    first_day.set_number("img2img_steps", 12)
    assert abs(green_begins(generated_with(first_day, "demo_seg")) - 170) <= 10
