"""The canvas's arithmetic against slow versions of it, written from what it promises."""

from collections import deque

import numpy as np
import pytest
from PIL import Image

from tests.helpers.canvas_page import Studio
from tests.helpers.images import assert_same_picture, noise, plain

pytestmark = pytest.mark.browser

ROUNDS = 40

COVER = """([width, height, kind, values]) => {
    const { Drawing, Coverage, SIDE } = redraw.paint;
    const drawing = new Drawing(width, height);
    const coverage = new Coverage(drawing);
    if (kind === "segment") coverage.segment(...values);
    else coverage.outline(values);
    const result = new Array(width * height).fill(0);
    for (const [index, tile] of coverage.tiles) {
        const place = drawing.place(index);
        for (let y = 0; y < place.height; y += 1)
            for (let x = 0; x < place.width; x += 1)
                result[(place.top + y) * width + place.left + x] = tile[y * SIDE + x];
    }
    return result;
}"""


def covered(studio: Studio, size: tuple[int, int], kind: str, values: object) -> np.ndarray:
    """What the canvas's script says a shape covers."""
    found = studio.page.evaluate(COVER, [*size, kind, values])
    return np.array(found).reshape(size[1], size[0])


def slow_segment(
    size: tuple[int, int], a: dict[str, float], b: dict[str, float], softness: float
) -> np.ndarray:
    """Each pixel's distance from the segment, against the radius at its nearest place."""
    y, x = np.mgrid[: size[1], : size[0]] + 0.5
    dx, dy = b["x"] - a["x"], b["y"] - a["y"]
    square = dx * dx + dy * dy
    along = ((x - a["x"]) * dx + (y - a["y"]) * dy) / square if square else np.zeros_like(x)
    along = np.clip(along, 0, 1)
    distance = np.hypot(x - a["x"] - dx * along, y - a["y"] - dy * along)
    radius = a["radius"] + (b["radius"] - a["radius"]) * along
    if softness:
        share = np.clip((radius - distance) / np.maximum(1, radius * softness), 0, 1)
        share = share * share * (3 - 2 * share)
    else:
        share = np.clip(radius + 0.5 - distance, 0, 1)
    return np.floor(255 * share + 0.5)


def test_a_stroke_covers_what_lies_within_its_radius(studio: Studio):
    chance = np.random.default_rng(0)
    size = (300, 270)  # more than one tile
    for _ in range(ROUNDS):
        a, b = (
            {
                "x": float(chance.uniform(-30, size[0] + 30)),
                "y": float(chance.uniform(-30, size[1] + 30)),
                "radius": float(chance.choice([0.5, 1, 3.3, 12, 60])),
            }
            for _ in range(2)
        )
        softness = float(chance.choice([0, 0.2, 0.6, 1]))
        found = covered(studio, size, "segment", [a, b, softness])
        worst = np.abs(found - slow_segment(size, a, b, softness)).max()
        assert worst <= 1, f"off by {worst} for {a}, {b}, softness {softness}"  # rounding of halves


def slow_outline(size: tuple[int, int], corners: np.ndarray, samples: int) -> np.ndarray:
    """Points on a fine grid, each inside if the outline winds around it."""
    y = (np.arange(size[1] * 4) + 0.5) / 4
    x = (np.arange(size[0] * samples) + 0.5) / samples
    winding = np.zeros((len(y), len(x)), int)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, 0), strict=True):
        if y0 == y1:
            continue
        crossing = x0 + (x1 - x0) * (y - y0) / (y1 - y0)
        up = (y >= y0) & (y < y1)
        down = (y >= y1) & (y < y0)
        left = x[None, :] >= crossing[:, None]
        winding += (up[:, None] & left).astype(int) - (down[:, None] & left).astype(int)
    inside = (winding != 0).reshape(size[1], 4, size[0], samples)
    return 255 * inside.mean((1, 3))


