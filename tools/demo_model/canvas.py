"""The drawing surface: a picture, its segmentation and its depth, drawn on together.

Coordinates and sizes are fractions of the side, x to the right and y down.
"""

import math
import random
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt

from tools.demo_model.palette import Colour, clamp

Point = tuple[float, float]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

SIDE = 512  # of the picture while it is drawn; segmentation and depth have half of it
LABELS = (
    *("sky", "cloud", "sun", "moon", "far", "ground", "water"),
    *("house", "tree", "pine", "cactus", "boat", "balloon", "lighthouse", "tent"),
)
OBJECTS = LABELS[LABELS.index("house") :]
_FRACTION_BITS = 4  # OpenCV takes sixteenths of a pixel
_NOISES = 6
_FAR = 0.15  # nearness of the mountains and of the ground at the horizon

cv2.setNumThreads(0)  # the drawing is spread over processes instead


@cache
def noise_bank() -> tuple[Floats, ...]:
    """Six square fields of smooth noise, larger than the picture, each of mean 0 and variance 1."""
    generator = np.random.default_rng(7)
    side = 640
    fields: list[Floats] = []
    for _ in range(_NOISES):
        field = np.zeros((side, side), np.float32)
        amplitude = 1.0
        for cells in (5, 11, 23, 47, 95, 190):
            grid = generator.standard_normal((cells, cells)).astype(np.float32)
            octave = cv2.resize(grid, (side, side), interpolation=cv2.INTER_CUBIC)
            field += amplitude * octave
            amplitude *= 0.62
        field -= field.mean()
        field /= field.std()
        fields.append(field)
    return tuple(fields)


