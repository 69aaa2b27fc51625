"""Flat colour doodles of an object in a landscape, as somebody draws them with a few strokes."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from tools.demo_model.canvas import Bytes
from tools.demo_model.evaluation.prompts import COLOURS_OF, Wanted, objects_of
from tools.demo_model.palette import NAMED
from tools.demo_model.scene import TERRAINS

SIDE = 256
Corner = tuple[float, float]
Ink = tuple[int, int, int]
_HORIZON = 132
_SKY: Ink = (140, 190, 240)
_GROUNDS: dict[str, Ink] = {
    "hills": (100, 165, 75),
    "mountains": (100, 165, 75),
    "desert": (225, 185, 115),
    "sea": (50, 115, 180),
}
_ROCK: Ink = (125, 125, 140)
_BROWN: Ink = (110, 75, 50)
_DARK_GREEN: Ink = (40, 100, 60)
_THIRDS = (62, 128, 194)


@dataclass(frozen=True, kw_only=True, slots=True)
class Doodle:
    """A doodle, what it means, and where its object is."""

    picture: Bytes  # 256×256×3
    terrain: str
    wanted: Wanted
    box: tuple[float, float, float, float]  # left, top, right, bottom in fractions of the side


class _Paper:
    def __init__(self, terrain: str) -> None:
        self.picture: Bytes = np.full((SIDE, SIDE, 3), _SKY, np.uint8)
        if terrain == "mountains":
            self.fill([(0, 140), (60, 60), (120, 140)], _ROCK)
            self.fill([(80, 140), (170, 45), (256, 140)], _ROCK)
        self.picture[_HORIZON:] = _GROUNDS[terrain]

    def fill(self, corners: list[Corner], colour: Ink) -> None:
        """Fills a polygon."""
        cv2.fillPoly(self.picture, [np.round(corners).astype(np.int32)], colour)

    def disc(self, x: float, y: float, radius: float, colour: Ink) -> None:
        """Fills a circle."""
        cv2.circle(self.picture, (round(x), round(y)), round(radius), colour, -1)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Ink) -> None:
        """Fills a rectangle."""
        self.fill([(left, top), (right, top), (right, bottom), (left, bottom)], colour)


def doodles(count: int) -> list[Doodle]:
    """Every object in every terrain that it stands in, in turn, by day."""
    pairs = [(terrain, name) for terrain in TERRAINS for name in objects_of(terrain)]
    return [
        _doodle(terrain, name, number)
        for number, (terrain, name) in enumerate(itertools.islice(itertools.cycle(pairs), count))
    ]


def _doodle(terrain: str, name: str, number: int) -> Doodle:
    colours = COLOURS_OF.get(name, ("",))
    colour = colours[(number + number // 17) % len(colours)]
    ink: Ink = (40, 100, 60)
    if colour:
        red, green, blue = NAMED[colour]
        ink = (int(red), int(green), int(blue))
    paper = _Paper(terrain)
    before = paper.picture.copy()
    _DRAWERS[name](paper, _THIRDS[(number + number // 17) % 3], ink)
    rows, columns = np.nonzero((paper.picture != before).any(2))
    return Doodle(
        picture=paper.picture,
        terrain=terrain,
        wanted=Wanted(name=name, colour=colour),
        box=(
            float(columns.min()) / SIDE,
            float(rows.min()) / SIDE,
            float(columns.max() + 1) / SIDE,
            float(rows.max() + 1) / SIDE,
        ),
    )


def _house(paper: _Paper, x: float, ink: Ink) -> None:
    paper.box(x - 40, 145, x + 40, 200, ink)
    paper.fill([(x - 48, 146), (x, 108), (x + 48, 146)], _BROWN)


def _tree(paper: _Paper, x: float, ink: Ink) -> None:
    paper.box(x - 6, 150, x + 6, 198, _BROWN)
    paper.disc(x, 130, 32, ink)


def _pine(paper: _Paper, x: float, _ink: Ink) -> None:
    paper.box(x - 4, 180, x + 4, 198, _BROWN)
    paper.fill([(x - 24, 184), (x, 105), (x + 24, 184)], _DARK_GREEN)


def _cactus(paper: _Paper, x: float, ink: Ink) -> None:
    paper.box(x - 9, 118, x + 9, 196, ink)
    for side, level in ((-1, 160), (1, 150)):
        paper.box(min(x, x + side * 28), level - 5, max(x, x + side * 28), level + 5, ink)
        hand = x + side * 24
        paper.box(hand - 5, level - 26, hand + 5, level + 5, ink)


def _boat(paper: _Paper, x: float, ink: Ink) -> None:
    paper.fill([(x + 2, 115), (x + 2, 170), (x + 34, 170)], ink)
    paper.fill([(x - 2, 122), (x - 2, 170), (x - 24, 170)], ink)
    paper.fill([(x - 36, 174), (x + 40, 174), (x + 26, 190), (x - 26, 190)], _BROWN)


def _balloon(paper: _Paper, x: float, ink: Ink) -> None:
    paper.disc(x, 52, 27, ink)
    paper.fill([(x - 24, 64), (x + 24, 64), (x + 8, 92), (x - 8, 92)], ink)
    paper.box(x - 8, 96, x + 8, 108, _BROWN)


def _lighthouse(paper: _Paper, x: float, _ink: Ink) -> None:
    paper.fill([(x - 50, 198), (x - 24, 182), (x + 24, 182), (x + 50, 198)], (95, 92, 92))
    stripes = ("red", "white") * 3
    for i, name in enumerate(stripes[:5]):
        red, green, blue = NAMED[name]
        paper.box(x - 15, 168 - 21 * i, x + 15, 189 - 21 * i, (int(red), int(green), int(blue)))
    paper.fill([(x - 14, 84), (x, 66), (x + 14, 84)], (165, 40, 35))


def _tent(paper: _Paper, x: float, ink: Ink) -> None:
    paper.fill([(x - 42, 196), (x - 8, 144), (x + 20, 196)], ink)
    paper.fill([(x + 20, 196), (x - 8, 144), (x + 26, 146), (x + 48, 188)], ink)


_DRAWERS: dict[str, Callable[[_Paper, float, Ink], None]] = {
    "house": _house,
    "tree": _tree,
    "pine": _pine,
    "cactus": _cactus,
    "boat": _boat,
    "balloon": _balloon,
    "lighthouse": _lighthouse,
    "tent": _tent,
}
