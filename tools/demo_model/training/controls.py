"""Control maps: what the four ControlNets are shown, drawn from what the renderer knows.

They look as the common preprocessors draw them, so that a map made by those, or by hand, works.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from tools.demo_model.canvas import LABELS, Bytes, Floats

CANNY_LOW, CANNY_HIGH = 100, 200  # the usual thresholds, on the RGB picture
_STROKES = (3, 8)  # thinnest and thickest line of a scribble, in pixels at 256
_WOBBLE = 2.5  # pixels by which an unsteady hand misses, at most
_WAVE = 8  # bends of an unsteady hand along a side

# Labels as classes of ADE20K, in the colours of its usual palette. The data set knows neither
# clouds nor the moon nor cacti: those become what is nearest, each object in a colour of its own.
ADE20K: Mapping[str, tuple[str, tuple[int, int, int]]] = {
    "sky": ("sky", (6, 230, 230)),
    "cloud": ("sky", (6, 230, 230)),
    "sun": ("light", (255, 173, 0)),
    "moon": ("lamp", (224, 255, 8)),
    "far": ("mountain", (143, 255, 140)),
    "ground": ("earth", (120, 120, 70)),
    "water": ("sea", (9, 7, 230)),
    "house": ("house", (255, 9, 224)),
    "tree": ("tree", (4, 200, 3)),
    "pine": ("palm", (0, 82, 255)),
    "cactus": ("plant", (204, 255, 4)),
    "boat": ("boat", (173, 255, 0)),
    "balloon": ("airplane", (0, 255, 82)),
    "lighthouse": ("tower", (255, 184, 184)),
    "tent": ("tent", (112, 224, 255)),
}
_COLOURS = np.array([ADE20K[label][1] for label in LABELS], np.uint8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hand:
    """How a scribble is drawn."""

    width: int = 4  # of the lines, in pixels
    wobble: float = 0.0  # how far the lines stray at most, in pixels
    seed: int = 0  # of where they stray

    @classmethod
    def unsteady(cls, chance: random.Random) -> "Hand":
        """Anybody's hand."""
        wobble = chance.uniform(0, _WOBBLE)
        return cls(width=chance.randint(*_STROKES), wobble=wobble, seed=chance.randrange(2**31))


STEADY = Hand()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    picture: Bytes
    labels: Bytes
    depth: Bytes
    hand: Hand


def control_map(
    kind: str, picture: Bytes, labels: Bytes, depth: Bytes, hand: Hand = STEADY
) -> Bytes:
    """The map of `kind`, one of KINDS: 256×256×3, RGB.

    `picture` is 256×256×3, RGB; `labels` (places in canvas.LABELS) and `depth` (0 is far, 255
    near) are 256×256. Only a scribble depends on the `hand` that draws it.
    """
    drawn = _MAKERS[kind](_Known(picture=picture, labels=labels, depth=depth, hand=hand))
    return drawn if drawn.ndim == 3 else np.repeat(drawn[..., None], 3, axis=2)


def _canny(known: _Known) -> Bytes:
    picture = np.ascontiguousarray(known.picture)
    return np.asarray(cv2.Canny(picture, CANNY_LOW, CANNY_HIGH), np.uint8)


def _scribble(known: _Known) -> Bytes:
    """Thick outlines of all regions, white on black."""
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (known.hand.width, known.hand.width))
    labels = np.ascontiguousarray(known.labels)
    # A line lies on the seam of two regions: the pixels before it, to the right or below.
    seams = np.zeros_like(labels)
    seams[:, :-1] |= (labels[:, :-1] != labels[:, 1:]).astype(np.uint8)
    seams[:-1] |= (labels[:-1] != labels[1:]).astype(np.uint8)
    lines = cv2.dilate(seams * 255, pen)
    if known.hand.wobble == 0:
        return np.asarray(lines, np.uint8)
    columns, rows = _strayed(known.hand, labels.shape[0])
    strayed = cv2.remap(lines, columns, rows, cv2.INTER_LINEAR)
    return np.where(strayed > 127, 255, 0).astype(np.uint8)


def _strayed(hand: Hand, side: int) -> tuple[Floats, Floats]:
    """From which column and row each pixel of an unsteady drawing is taken."""
    generator = np.random.default_rng(hand.seed)
    bends = generator.uniform(-hand.wobble, hand.wobble, (2, _WAVE, _WAVE)).astype(np.float32)
    across, down = (
        cv2.resize(bend, (side, side), interpolation=cv2.INTER_LINEAR) for bend in bends
    )
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    return columns + across, rows + down


def _depth(known: _Known) -> Bytes:
    return known.depth


def _seg(known: _Known) -> Bytes:
    return _COLOURS[known.labels]


_MAKERS: dict[str, Callable[[_Known], Bytes]] = {
    "canny": _canny,
    "scribble": _scribble,
    "depth": _depth,
    "seg": _seg,
}
KINDS = tuple(_MAKERS)
