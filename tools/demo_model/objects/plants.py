"""Trees, pines, cactuses and palms. `(x, y)` is the foot of each; `size` is about 1."""

import math

import numpy as np

from tools.demo_model.canvas import Point
from tools.demo_model.palette import Colour
from tools.demo_model.scene import Scene

_BARK: Colour = (104, 72, 48)


def draw_tree(scene: Scene, x: float, y: float, size: float) -> None:
    """A broad-leaved tree: green, orange in autumn, bare in winter."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    season = scene.attributes.season
    height = 0.2 * size * chance.uniform(0.85, 1.3)
    radius = height * chance.uniform(0.36, 0.46)
    leaves: list[Colour] = [(62, 146, 62), (84, 160, 60), (50, 126, 70)]
    if season == "autumn":
        leaves = [(226, 122, 36), (206, 80, 40), (232, 176, 60)]
    leaf = chance.choice(leaves)
    canvas.shadow((x, y), radius * 1.1)
    width, fork = 0.022 * size, y - height * 0.7
    right = [(x + width * 0.8, y), (x + width * 0.45, fork)]
    canvas.polygon([(x - width * 0.8, y), *right, (x - width * 0.45, fork)], lit(_BARK), "tree")
    canvas.polygon([(x, y), *right, (x, fork)], lit(_BARK, 0.78))
    if season == "winter":
        _bare_branches(scene, (x, y), height, size)
        scene.add("bare tree", x, fork, height)
        return
    _crown(scene, (x, y - height * 0.95), radius, leaf)
    scene.add("tree", x, fork, height, "orange" if season == "autumn" else "green")


def _bare_branches(scene: Scene, foot: Point, height: float, size: float) -> None:
    x, y = foot
    bark, middle = scene.lit(_BARK), y - height * 0.5
    for angle in (-0.9, -0.45, 0.1, 0.5, 1.0):
        tip = (
            x + math.sin(angle) * height * 0.5,
            middle - math.cos(angle) * height * 0.55,
        )
        scene.canvas.line((x, middle), tip, bark, 0.012 * size)
    for angle in (-0.6, 0.3, 0.8):
        start = (
            x + math.sin(angle) * height * 0.3,
            middle - math.cos(angle) * height * 0.3,
        )
        tip = (
            x + math.sin(angle + 0.5) * height * 0.5,
            y - height * 0.6 - math.cos(angle) * height * 0.5,
        )
        scene.canvas.line(start, tip, bark, 0.007 * size)


def _crown(scene: Scene, centre: Point, radius: float, colour: Colour) -> None:
    canvas, chance = scene.canvas, scene.canvas.random
    x, y = centre
    balls = [
        (
            x + radius * 0.62 * math.cos(angle + chance.random()),
            y + radius * 0.5 * math.sin(angle + chance.random()),
            radius * chance.uniform(0.5, 0.66),
        )
        for angle in np.arange(0, 6.28, 1.05)
    ]
    balls.append((x, y, radius * 0.72))
    for bx, by, size in balls:
        below = (bx, by + radius * 0.07)
        canvas.ellipse(below, (size, size), scene.lit(colour, 0.72), "tree")
    for bx, by, size in balls:
        middle = (bx - radius * 0.05, by - radius * 0.07)
        canvas.ellipse(middle, (size * 0.88, size * 0.86), scene.lit(colour), "tree")
    for bx, by, size in balls[::2]:
        above = (bx - radius * 0.16, by - radius * 0.2)
        canvas.ellipse(above, (size * 0.5, size * 0.44), scene.lit(colour, 1.18))


def draw_pines(scene: Scene, x: float, y: float, size: float) -> None:
    """One to five pines side by side, with snow on them in winter."""
    chance = scene.canvas.random
    count = chance.choice([1, 2, 3, 4, 5])
    greens: list[Colour] = [(34, 96, 66), (44, 110, 60), (28, 84, 74)]
    green = chance.choice(greens)
    places = [
        x + (i - (count - 1) / 2) * 0.085 * size + chance.uniform(-0.015, 0.015)
        for i in range(count)
    ]
    places.sort(key=lambda _: chance.random())
    for place in places:
        foot = y + chance.uniform(-0.02, 0.02)
        height = 0.22 * size * chance.uniform(0.75, 1.15)
        _pine(scene, (place, foot), (height, size), green)
    name = "pine tree" if count == 1 else "pine trees"
    scene.add(name, x, y - 0.12 * size, 0.2 * size, str(count))


def _pine(scene: Scene, foot: Point, measures: tuple[float, float], green: Colour) -> None:
    canvas, lit = scene.canvas, scene.lit
    x, y = foot
    height, size = measures
    width = height * 0.24
    canvas.shadow(foot, width * 0.9)
    half, top = 0.008 * size, y - height * 0.2
    trunk = [(x - half, y), (x + half, y), (x + half, top), (x - half, top)]
    canvas.polygon(trunk, lit((92, 64, 44)), "tree")
    for i in range(3):
        bottom, reach = y - height * (0.14 + 0.26 * i), width * (1 - 0.25 * i)
        tip = (x, bottom - height * 0.4)
        canvas.polygon([(x - reach, bottom), (x + reach, bottom), tip], lit(green), "tree")
        canvas.polygon([(x, bottom), (x + reach, bottom), tip], lit(green, 0.76))
        if scene.attributes.season == "winter":
            edge, row = reach * 0.55, bottom - height * 0.18
            canvas.polygon([(x - edge, row), (x + edge, row), tip], lit((240, 245, 252)))


def draw_cactus(scene: Scene, x: float, y: float, size: float) -> None:
    """One to three cactuses with two arms each."""
    chance = scene.canvas.random
    greens: list[Colour] = [(58, 130, 74), (74, 146, 70)]
    green = chance.choice(greens)
    for i in range(chance.choice([1, 1, 2, 3])):
        place = x + i * 0.11 * size * chance.choice([-1, 1])
        _one_cactus(scene, (place, y - i * 0.02), size * chance.uniform(0.8, 1.15), green)
    scene.add("cactus", x, y - 0.1 * size, 0.2 * size)


def _one_cactus(scene: Scene, foot: Point, size: float, green: Colour) -> None:
    canvas = scene.canvas
    height, width = 0.19 * size, 0.02 * size
    y = foot[1]
    canvas.shadow(foot, width * 2.4)
    for brightness, shift, broad in ((0.75, 0.0, 1.0), (1.05, -width * 0.3, 0.62)):
        x, colour = foot[0] + shift, scene.lit(green, brightness)
        canvas.line((x, y - width), (x, y - height), colour, 2 * width * broad, "tree")
        for side, level in ((-1, 0.45), (1, 0.6)):
            elbow_x = foot[0] + side * width * 2.8 + shift
            elbow = (elbow_x, y - height * level)
            hand = (elbow_x, y - height * (level + 0.28))
            arm = 1.3 * width * broad
            canvas.line((x, y - height * level), elbow, colour, arm, "tree")
            canvas.line(elbow, hand, colour, arm, "tree")


def draw_palm(scene: Scene, x: float, y: float, size: float) -> None:
    """A leaning palm tree."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    height = 0.26 * size * chance.uniform(0.85, 1.15)
    lean = chance.uniform(-0.06, 0.06) * size
    canvas.shadow((x, y), 0.05 * size)
    for i in range(7):
        low, high = i / 7, (i + 1) / 7
        start = (x + lean * low * low, y - height * low)
        end = (x + lean * high * high, y - height * high)
        bark = lit((150, 110, 70), 1 - 0.12 * (i % 2))
        canvas.line(start, end, bark, 0.022 * size * (1 - 0.45 * low), "tree")
    top_x, top_y, length = x + lean, y - height, 0.12 * size
    for i in range(8):
        angle = i / 8 * 6.28 + chance.uniform(-0.2, 0.2)
        dx = math.cos(angle) * length
        dy = math.sin(angle) * length * 0.5 + length * 0.25
        nx = -dy * 0.22  # half the width of a frond
        frond = [
            (top_x, top_y),
            (top_x + dx * 0.5 + nx * 0.5, top_y + dy * 0.3 - length * 0.12),
            (top_x + dx, top_y + dy),
            (top_x + dx * 0.5 - nx * 0.5, top_y + dy * 0.3 + length * 0.06),
        ]
        canvas.polygon(frond, lit((52, 140, 66), 0.8 + 0.4 * (i % 2)), "tree")
    scene.add("palm tree", x, y - height * 0.7, height)
