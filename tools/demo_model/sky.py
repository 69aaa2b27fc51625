"""The sky: its gradient, stars, sun or moon, and clouds."""

import math

import numpy as np

from tools.demo_model.canvas import SIDE, gradient
from tools.demo_model.palette import Colour, brighten, mix
from tools.demo_model.scene import Scene

_GRADIENTS: dict[str, list[Colour]] = {
    "day": [(72, 150, 228), (140, 196, 242), (214, 236, 250)],
    "sunset": [(82, 66, 138), (214, 96, 96), (252, 158, 74), (255, 214, 122)],
    "dawn": [(120, 146, 206), (206, 176, 214), (250, 190, 190), (255, 228, 190)],
    "night": [(8, 12, 38), (20, 30, 74), (44, 58, 108)],
    "dusk": [(44, 30, 84), (120, 58, 140), (214, 96, 150)],
}
_CLOUDS: dict[str, Colour] = {
    "day": (250, 251, 253),
    "sunset": (250, 170, 140),
    "dawn": (255, 214, 214),
    "night": (66, 74, 104),
    "dusk": (150, 90, 156),
}


def draw_sky(scene: Scene) -> None:
    """Draws everything above the horizon."""
    _background(scene)
    if scene.attributes.sky == "stars":
        _stars(scene)
    _sun_or_moon(scene)
    if scene.attributes.sky == "cloudy":
        for _ in range(scene.canvas.random.randint(3, 6)):
            _cloud(scene, _CLOUDS[scene.attributes.time])


def _background(scene: Scene) -> None:
    canvas, chance = scene.canvas, scene.canvas.random
    varied: list[Colour] = []
    for stop in _GRADIENTS[scene.attributes.time]:
        red, green, blue = (max(0, min(255, v + chance.uniform(-14, 14))) for v in stop)
        varied.append((red, green, blue))
    rows = gradient(varied, 0, scene.horizon + 0.05)[:, None, :]
    textured = rows + 2.0 * canvas.noise()[..., None]
    canvas.picture[:] = np.clip(textured, 0, 255).astype(np.uint8)


def _stars(scene: Scene) -> None:
    chance = scene.canvas.random
    for _ in range(chance.randint(50, 130)):
        x, y, size = (
            chance.random(),
            chance.random() ** 1.2 * (scene.horizon + 0.03),
            chance.random(),
        )
        radius = 0.0022 + 0.003 * size**3
        colour = mix((170, 180, 220), (255, 255, 240), chance.random())
        scene.canvas.ellipse((x, y), (radius, radius), colour)


def _sun_or_moon(scene: Scene) -> None:
    chance, time = scene.canvas.random, scene.attributes.time
    x = chance.choice(
        [chance.uniform(0.12, 0.36), chance.uniform(0.4, 0.6), chance.uniform(0.64, 0.88)]
    )
    if time == "day":
        if chance.random() < 0.6:
            y, radius = chance.uniform(0.12, 0.26), chance.uniform(0.07, 0.1)
            scene.canvas.glow((x, y), radius * 3.2, (255, 246, 190), 0.75)
            _disc(scene, "sun", (x, y), radius, (255, 226, 92))
    elif time in ("sunset", "dawn"):
        if chance.random() < 0.75:
            y = scene.horizon - chance.uniform(-0.02, 0.16)
            radius = chance.uniform(0.08, 0.11)
            scene.canvas.glow((x, y), radius * 4, (255, 220, 130), 0.8)
            colour = (255, 238, 170) if time == "dawn" else (255, 216, 96)
            _disc(scene, "sun", (x, y), radius, colour)
    elif time == "night" and chance.random() < 0.7:
        _moon(scene, x)


def _moon(scene: Scene, x: float) -> None:
    canvas, chance = scene.canvas, scene.canvas.random
    y, radius = chance.uniform(0.12, 0.26), chance.uniform(0.07, 0.1)
    crescent = chance.random() < 0.45
    canvas.glow((x, y), radius * 3.4, (150, 165, 215), 0.5)
    beside: Colour = (26, 36, 80)
    if x + radius * 1.7 < 1:
        column = min(SIDE - 1, int((x + radius * 1.7) * SIDE))
        red, green, blue = canvas.picture[int(y * SIDE), column].tolist()
        beside = (red, green, blue)
    _disc(scene, "crescent moon" if crescent else "moon", (x, y), radius, (246, 242, 214))
    if crescent:
        shade = (x + radius * 0.45, y - radius * 0.12)
        canvas.ellipse(shade, (radius * 0.86, radius * 0.86), beside)
        return
    for _ in range(3):
        crater = (
            x + chance.uniform(-0.5, 0.5) * radius,
            y + chance.uniform(-0.5, 0.5) * radius,
        )
        canvas.ellipse(crater, (radius * 0.18, radius * 0.15), (222, 218, 190))


def _disc(
    scene: Scene, name: str, centre: tuple[float, float], radius: float, colour: Colour
) -> None:
    scene.canvas.ellipse(centre, (radius, radius), colour, "sun" if name == "sun" else "moon")
    scene.add(name, *centre, radius)
    scene.sun_x = centre[0]


def _cloud(scene: Scene, colour: Colour) -> None:
    canvas, chance = scene.canvas, scene.canvas.random
    x, y = chance.random(), chance.uniform(0.05, scene.horizon - 0.1)
    width = chance.uniform(0.09, 0.2)
    count = chance.randint(3, 5)
    puffs = [
        (
            x + width * (i / (count - 1) - 0.5) * 1.5,
            y
            - (width * 0.16 * math.sin(math.pi * (i + 0.5) / count))
            + chance.uniform(-0.01, 0.01),
            width * chance.uniform(0.24, 0.36),
        )
        for i in range(count)
    ]
    for px, py, radius in puffs:
        below = (px, py + 0.014)
        canvas.ellipse(below, (radius, radius * 0.55), brighten(colour, 0.88), "cloud")
    for px, py, radius in puffs:
        canvas.ellipse((px, py), (radius, radius * 0.55), colour, "cloud")
    for px, py, radius in puffs:
        light = (px - radius * 0.1, py - radius * 0.12)
        canvas.ellipse(light, (radius * 0.7, radius * 0.34), brighten(colour, 1.04), "cloud")
