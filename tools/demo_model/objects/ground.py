"""River, road and fence: what runs through the landscape."""

import math

from tools.demo_model.canvas import Point
from tools.demo_model.objects.buildings import box
from tools.demo_model.palette import WHITE, Colour, brighten, mix
from tools.demo_model.scene import Scene

_RIVER: dict[str, Colour] = {
    "day": (86, 160, 214),
    "sunset": (226, 150, 120),
    "dawn": (180, 180, 214),
    "night": (40, 60, 110),
}


def draw_river(scene: Scene, _x: float, _y: float, _size: float) -> None:
    """A winding river from the distance to the bottom, with ripples."""
    chance = scene.canvas.random
    colour = _RIVER[scene.attributes.time]
    middles = _band(scene, 0.012, chance.uniform(0.09, 0.16), colour, "water")
    for x, y, width in middles[2:]:
        for _ in range(2):
            middle = x + width * chance.uniform(-0.6, 0.6)
            ripple = mix(colour, WHITE, chance.uniform(0.2, 0.5))
            start, end = (middle - width * 0.16, y), (middle + width * 0.16, y)
            scene.canvas.line(start, end, ripple, 0.003 + width * 0.02)
    scene.add("river", 0.5, 0.8, 0.3)


def draw_road(scene: Scene, _x: float, _y: float, _size: float) -> None:
    """A winding road from the distance to the bottom."""
    chance = scene.canvas.random
    surfaces: list[Colour] = [(186, 152, 108), (150, 146, 142), (206, 176, 130)]
    winter = scene.attributes.season == "winter"
    colour = scene.lit((170, 160, 150) if winter else chance.choice(surfaces))
    _band(scene, 0.008, chance.uniform(0.06, 0.12), colour, "road")
    scene.add("road", 0.5, 0.8, 0.3)


def _band(
    scene: Scene, far_width: float, near_width: float, colour: Colour, label: str
) -> list[tuple[float, float, float]]:
    """Fills a winding strip; returns its middle line as (x, y, half the width)."""
    chance = scene.canvas.random
    top, pieces = scene.ground - 0.03, 18
    start, end = chance.uniform(0.3, 0.7), chance.uniform(0.15, 0.85)
    phase, swing = chance.uniform(0, 6.28), chance.uniform(0.04, 0.12)
    middles: list[tuple[float, float, float]] = []
    for i in range(pieces + 1):
        share = i / pieces
        y = top + (1.02 - top) * share
        bend = swing * math.sin(phase + 5 * share) * (0.25 + share)
        x = start + (end - start) * share + bend
        middles.append((x, y, far_width + (near_width - far_width) * share**1.4))
    left: list[Point] = [(x - width, y) for x, y, width in middles]
    right: list[Point] = [(x + width, y) for x, y, width in middles]
    scene.canvas.polygon(left + right[::-1], colour, label)
    return middles


def draw_fence(scene: Scene, _x: float, _y: float, _size: float) -> None:
    """A picket fence across the picture or half of it."""
    canvas, chance = scene.canvas, scene.canvas.random
    y = min(0.93, scene.ground + chance.uniform(0.08, 0.3))
    size = 0.5 + 1.2 * (y - scene.horizon)
    paints: list[Colour] = [(240, 236, 226), (150, 106, 70)]
    colour = scene.lit(chance.choice(paints))
    left, right = chance.choice([(-0.05, 1.05), (-0.05, 0.5), (0.5, 1.05)])
    for height in (0.035, 0.065):
        row, rail = y - height * size, brighten(colour, 0.9)
        canvas.line((left, row), (right, row), rail, 0.009 * size, "fence")
    x = left
    while x < right:
        width = 0.014 * size
        picket = box(x, x + width, y - 0.08 * size, y)
        picket.insert(3, (x + 0.007 * size, y - 0.092 * size))
        canvas.polygon(picket, colour, "fence")
        x += 0.05 * size
    scene.add("fence", (max(0, left) + min(1, right)) / 2, y, 0.1)
