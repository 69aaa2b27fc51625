"""House, windmill, lighthouse, castle and tent. `(x, y)` is the foot of each; `size` is about 1."""

import math
from collections.abc import Callable

from tools.demo_model.canvas import Point
from tools.demo_model.palette import NAMED, Colour
from tools.demo_model.scene import Scene

HOUSE_COLOURS = ("red", "red", "blue", "blue", "yellow", "white", "pink", "green")


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
    name = scene.choices.house_colour or chance.choice(HOUSE_COLOURS)
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


def draw_windmill(scene: Scene, x: float, y: float, size: float) -> None:
    """A tower mill with four sails at a random angle."""
    canvas, lit = scene.canvas, scene.lit
    height, width = 0.26 * size, 0.06 * size
    top = y - height
    canvas.shadow((x, y), width * 1.3)
    tower = [(x - width, y), (x + width, y), (x + width * 0.6, top), (x - width * 0.6, top)]
    canvas.polygon(tower, lit((236, 228, 212)), "tower")
    shaded = [(x + 0.2 * width, y), (x + width, y)]
    shaded += [(x + width * 0.6, top), (x + 0.1 * width, top)]
    canvas.polygon(shaded, lit((204, 194, 180)))
    cap = [(x - width * 0.75, top), (x + width * 0.75, top), (x, top - width * 1.1)]
    canvas.polygon(cap, lit((150, 70, 54)), "tower")
    door = box(x - width * 0.22, x + width * 0.22, y - height * 0.22, y)
    canvas.polygon(door, lit((96, 60, 40)))
    turn, hub, length = scene.canvas.random.uniform(0, 1.57), y - height * 0.97, height * 0.62
    for i in range(4):
        angle = turn + i * math.pi / 2
        dx, dy = math.cos(angle), math.sin(angle)
        across, down = -dy * width * 0.32, dx * width * 0.32
        inner = (x + dx * length * 0.15, hub + dy * length * 0.15)
        tip = (x + dx * length, hub + dy * length)
        far_side = [(tip[0] + across, tip[1] + down), (inner[0] + across, inner[1] + down)]
        canvas.polygon([inner, tip, *far_side], lit((250, 246, 236)), "tower")
        canvas.line((x, hub), tip, lit((110, 80, 60)), 0.006 * size)
    scene.add("windmill", x, y - height * 0.6, height)


def draw_lighthouse(scene: Scene, x: float, _y: float, _size: float) -> None:
    """A striped lighthouse on a rock in the sea; chooses its own height and distance."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    y = scene.horizon + chance.uniform(0.12, 0.3)
    size = 1.05 * chance.uniform(0.8, 1.25)
    height, width = 0.34 * size, 0.042 * size
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
        canvas.polygon([(x - below, bottom), *right, (x - above, top)], lit(colour), "tower")
        shade = [(x + below * 0.3, bottom), *right, (x + above * 0.3, top)]
        canvas.polygon(shade, lit(colour, 0.8), "tower")
    _lantern(scene, (x, foot - height), width, size)
    scene.add("lighthouse", x, y - height * 0.5, height)


def _lantern(scene: Scene, foot: Point, width: float, size: float) -> None:
    canvas, lit = scene.canvas, scene.lit
    x, y = foot
    burning = scene.attributes.time in ("night", "sunset")
    if burning:
        canvas.glow((x, y - 0.02 * size), 0.16 * size, (255, 236, 150), 0.8)
    room = box(x - width * 0.45, x + width * 0.45, y - 0.04 * size, y)
    canvas.polygon(room, (255, 240, 160) if burning else lit((190, 210, 220)), "tower")
    eaves = y - 0.04 * size
    roof = [(x - width * 0.65, eaves), (x + width * 0.65, eaves), (x, y - 0.075 * size)]
    canvas.polygon(roof, lit(NAMED["red"], 0.8), "tower")
    canvas.line((x - width * 0.8, y), (x + width * 0.8, y), lit((60, 60, 66)), 0.008 * size)


def draw_castle(scene: Scene, x: float, _y: float, size: float) -> None:
    """A castle with three towers, some way off; chooses its own distance."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    y = scene.ground + chance.uniform(0, 0.12)
    stone: Colour = (186, 184, 190)
    width, height = 0.22 * size, 0.16 * size
    roof = NAMED[chance.choice(["red", "blue", "purple"])]
    canvas.shadow((x, y), width * 0.8)
    parapet = y - height * 0.7
    canvas.polygon(box(x - width / 2, x + width / 2, parapet, y), lit(stone), "tower")
    for i in range(6):
        left = x - width / 2 + i * width / 5.5
        merlon = box(left, left + width / 13, y - height * 0.8, parapet)
        canvas.polygon(merlon, lit(stone), "tower")
    for offset, tall, broad in (
        (-width * 0.5, 1.25, 0.2),
        (width * 0.5, 1.25, 0.2),
        (0, 1.6, 0.24),
    ):
        middle, half = x + offset, width * broad / 2
        top = y - height * tall
        canvas.polygon(box(middle - half, middle + half, top, y), lit(stone, 1.05), "tower")
        canvas.polygon(box(middle + half * 0.2, middle + half, top, y), lit(stone, 0.8))
        right, spire = (middle + half * 1.3, top), (middle, y - height * (tall + 0.5))
        canvas.polygon([(middle - half * 1.3, top), right, spire], lit(roof), "tower")
        canvas.polygon([(middle, top), right, spire], lit(roof, 0.78))
        night = scene.attributes.time == "night"
        window = (255, 220, 120) if night else lit((70, 70, 90))
        canvas.ellipse((middle, y - height * tall * 0.8), (half * 0.26, half * 0.42), window)
    wood, arch = lit((80, 56, 44)), y - height * 0.22
    canvas.ellipse((x, arch), (width * 0.08, height * 0.22), wood)
    canvas.polygon(box(x - width * 0.08, x + width * 0.08, arch, y), wood)
    scene.add("castle", x, y - height * 0.8, height * 1.6)


def draw_tent(scene: Scene, x: float, y: float, size: float) -> None:
    """A ridge tent with an open front, lit from inside at night."""
    canvas, lit = scene.canvas, scene.lit
    name = canvas.random.choice(["red", "orange", "blue", "green", "yellow"])
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
