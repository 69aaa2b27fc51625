"""Masks as people paint them: around an object, over empty ground, strokes, or everything."""

import random
from collections.abc import Callable

import cv2
import numpy as np

from tools.demo_model.canvas import LABELS, OBJECTS, Bytes

_FIRST_OBJECT = LABELS.index(OBJECTS[0])
_MARGIN = (4, 28)  # pixels left free around an object, at 256
_SIDE = (56, 170)  # of a box somewhere, in pixels
_BRUSH = (28, 64)  # width of a stroke, in pixels
Box = tuple[int, int, int, int]  # left, top, right, bottom


def draw_mask(labels: Bytes, chance: random.Random) -> Bytes:
    """A random mask for a picture with these labels: 1 where it is to be painted anew, else 0.

    `labels` and the mask are height×width; most masks hold one of the objects, where there are any.
    """
    mask = np.zeros(labels.shape, np.uint8)
    _, make = chance.choices(_MAKERS, _CHANCES)[0]
    make(mask, labels, chance)
    return mask


def _around_object(mask: Bytes, labels: Bytes, chance: random.Random) -> None:
    """A box or an oval around one of the objects; somewhere, where there is none."""
    shown = [int(label) for label in np.unique(labels) if label >= _FIRST_OBJECT]
    if not shown:
        _somewhere(mask, labels, chance)
        return
    rows, columns = np.nonzero(labels == chance.choice(shown))
    margins = [chance.randint(*_MARGIN) for _ in range(4)]
    left, top = int(columns.min()) - margins[0], int(rows.min()) - margins[1]
    right, bottom = int(columns.max()) + margins[2], int(rows.max()) + margins[3]
    _fill(mask, (left, top, right, bottom), chance)


def _somewhere(mask: Bytes, labels: Bytes, chance: random.Random) -> None:
    """A box or an oval of any place and size."""
    height, width = labels.shape
    left, top = chance.randrange(-20, width - 40), chance.randrange(-20, height - 40)
    across, down = chance.randint(*_SIDE), chance.randint(*_SIDE)
    _fill(mask, (left, top, left + across, top + down), chance)


def _strokes(mask: Bytes, labels: Bytes, chance: random.Random) -> None:
    """One to three strokes of a round brush."""
    height, width = labels.shape
    for _ in range(chance.randint(1, 3)):
        x, y = chance.randrange(width), chance.randrange(height)
        brush = chance.randint(*_BRUSH)
        for _ in range(chance.randint(1, 4)):
            following = x + chance.randint(-90, 90), y + chance.randint(-60, 60)
            cv2.line(mask, (x, y), following, 1, brush)
            x, y = following


def _everything(mask: Bytes, _labels: Bytes, _chance: random.Random) -> None:
    mask[:] = 1


def _fill(mask: Bytes, box: Box, chance: random.Random) -> None:
    """Fills a box, or an oval that reaches beyond its sides so as to cover most of it."""
    left, top, right, bottom = box
    if chance.random() < 0.6:
        cv2.rectangle(mask, (left, top), (right, bottom), 1, -1)
        return
    middle = ((left + right) // 2, (top + bottom) // 2)
    radii = (round((right - left) * 0.6), round((bottom - top) * 0.6))
    cv2.ellipse(mask, middle, radii, chance.uniform(-15, 15), 0, 360, 1, -1)


_MAKERS: tuple[tuple[int, Callable[[Bytes, Bytes, random.Random], None]], ...] = (
    (52, _around_object),
    (24, _somewhere),
    (16, _strokes),
    (8, _everything),
)
_CHANCES = [percent for percent, _ in _MAKERS]
