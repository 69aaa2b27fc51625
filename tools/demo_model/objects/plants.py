"""Trees, pines and cactuses. `(x, y)` is the foot of each; `size` is about 1."""

import math

import numpy as np

from tools.demo_model.canvas import Point
from tools.demo_model.palette import Colour
from tools.demo_model.scene import Scene

_BARK: Colour = (104, 72, 48)
_LEAVES: dict[str, list[Colour]] = {
    "green": [(62, 146, 62), (84, 160, 60), (50, 126, 70)],
    "orange": [(226, 122, 36), (232, 140, 40)],
    "pink": [(244, 150, 180), (236, 130, 170)],
}


def draw_tree(scene: Scene, x: float, y: float, size: float) -> None:
    """A broad-leaved tree: green, orange or in pink blossom."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    height = 0.2 * size * chance.uniform(0.85, 1.15)
    radius = height * chance.uniform(0.38, 0.46)
    name = chance.choice(["green", "green", "orange", "pink"])
    leaf = chance.choice(_LEAVES[name])
    canvas.shadow((x, y), radius * 1.1)
    width, fork = 0.022 * size, y - height * 0.7
    right = [(x + width * 0.8, y), (x + width * 0.45, fork)]
    canvas.polygon([(x - width * 0.8, y), *right, (x - width * 0.45, fork)], lit(_BARK), "tree")
    canvas.polygon([(x, y), *right, (x, fork)], lit(_BARK, 0.78))
    _crown(scene, (x, y - height * 0.95), radius, leaf)
    scene.add("tree", x, fork, height, name)


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
    """One to three pines side by side, with snow on them in winter."""
    chance = scene.canvas.random
    count = chance.choice([1, 2, 3])
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
    scene.add(name, x, y - 0.12 * size, 0.2 * size, str(count) if count > 1 else "")


def _pine(scene: Scene, foot: Point, measures: tuple[float, float], green: Colour) -> None:
    canvas, lit = scene.canvas, scene.lit
    x, y = foot
    height, size = measures
    width = height * 0.24
    canvas.shadow(foot, width * 0.9)
    half, top = 0.008 * size, y - height * 0.2
    trunk = [(x - half, y), (x + half, y), (x + half, top), (x - half, top)]
    canvas.polygon(trunk, lit((92, 64, 44)), "pine")
    for i in range(3):
        bottom, reach = y - height * (0.14 + 0.26 * i), width * (1 - 0.25 * i)
        tip = (x, bottom - height * 0.4)
        canvas.polygon([(x - reach, bottom), (x + reach, bottom), tip], lit(green), "pine")
        canvas.polygon([(x, bottom), (x + reach, bottom), tip], lit(green, 0.76))
        if scene.attributes.season == "winter":
            edge, row = reach * 0.55, bottom - height * 0.18
            canvas.polygon([(x - edge, row), (x + edge, row), tip], lit((240, 245, 252)))


def draw_cactus(scene: Scene, x: float, y: float, size: float) -> None:
    """One or two cactuses with two arms each."""
    chance = scene.canvas.random
    greens: list[Colour] = [(58, 130, 74), (74, 146, 70)]
    green = chance.choice(greens)
    for i in range(chance.choice([1, 1, 2])):
        place = x + i * 0.11 * size * chance.choice([-1, 1])
        _one_cactus(scene, (place, y - i * 0.02), size * chance.uniform(0.8, 1.15), green)
    scene.add("cactus", x, y - 0.1 * size, 0.2 * size)


def _one_cactus(scene: Scene, foot: Point, size: float, green: Colour) -> None:
    canvas = scene.canvas
    height, width = 0.19 * size, 0.026 * size
    y = foot[1]
    canvas.shadow(foot, width * 2.4)
    for brightness, shift, broad in ((0.75, 0.0, 1.0), (1.05, -width * 0.3, 0.62)):
        x, colour = foot[0] + shift, scene.lit(green, brightness)
        canvas.line((x, y - width), (x, y - height), colour, 2 * width * broad, "cactus")
        for side, level in ((-1, 0.45), (1, 0.6)):
            elbow_x = foot[0] + side * width * 2.8 + shift
            elbow = (elbow_x, y - height * level)
            hand = (elbow_x, y - height * (level + 0.28))
            arm = 1.3 * width * broad
            canvas.line((x, y - height * level), elbow, colour, arm, "cactus")
            canvas.line(elbow, hand, colour, arm, "cactus")
