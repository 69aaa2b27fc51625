"""The ground under the horizon: hills, mountains, desert and sea."""

import math
from collections.abc import Callable

import numpy as np

from tools.demo_model.canvas import SIDE, Doubles, coverage
from tools.demo_model.palette import WHITE, Colour, brighten, mix
from tools.demo_model.scene import Scene


def draw_terrain(scene: Scene) -> None:
    """Draws the scene's terrain and sets from where down objects may stand."""
    row = int(min(0.95, scene.horizon) * SIDE) - 4
    red, green, blue = scene.canvas.picture[row, SIDE // 2].tolist()
    _TERRAINS[scene.attributes.terrain](_Land(scene, (red, green, blue)))


class _Land:
    """The scene with the colours of its distance and its grass."""

    def __init__(self, scene: Scene, sky: Colour) -> None:
        self.scene, self.canvas, self.chance = scene, scene.canvas, scene.canvas.random
        self._sky = sky
        self.near, self.far = self._grass()

    def _grass(self) -> tuple[Colour, Colour]:
        if self.scene.attributes.season == "winter":
            return (228, 236, 246), (196, 210, 232)
        share = self.chance.random()
        return (
            mix((120, 186, 74), (96, 170, 90), share),
            mix((60, 128, 52), (44, 112, 64), share),
        )

    def hazy(self, colour: Colour, share: float) -> Colour:
        """`colour` in the scene's light, faded into the sky by `share`."""
        return mix(self.scene.lit(colour), self._sky, share)


def _hills(land: _Land) -> None:
    scene = land.scene
    count = land.chance.randint(2, 3)
    for i in range(count):
        near = i / count
        land.canvas.layer(
            land.canvas.ridge(scene.horizon + 0.02 + 0.15 * i, 0.055),
            land.hazy(brighten(land.near, 0.92 + 0.1 * near), 0.42 * (1 - near)),
            land.hazy(brighten(land.far, 0.95), 0.42 * (1 - near)),
            "ground" if i else "far",
        )
    scene.ground = scene.horizon + 0.16


def _mountains(land: _Land) -> None:
    scene, canvas, chance = land.scene, land.canvas, land.chance
    rocks: list[Colour] = [(112, 120, 146), (126, 118, 122), (96, 110, 130)]
    rock = chance.choice(rocks)
    snowy = scene.attributes.season == "winter" or chance.random() < 0.75
    if chance.random() < 0.6:
        behind = canvas.peaks(scene.horizon + 0.02, 0.26)
        top, bottom = land.hazy(brighten(rock, 1.1), 0.5), land.hazy(rock, 0.6)
        canvas.layer(behind, top, bottom, "far", texture=2)
    peaks = canvas.peaks(scene.horizon + 0.06, chance.uniform(0.26, 0.4))
    top, bottom = land.hazy(brighten(rock, 1.05), 0.12), land.hazy(brighten(rock, 0.8), 0.25)
    canvas.layer(peaks, top, bottom, "far", texture=5)
    if snowy:
        _snow_caps(scene, peaks)
    canvas.layer(
        canvas.ridge(scene.horizon + 0.13, 0.03),
        land.hazy(brighten(land.near, 0.9), 0.15),
        land.hazy(brighten(land.far, 0.9), 0.1),
        "ground",
    )
    front = canvas.ridge(scene.horizon + 0.26, 0.03)
    canvas.layer(front, scene.lit(land.near), scene.lit(land.far), "ground")
    scene.ground = scene.horizon + 0.18


def _snow_caps(scene: Scene, peaks: Doubles) -> None:
    """Whitens the peaks down to a zigzag line, a bit darker where they fall to the right."""
    canvas, chance = scene.canvas, scene.canvas.random
    columns = np.arange(SIDE, dtype=np.float64)
    limit = float(peaks.min()) + chance.uniform(0.1, 0.17)
    teeth = np.sign(np.sin(columns / SIDE * 2 * math.pi * chance.uniform(9, 14)))
    waves = np.abs(np.sin(columns / SIDE * 2 * math.pi * 11))
    zigzag = 0.02 * teeth * waves + 0.012 * canvas.noise()[SIDE // 3]
    lower = np.minimum(np.maximum(peaks, limit + zigzag), 1.0)
    upper_edge = np.stack([columns, peaks * SIDE], 1)
    lower_edge = np.stack([columns, lower * SIDE], 1)[::-1]
    rows = int(min(1.0, lower.max()) * SIDE) + 2
    cover = coverage(np.concatenate([upper_edge, lower_edge]))[:rows]
    falling = np.gradient(peaks.astype(np.float32)) > 0
    shade = np.where(falling, 0.86, 1.0)[None, :, None]
    picture = canvas.picture[:rows].astype(np.float32)
    snow = np.array(scene.lit((246, 249, 255)), np.float32)
    picture += cover * (snow * shade - picture)
    canvas.picture[:rows] = picture.clip(0, 255).astype(np.uint8)


def _desert(land: _Land) -> None:
    sunny: Colour = (240, 202, 130)
    shady: Colour = (206, 150, 84)
    for i in range(3):
        near = i / 3
        dune = land.canvas.ridge(land.scene.horizon + 0.02 + 0.13 * i, 0.05, (1, 2))
        land.canvas.layer(
            dune,
            land.hazy(brighten(sunny, 0.95 + 0.07 * near), 0.3 * (1 - near)),
            land.hazy(brighten(shady, 0.95 + 0.05 * near), 0.3 * (1 - near)),
            "ground" if i else "far",
            texture=3,
        )
    land.scene.ground = land.scene.horizon + 0.15


_WATER: dict[str, tuple[Colour, Colour]] = {
    "day": ((74, 150, 206), (28, 96, 166)),
    "sunset": ((226, 140, 104), (96, 66, 120)),
    "dawn": ((206, 180, 206), (104, 128, 180)),
    "night": ((30, 44, 84), (12, 20, 50)),
    "dusk": ((150, 84, 150), (52, 34, 96)),
}


def _sea(land: _Land) -> None:
    scene, canvas, chance = land.scene, land.canvas, land.chance
    top, bottom = _WATER[scene.attributes.time]
    level, depth = np.full(SIDE, scene.horizon), 1 - scene.horizon
    canvas.layer(level, top, bottom, "water", texture=2, depth=depth)
    crest = mix(top, WHITE, 0.35)
    for _ in range(chance.randint(22, 44)):
        y = scene.horizon + depth * chance.random() ** 1.3
        x = chance.random()
        length = 0.012 + 0.07 * (y - scene.horizon)
        colour = mix(crest, bottom, chance.random() * 0.5)
        width = 0.003 + 0.004 * (y - scene.horizon)
        canvas.line((x - length, y), (x + length, y), colour, width)
    if scene.sun_x is not None:
        _glitter(scene, scene.sun_x)
    scene.ground = scene.horizon + 0.1


def _glitter(scene: Scene, sun_x: float) -> None:
    """The light of the sun or the moon on the water under it."""
    chance, time = scene.canvas.random, scene.attributes.time
    colours: dict[str, Colour] = {"night": (200, 204, 214), "day": (255, 246, 206)}
    count = 26
    for i in range(count):
        y = scene.horizon + 0.008 + 0.42 * (i / count) ** 1.2
        width = chance.uniform(0.01, 0.035) * (1 + 1.2 * i / count)
        start = (sun_x - width + chance.uniform(-0.02, 0.02), y)
        scene.canvas.line(start, (sun_x + width, y), colours.get(time, (255, 216, 130)), 0.005)


_TERRAINS: dict[str, Callable[[_Land], None]] = {
    "hills": _hills,
    "mountains": _mountains,
    "desert": _desert,
    "sea": _sea,
}