class Canvas:
    """A 512×512 RGB picture, its 256×256 labels and depth; all chance comes from the seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._generator = np.random.default_rng(seed)
        self.picture: Bytes = np.zeros((SIDE, SIDE, 3), np.uint8)
        self.labels: Bytes = np.zeros((SIDE // 2, SIDE // 2), np.uint8)
        # As MiDaS draws it: 0 is infinitely far, 255 is at the viewer's feet.
        self.depth: Bytes = np.zeros((SIDE // 2, SIDE // 2), np.uint8)
        self.horizon = 0.5  # height of the horizon
        self.nearness = 0.0  # 0 to 1, of the labelled shapes drawn next

    def polygon(self, points: Sequence[Point], colour: Colour, label: str | None = None) -> None:
        """Fills the polygon through `points`."""
        corners = np.asarray(points, np.float64) * SIDE
        _fill(self.picture, corners, clamp(colour))
        if label is not None:
            halved = np.round(corners / 2).astype(np.int32)
            for target, value in self._known(label):
                cv2.fillPoly(target, [halved], value)

    def ellipse(
        self,
        centre: Point,
        radii: Point,
        colour: Colour,
        label: str | None = None,
        *,
        tilt: float = 0,
    ) -> None:
        """Fills an ellipse, turned clockwise by `tilt` degrees."""
        cv2.ellipse(
            self.picture,
            (_sixteenths(centre[0]), _sixteenths(centre[1])),
            (max(1, _sixteenths(radii[0])), max(1, _sixteenths(radii[1]))),
            *(tilt, 0, 360, clamp(colour), -1, cv2.LINE_AA, _FRACTION_BITS),
        )
        if label is not None:
            middle = (_label_pixels(centre[0]), _label_pixels(centre[1]))
            axes = (max(1, _label_pixels(radii[0])), max(1, _label_pixels(radii[1])))
            for target, value in self._known(label):
                cv2.ellipse(target, middle, axes, tilt, 0, 360, value, -1)

    def line(
        self, start: Point, end: Point, colour: Colour, width: float, label: str | None = None
    ) -> None:
        """Draws a straight line with round ends."""
        cv2.line(
            self.picture,
            (_sixteenths(start[0]), _sixteenths(start[1])),
            (_sixteenths(end[0]), _sixteenths(end[1])),
            *(clamp(colour), max(1, round(width * SIDE)), cv2.LINE_AA, _FRACTION_BITS),
        )
        if label is not None:
            first = (int(start[0] * SIDE / 2), int(start[1] * SIDE / 2))
            last = (int(end[0] * SIDE / 2), int(end[1] * SIDE / 2))
            thickness = max(1, int(width * SIDE / 2))
            for target, value in self._known(label):
                cv2.line(target, first, last, value, thickness)

    def noise(self) -> Floats:
        """A random 512×512 window of the noise bank, mirrored half of the time."""
        field = noise_bank()[self.random.randrange(_NOISES)]
        room = field.shape[0] - SIDE
        left, top = self.random.randrange(room), self.random.randrange(room)
        window = field[top : top + SIDE, left : left + SIDE]
        return window[:, ::-1] if self.random.random() < 0.5 else window

    def layer(
        self,
        ridge: Doubles,
        top: Colour,
        bottom: Colour,
        label: str,
        *,
        texture: float = 3.5,
        depth: float = 0.35,
    ) -> None:
        """Fills all below `ridge`, one height per column, with a vertical gradient and noise.

        The gradient goes from `top` at the highest point to `bottom` at `depth` below it.
        """
        highest = float(ridge.min())
        first_row = max(0, int(highest * SIDE) - 2)
        if first_row >= SIDE:
            return
        columns = np.arange(SIDE)
        below = [[SIDE, SIDE + 4], [-1, SIDE + 4]]
        outline = np.concatenate([np.stack([columns, ridge * SIDE], 1), below])
        cover = coverage(outline)[first_row:]
        colours = gradient([top, bottom], highest, min(1.0, highest + depth))[first_row:, None, :]
        grain = self.noise()[first_row:] * texture
        rows = self.picture[first_row:].astype(np.float32)
        rows += cover * (colours + grain[..., None] - rows)
        self.picture[first_row:] = np.clip(rows, 0, 255).astype(np.uint8)
        halved = np.round(outline / 2).astype(np.int32)
        cv2.fillPoly(self.labels, [halved], LABELS.index(label))
        covered = np.zeros_like(self.depth)
        cv2.fillPoly(covered, [halved], 1)
        heights = np.arange(SIDE // 2) / (SIDE // 2)
        near = [_FAR if label == "far" else self.nearness_at(height) for height in heights]
        rows_of_depth = (np.array(near) * 255).astype(np.uint8)[:, None]
        self.depth[:] = np.where(covered > 0, rows_of_depth, self.depth)

    def nearness_at(self, height: float) -> float:
        """How near what stands on the ground at `height` is: 0 at the horizon, 1 at the bottom."""
        share = (height - self.horizon) / (1 - self.horizon)
        return min(1.0, max(_FAR, _FAR + (1 - _FAR) * share))

    def _known(self, label: str) -> tuple[tuple[Bytes, int], tuple[Bytes, int]]:
        """What a labelled shape writes where, besides its colour."""
        depth = round(255 * self.nearness)
        return (self.labels, LABELS.index(label)), (self.depth, depth)

    def ridge(self, base: float, amplitude: float, waves: Sequence[int] = (1, 2, 3)) -> Doubles:
        """A gentle line of hills around `base`: a sum of sines, one height per column."""
        x = np.linspace(0, 1, SIDE)
        y = np.full(SIDE, base)
        chance = self.random
        for wave in waves:
            height = amplitude / wave * chance.uniform(0.4, 1)
            y = y + height * np.sin(
                2 * math.pi * (wave * chance.uniform(0.6, 1.2) * x + chance.random())
            )
        return y

    def peaks(self, base: float, height: float) -> Doubles:
        """A jagged line of three to five mountains that rise `height` above `base`."""
        chance = self.random
        count = chance.randint(3, 5)
        xs, ys = [-0.1], [base]
        for i in range(count):
            summit = (i + 0.5 + chance.uniform(-0.25, 0.25)) / count
            xs += [summit, (i + 1) / count + chance.uniform(-0.04, 0.04)]
            ys += [
                base - height * chance.uniform(0.55, 1),
                base - height * chance.uniform(0, 0.25),
            ]
        xs.append(1.15)
        ys.append(base)
        order = np.argsort(xs)
        line = np.interp(np.linspace(0, 1, SIDE), np.array(xs)[order], np.array(ys)[order])
        coarse = 0.006 * self.noise()[SIDE // 2]
        fine = np.convolve(self._generator.standard_normal(SIDE), np.ones(4) / 4, "same")
        return line + coarse + 0.004 * fine

    def glow(self, centre: Point, radius: float, colour: Colour, strength: float) -> None:
        """Blends a soft round light over the picture, `strength` in its middle."""
        reach = int(radius * SIDE)
        column, row = int(centre[0] * SIDE), int(centre[1] * SIDE)
        left, right = max(0, column - reach), min(SIDE, column + reach)
        top, bottom = max(0, row - reach), min(SIDE, row + reach)
        if right <= left or bottom <= top:
            return
        xs, ys = np.arange(left, right)[None] - column, np.arange(top, bottom)[:, None] - row
        distance = np.hypot(xs, ys) / reach
        share = (strength * np.clip(1 - distance, 0, 1) ** 2)[..., None].astype(np.float32)
        patch = self.picture[top:bottom, left:right].astype(np.float32)
        lit = patch + share * (np.array(colour, np.float32) - patch)
        self.picture[top:bottom, left:right] = lit.astype(np.uint8)

    def shadow(self, centre: Point, width: float) -> None:
        """Darkens a flat ellipse on the ground, `width` to each side of `centre`."""
        x, y = centre
        flatness = 0.22
        left, right = max(0, int((x - width) * SIDE)), min(SIDE, int((x + width) * SIDE))
        top = max(0, int((y - width * flatness) * SIDE))
        bottom = min(SIDE, int((y + width * flatness) * SIDE))
        if right <= left or bottom <= top:
            return
        xs = np.arange(left, right)[None] / SIDE - x
        ys = np.arange(top, bottom)[:, None] / SIDE - y
        distance = (xs / width) ** 2 + (ys / (width * flatness)) ** 2
        share = (0.34 * np.clip(1 - distance, 0, 1))[..., None]
        patch = self.picture[top:bottom, left:right] * (1 - share)
        self.picture[top:bottom, left:right] = patch.astype(np.uint8)


def coverage(outline: Doubles) -> Floats:
    """How much of each pixel the polygon `outline`, in pixels, covers: 512×512×1, 0 to 1."""
    mask = np.zeros((SIDE, SIDE), np.uint8)
    _fill(mask, outline, (255,))
    return mask.astype(np.float32)[..., None] / np.float32(255)


def gradient(stops: Sequence[Colour], top: float = 0.0, bottom: float = 1.0) -> Floats:
    """One colour per row (512×3), passing evenly through `stops` between the two heights."""
    heights = np.clip((np.arange(SIDE) / SIDE - top) / max(1e-6, bottom - top), 0, 1)
    places = np.linspace(0, 1, len(stops))
    channels = [
        np.interp(heights, places, [stop[channel] for stop in stops]) for channel in range(3)
    ]
    return np.stack(channels, -1).astype(np.float32)


def _fill(target: Bytes, corners: Doubles, value: tuple[int, ...]) -> None:
    fixed = np.round(corners * 2**_FRACTION_BITS).astype(np.int32)
    cv2.fillPoly(target, [fixed], value, cv2.LINE_AA, _FRACTION_BITS)


def _sixteenths(value: float) -> int:
    return round(value * SIDE * 16)


def _label_pixels(value: float) -> int:
    return round(value * SIDE / 2)
