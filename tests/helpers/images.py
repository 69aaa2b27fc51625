"""Small pictures for tests, and a comparison that says how two of them differ."""

import numpy as np
from PIL import Image


def assert_same_picture(actual: Image.Image, expected: Image.Image, *, tolerance: int = 0) -> None:
    """Fail unless mode and size agree and no channel of a pixel is off by more than `tolerance`."""
    assert actual.mode == expected.mode, f"mode {actual.mode} is not {expected.mode}"
    assert actual.size == expected.size, f"{actual.size} is not {expected.size}"
    difference = np.abs(np.asarray(actual, np.int16) - np.asarray(expected, np.int16))
    worst = int(difference.max())
    assert worst <= tolerance, (
        f"worst pixel off by {worst} (allowed {tolerance}), "
        f"first at {np.argwhere(difference > tolerance)[0].tolist()}; "
        f"mean {difference.mean():.3f}"
    )


def gradient(width: int = 64, height: int = 64) -> Image.Image:
    """RGB: red grows to the right, green downward, blue along both."""
    x = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    y = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return Image.fromarray(np.stack([x, y, (x + y) / 2], axis=-1).astype(np.uint8))


def noise(width: int = 64, height: int = 64, *, seed: int = 0, channels: int = 3) -> Image.Image:
    """Every channel of every pixel drawn evenly from 0 to 255; L, LA, RGB or RGBA."""
    values = np.random.default_rng(seed).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values)


def plain(colour: str = "#336699", width: int = 64, height: int = 64) -> Image.Image:
    """RGB of one colour."""
    return Image.new("RGB", (width, height), colour)
