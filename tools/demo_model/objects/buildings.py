"""House, lighthouse and tent. `(x, y)` is the foot of each; `size` is about 1."""

from collections.abc import Callable

from tools.demo_model.canvas import Point
from tools.demo_model.palette import NAMED, Colour
from tools.demo_model.scene import Scene

HOUSE_COLOURS = ("red", "blue", "yellow", "white")


def facing(scene: Scene, x: float) -> Callable[[float], float]:
    """Turns a distance to the front of an object at `x` into a place on the picture."""
    direction = -1 if scene.flipped else 1
    return lambda distance: x + direction * distance


def box(left: float, right: float, top: float, bottom: float) -> list[Point]:
    """The corners of an upright rectangle."""
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def draw_house(scene: Scene, x: float, y: float, size: float) -> None:
    """A gabled house seen from a corner, its windows lit at night and on some evenings."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    name = chance.choice(HOUSE_COLOURS)
    colour = NAMED[name]
    width = 0.15 * size * chance.uniform(0.85, 1.2)
    height = 0.135 * size * chance.uniform(0.85, 1.15)
    side = width * chance.uniform(0.5, 0.8)
    roofs: list[Colour] = [(112, 66, 52), (84, 84, 98), (150, 74, 54), (70, 62, 66)]
    if name == "red":
        roofs = [(84, 84, 98), (70, 62, 66), (92, 62, 52)]
    roof = chance.choice(roofs)
    if scene.attributes.season == "winter":
        roof = (238, 242, 250)
    canvas.shadow((x + 0.2 * side, y), width)
    at = facing(scene, x)
    gable = height * chance.uniform(0.6, 0.85)
    eaves, top = y - height, y - height - gable
    half = width / 2
    front = [(-half, y), (half, y), (half, eaves), (0, top), (-half, eaves)]
    canvas.polygon([(at(px), py) for px, py in front], lit(colour), "house")
    wall = [(half, y), (half + side, y - 0.1 * height), (half + side, eaves), (half, eaves)]
    canvas.polygon([(at(px), py) for px, py in wall], lit(colour, 0.76), "house")
    _roof(scene, at, (width, side, eaves, top, size), roof)
    if chance.random() < 0.5:
        left = side * 0.6
        chimney = box(left, left + 0.022 * size, eaves - gable * 1.35, eaves - gable * 0.55)
        canvas.polygon([(at(px), py) for px, py in chimney], lit((130, 90, 80)), "house")
    evening = scene.attributes.time == "sunset"
    lamps = scene.attributes.time == "night" or (evening and chance.random() < 0.6)
    _door_and_windows(scene, at, (width, side, height, y), white=name == "white", lamps=lamps)
    if lamps:
        canvas.glow((x, y - height * 0.5), width * 0.9, (255, 210, 110), 0.22)
    scene.add("house", at(side / 2), y - height * 0.7, height + gable, name)


def _roof(
    scene: Scene,
    at: Callable[[float], float],
    shape: tuple[float, float, float, float, float],
    colour: Colour,
) -> None:
    width, side, eaves, top, size = shape
    slope = [
        (width * 0.56, eaves + 0.02 * size),
        (0, top - 0.012 * size),
        (side, top - 0.01 * size),
        (width / 2 + side * 1.08, eaves + 0.012 * size),
    ]
    scene.canvas.polygon([(at(px), py) for px, py in slope], scene.lit(colour), "house")
    for end in (-1, 1):  # the two boards of the gable
        board = [
            (end * width * 0.6, eaves + 0.03 * size),
            (0, top - 0.014 * size),
            (0, top + 0.014 * size),
            (end * width * 0.5, eaves + 0.03 * size),
        ]
        scene.canvas.polygon([(at(px), py) for px, py in board], scene.lit(colour, 0.82), "house")


def _door_and_windows(
    scene: Scene,
    at: Callable[[float], float],
    shape: tuple[float, float, float, float],
    *,
    white: bool,
    lamps: bool,
) -> None:
    canvas, lit = scene.canvas, scene.lit
    width, side, height, y = shape
    lamplight: Colour = (255, 220, 110)
    half = width * 0.2 / 2
    door = box(-half, half, y - height * 0.55, y)
    wood = (120, 74, 50) if white else (96, 60, 40)
    canvas.polygon([(at(px), py) for px, py in door], lit(wood))
    for middle in (-0.33 * width, 0.33 * width):
        pane, row = width * 0.085, y - height * 0.62
        frame, glass = _window(middle, row, pane + 0.004), _window(middle, row, pane)
        canvas.polygon([(at(px), py) for px, py in frame], lit((245, 240, 230)))
        shine = lamplight if lamps else lit((150, 190, 216))
        canvas.polygon([(at(px), py) for px, py in glass], shine)
    glass = _window(width / 2 + side * 0.5, y - height * 0.58, side * 0.16)
    shine = lamplight if lamps else lit((120, 156, 184))
    canvas.polygon([(at(px), py) for px, py in glass], shine)


def _window(x: float, y: float, half: float) -> list[Point]:
    return box(x - half, x + half, y + half, y - half)


def draw_lighthouse(scene: Scene, x: float, y: float, _size: float) -> None:
    """A striped lighthouse on a rock in the sea; chooses its own height."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    size = chance.uniform(1.15, 1.4)
    height, width = 0.34 * size, 0.058 * size
    rock = [
        (x - width * 3.4, y + 0.03),
        (x - width * 2, y - 0.03),
        (x, y - 0.045),
        (x + width * 2.2, y - 0.02),
        (x + width * 3.6, y + 0.03),
    ]
    canvas.polygon(rock, lit((96, 92, 92)), "ground")
    shaded = [rock[0], (x - width * 1.5, y), rock[-1]]
    canvas.polygon(shaded, lit((76, 74, 78)), "ground")
    stripe = NAMED[chance.choice(["red", "red", "blue"])]
    foot = y - 0.03
    for i in range(5):
        low, high = i / 5, (i + 1) / 5
        below, above = width * (1 - 0.4 * low), width * (1 - 0.4 * high)
        bottom, top = foot - height * low, foot - height * high
        colour = (244, 240, 232) if i % 2 else stripe
        right = [(x + below, bottom), (x + above, top)]
        canvas.polygon([(x - below, bottom), *right, (x - above, top)], lit(colour), "lighthouse")
        shade = [(x + below * 0.3, bottom), *right, (x + above * 0.3, top)]
        canvas.polygon(shade, lit(colour, 0.8), "lighthouse")
    _lantern(scene, (x, foot - height), width, size)
    scene.add("lighthouse", x, y - height * 0.5, height)


