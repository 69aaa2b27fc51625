"""What happens after the drawing: its size and its style."""

from collections.abc import Callable

import cv2
import numpy as np

from tools.demo_model.canvas import Bytes, Floats
from tools.demo_model.scene import Scene

PICTURE_SIDE = 256
# The ink: tones of 0 to 255.
_PAPER, _BLACK = 246, 32
# Where the picture is darker than the first number, a wash of ink takes the second from the paper.
_WASHES = ((150, 46), (84, 56))
_CONTRAST = 48  # between neighbouring pixels, from which on a line is drawn


def finish(scene: Scene) -> Bytes:
    """The styled 256×256 picture."""
    side = (PICTURE_SIDE, PICTURE_SIDE)
    drawn = cv2.resize(scene.canvas.picture, side, interpolation=cv2.INTER_AREA)
    return _STYLES[scene.attributes.style](scene, np.asarray(drawn, np.uint8))


def _flat(scene: Scene, picture: Bytes) -> Bytes:
    grain = scene.canvas.noise()[:PICTURE_SIDE, :PICTURE_SIDE, None]
    return np.clip(picture.astype(np.float32) * (1 + 0.008 * grain), 0, 255).astype(np.uint8)


def _ink(scene: Scene, picture: Bytes) -> Bytes:
    """Thick black outlines and up to two washes of grey on white paper.

    Nothing is finer than what the autoencoder can hold: hatching would come back as mud.
    """
    gray = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    tone = cv2.GaussianBlur(gray, (0, 0), 2.5)
    paper = np.full_like(tone, _PAPER)
    for darker_than, taken in _WASHES:
        paper -= taken * np.clip(0.5 + (darker_than - tone) / 12, 0, 1)
    lines = cv2.GaussianBlur(_outlines(scene.canvas.labels, picture), (0, 0), 1.1)
    inked = paper + lines * (_BLACK - paper)
    return np.repeat(np.clip(inked, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _outlines(labels: Bytes, picture: Bytes) -> Floats:
    """1 along the outlines of what is labelled and along strong contrasts, 0 elsewhere."""
    pen = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))
    outlines = cv2.morphologyEx(labels, cv2.MORPH_GRADIENT, pen) > 0
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.2)
    contrasts = cv2.morphologyEx(smooth, cv2.MORPH_GRADIENT, pen).max(axis=2) > _CONTRAST
    return np.asarray(cv2.dilate((outlines | contrasts).astype(np.float32), pen), np.float32)


_STYLES: dict[str, Callable[[Scene, Bytes], Bytes]] = {
    "flat": _flat,
    "ink": _ink,
}