def test_an_outline_covers_what_it_winds_around(studio: Studio):
    chance = np.random.default_rng(1)
    size, samples = (90, 70), 64
    for _ in range(ROUNDS // 2):
        corners = chance.uniform(-10, 100, (int(chance.integers(3, 9)), 2))
        points = [{"x": float(x), "y": float(y)} for x, y in corners]
        found = covered(studio, size, "outline", points)
        worst = np.abs(found - slow_outline(size, corners, samples)).max()
        assert worst <= 8, f"off by {worst} for {corners.tolist()}"  # 255 * 2 edges / 64 samples


def slow_area(pixels: np.ndarray, x: int, y: int, tolerance: int) -> np.ndarray:
    """A search from pixel to pixel."""
    height, width = pixels.shape[:2]
    reached = np.zeros((height, width), bool)
    waiting = deque([(x, y)])
    while waiting:
        column, row = waiting.popleft()
        inside = 0 <= column < width and 0 <= row < height
        if not inside or reached[row, column]:
            continue
        if np.abs(pixels[row, column].astype(int) - pixels[y, x]).max() > tolerance:
            continue
        reached[row, column] = True
        waiting += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    return reached


@pytest.mark.parametrize("tolerance", [0, 90, 140, 255])
def test_the_bucket_reaches_what_a_search_reaches(studio: Studio, tolerance: int):
    pixels = np.asarray(noise(40, 30, channels=4))
    found = studio.page.evaluate(
        """([values, tolerance]) => {
            const pixels = new Uint32Array(Uint8Array.from(values).buffer);
            const options = { tolerance, margin: 0 };
            const { box, bytes } =
                redraw.paint.flood.area(pixels, 40, 30, { x: 20, y: 15 }, options);
            return [box, [...bytes]];
        }""",
        [pixels.ravel().tolist(), tolerance],
    )
    (left, top, right, bottom), values = found
    actual = np.zeros((30, 40), bool)
    actual[top:bottom, left:right] = np.array(values).reshape(bottom - top, right - left) == 255
    assert (actual == slow_area(pixels, 20, 15, tolerance)).all()


def test_every_value_of_a_drawing_arrives_unrounded(studio: Studio):
    size = (300, 270)
    layer = noise(*size, channels=4)
    sketch = studio.sketch
    sketch.open(plain(width=size[0], height=size[1]))
    studio.page.evaluate(
        """(values) => {
            const canvas = redraw.canvas.get("sketch");
            const { drawing } = canvas;
            drawing.tiles = drawing.tiles.map((_, index) => {
                const { left, top, width, height } = drawing.place(index);
                const tile = new Uint8ClampedArray(4 * redraw.paint.SIDE ** 2);
                for (let y = 0; y < height; y += 1) {
                    const start = 4 * ((top + y) * drawing.width + left);
                    tile.set(values.slice(start, start + 4 * width), 4 * y * redraw.paint.SIDE);
                }
                return tile;
            });
            canvas.changed();
        }""",
        np.asarray(layer).ravel().tolist(),
    )
    assert_same_picture(sketch.take().drawing, layer)


def over(below: np.ndarray, colour: tuple[int, ...], alpha: float) -> np.ndarray:
    """Porter and Duff's "over" on straight alpha, not rounded."""
    under = below[3] / 255 * (1 - alpha)
    total = alpha + under
    mixed = (np.array(colour) * alpha + below[:3] * under) / total
    return np.array([*mixed, 255 * total])


def test_paint_over_paint_is_porter_and_duffs_over(studio: Studio):
    sketch = studio.sketch
    sketch.open(plain(width=100, height=80))
    expected = np.zeros(4)
    for colour, opacity in (("#ff0000", 50), ("#00ff80", 30), ("#2040ff", 85), ("#ffffff", 7)):
        sketch.find("[data-field=color]").fill(colour)
        sketch.set("opacity", opacity)
        sketch.choose("rectangle")
        sketch.drag((10, 10), (60, 60))
        channels = tuple(int(colour[place : place + 2], 16) for place in (1, 3, 5))
        expected = (
            over(expected, channels, opacity / 100)
            if expected.any()
            else np.array([*channels, 255 * opacity / 100])
        )
        actual = np.array(sketch.state("drawing.pixel(30, 30)"))
        assert np.abs(actual - expected).max() <= 1.5, f"{actual} is not {expected}"
        expected = actual.astype(float)


def test_a_smaller_version_is_the_average_weighted_by_alpha(studio: Studio):
    layer = np.asarray(noise(256, 256, channels=4))
    found = studio.page.evaluate(
        """(values) => {
            const drawing = new redraw.paint.Drawing(256, 256);
            drawing.tiles[0] = Uint8ClampedArray.from(values);
            return [...drawing.shrunk(0, 1)];
        }""",
        layer.ravel().tolist(),
    )
    actual = np.array(found).reshape(128, 128, 4)
    blocks = layer.reshape(128, 2, 128, 2, 4).astype(float)
    weights = blocks[..., 3].sum((1, 3))
    assert np.abs(actual[..., 3] - weights / 4).max() <= 0.5
    colours = (blocks[..., :3] * blocks[..., 3:]).sum((1, 3)) / weights[..., None]
    assert np.abs(actual[..., :3] - colours).max() <= 0.5


def test_the_golden_rule_of_undo(studio: Studio):
    """Whatever is done, undoing all of it leaves the drawing bare."""
    mask = studio.mask
    mask.open(plain(width=600, height=300))
    chance = np.random.default_rng(2)
    for tool in ("brush", "eraser", "rectangle", "ellipse", "lasso", "brush"):
        mask.choose(tool)
        places = [(float(x), float(y)) for x, y in chance.uniform((0, 0), (600, 300), (4, 2))]
        mask.drag(*places)
    for action in ("invert", "fill", "clear"):
        mask.button(action).click()
    steps = mask.state("history.done.length")
    for _ in range(steps - 1):  # the first opened the picture
        mask.button("undo").click()
    assert mask.state("drawing.blank")
    assert mask.state("history.undone.length") == steps - 1
    assert isinstance(mask.take().picture, Image.Image)
