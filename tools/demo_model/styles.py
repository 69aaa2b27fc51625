"""What happens after the drawing: rain and snow, the framing, and the style of the picture."""

from collections.abc import Callable

import cv2
import numpy as np

from tools.demo_model.canvas import SIDE, Bytes, Floats
from tools.demo_model.palette import Colour
from tools.demo_model.scene import SPREAD, Scene, Thing

PICTURE_SIDE = 256


def draw_rain(scene: Scene) -> None:
    """Slanted strokes over the whole picture."""
    canvas, chance = scene.canvas, scene.canvas.random
    strokes = canvas.picture.copy()
    slant = chance.uniform(-0.02, 0.02)
    colour = (130, 140, 170) if scene.attributes.time == "night" else (190, 200, 214)
    for _ in range(chance.randint(90, 170)):
        x, y, length = chance.random(), chance.random(), chance.uniform(0.03, 0.06)
        start = (int(x * SIDE), int(y * SIDE))
        end = (int((x + slant) * SIDE), int((y + length) * SIDE))
        cv2.line(strokes, start, end, colour, 2, cv2.LINE_AA)
    canvas.picture[:] = cv2.addWeighted(canvas.picture, 0.5, strokes, 0.5, 0)


def draw_snowfall(scene: Scene) -> None:
    """Flakes over the whole picture."""
    chance = scene.canvas.random
    night = scene.attributes.time == "night"
    colour: Colour = (200, 208, 226) if night else (246, 248, 252)
    for _ in range(chance.randint(90, 180)):
        radius = chance.uniform(0.003, 0.008)
        scene.canvas.ellipse((chance.random(), chance.random()), (radius, radius), colour)


def finish(scene: Scene) -> tuple[Bytes, Bytes, tuple[Thing, ...]]:
    """The styled 256×256 picture, its labels, and the things still in view after the framing."""
    picture, labels, things = _frame(scene)
    side = (PICTURE_SIDE, PICTURE_SIDE)
    picture = np.asarray(cv2.resize(picture, side, interpolation=cv2.INTER_AREA), np.uint8)
    labels = np.asarray(cv2.resize(labels, side, interpolation=cv2.INTER_NEAREST), np.uint8)
    grain = _noise(scene)
    return _STYLES[scene.attributes.style](scene, picture, grain), labels, tuple(things)


def _frame(scene: Scene) -> tuple[Bytes, Bytes, list[Thing]]:
    """Nearly half of the pictures are a square window of the drawing."""
    canvas, chance = scene.canvas, scene.canvas.random
    picture, labels, things = canvas.picture, canvas.labels, scene.things
    if chance.random() < 0.45 and not scene.choices.whole_view:
        share = chance.uniform(0.68, 0.97)
        left = chance.uniform(0, 1 - share)
        anywhere = chance.random() < 0.5
        top = chance.uniform(0, 1 - share) if anywhere else (1 - share) * chance.uniform(0.4, 0.9)
        x, y, side = int(left * SIDE), int(top * SIDE), int(share * SIDE)
        picture = picture[y : y + side, x : x + side]
        labels = labels[y // 2 : (y + side) // 2, x // 2 : (x + side) // 2]
        moved = [_moved(thing, left, top, share) for thing in things]
        things = [thing for thing in moved if thing.name in SPREAD or _in_view(thing)]
    return picture, labels, [_rounded(thing) for thing in things]


def _moved(thing: Thing, left: float, top: float, share: float) -> Thing:
    return Thing(
        name=thing.name,
        colour=thing.colour,
        x=(thing.x - left) / share,
        y=(thing.y - top) / share,
        height=thing.height / share,
    )


def _in_view(thing: Thing) -> bool:
    return 0.03 < thing.x < 0.97 and 0.03 < thing.y < 0.98


def _rounded(thing: Thing) -> Thing:
    x, y, height = (round(value, 3) for value in (thing.x, thing.y, thing.height))
    return Thing(name=thing.name, colour=thing.colour, x=x, y=y, height=height)


def _noise(scene: Scene) -> Floats:
    return scene.canvas.noise()[:PICTURE_SIDE, :PICTURE_SIDE]


def _positions() -> tuple[Floats, Floats]:
    rows, columns = np.mgrid[0:PICTURE_SIDE, 0:PICTURE_SIDE].astype(np.float32)
    return rows, columns


def _flat(_scene: Scene, picture: Bytes, grain: Floats) -> Bytes:
    textured = picture.astype(np.float32) * (1 + 0.012 * grain[..., None])
    return np.clip(textured, 0, 255).astype(np.uint8)


def _watercolour(scene: Scene, picture: Bytes, grain: Floats) -> Bytes:
    """Wobbly outlines, darker edges of the washes, paper around them."""
    across, down = _noise(scene), _noise(scene)
    rows, columns = _positions()
    wobbly = cv2.remap(
        picture,
        columns + 1.5 * across,
        rows + 1.5 * down,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REFLECT,
    )
    smooth = cv2.bilateralFilter(wobbly, 7, 40, 5).astype(np.float32)
    fine, coarse = cv2.GaussianBlur(smooth, (0, 0), 1.2), cv2.GaussianBlur(smooth, (0, 0), 3.5)
    edges = np.abs(fine - coarse).mean(2, keepdims=True)
    wash = smooth * (1 + 0.055 * grain[..., None]) - np.clip(edges * 0.9, 0, 34)
    wash = 255 - (255 - wash) * 0.86
    border = 6 + 3 * _noise(scene)
    last = PICTURE_SIDE - 1
    to_side = np.minimum(np.minimum(columns, last - columns), np.minimum(rows, last - rows))
    painted = np.clip((to_side - border) / 3, 0, 1)[..., None]
    paper = np.array([250, 246, 236], np.float32) + 2.5 * grain[..., None]
    return np.clip(paper + painted * (wash - paper), 0, 255).astype(np.uint8)


def _ink(_scene: Scene, picture: Bytes, grain: Floats) -> Bytes:
    """Black outlines and hatched shadows on paper."""
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    tone = gray.astype(np.float32)
    slope_x, slope_y = cv2.Sobel(tone, cv2.CV_32F, 1, 0), cv2.Sobel(tone, cv2.CV_32F, 0, 1)
    slope = np.maximum(np.abs(slope_x), np.abs(slope_y)) / 150.0
    outlines = cv2.GaussianBlur(np.clip(slope, 0, 1.3), (0, 0), 0.6)
    rows, columns = _positions()
    darkness = 1 - cv2.GaussianBlur(gray, (0, 0), 1.5).astype(np.float32) / 255
    hatching = 0.5 + 0.5 * np.sin((columns + rows) * 1.25)
    crossing = 0.5 + 0.5 * np.sin((columns - rows) * 1.25)
    ink = (
        np.clip(outlines, 0, 1)
        + 0.55 * np.clip((darkness - 0.42) * 3, 0, 1) * hatching
        + 0.55 * np.clip((darkness - 0.66) * 4, 0, 1) * crossing
    )
    paper = np.array([248, 245, 236], np.float32)[None, None] + 1.5 * grain[..., None]
    share = np.clip(ink, 0, 1)[..., None]
    black = np.array([34, 32, 38], np.float32)
    return np.clip(paper + share * (black - paper), 0, 255).astype(np.uint8)


_STYLES: dict[str, Callable[[Scene, Bytes, Floats], Bytes]] = {
    "flat": _flat,
    "watercolor": _watercolour,
    "ink": _ink,
}