def _lantern(scene: Scene, foot: Point, width: float, size: float) -> None:
    canvas, lit = scene.canvas, scene.lit
    x, y = foot
    burning = scene.attributes.time in ("night", "sunset")
    if burning:
        canvas.glow((x, y - 0.02 * size), 0.16 * size, (255, 236, 150), 0.8)
    room = box(x - width * 0.45, x + width * 0.45, y - 0.04 * size, y)
    canvas.polygon(room, (255, 240, 160) if burning else lit((190, 210, 220)), "lighthouse")
    eaves = y - 0.04 * size
    roof = [(x - width * 0.65, eaves), (x + width * 0.65, eaves), (x, y - 0.075 * size)]
    canvas.polygon(roof, lit(NAMED["red"], 0.8), "lighthouse")
    canvas.line((x - width * 0.8, y), (x + width * 0.8, y), lit((60, 60, 66)), 0.008 * size)


def draw_tent(scene: Scene, x: float, y: float, size: float) -> None:
    """A ridge tent with an open front, lit from inside at night."""
    canvas, lit = scene.canvas, scene.lit
    name = canvas.random.choice(["red", "orange", "blue", "yellow"])
    colour = NAMED[name]
    width, height = 0.12 * size, 0.13 * size
    at = facing(scene, x)
    canvas.shadow((x, y), width * 1.2)
    corner, top = (at(width * 0.4), y), (at(-width * 0.3), y - height)
    canvas.polygon([(at(-width), y), corner, top], lit(colour), "tent")
    back = [(at(width * 1.2), y - height * 0.18), (at(width * 0.5), y - height * 0.98)]
    canvas.polygon([corner, *back, top], lit(colour, 0.74), "tent")
    opening = [(at(-width * 0.5), y), (at(-width * 0.05), y), (top[0], y - height * 0.75)]
    night = scene.attributes.time == "night"
    canvas.polygon(opening, (255, 214, 120) if night else lit((70, 54, 50)))
    scene.add("tent", x, y - height / 2, height, name)
