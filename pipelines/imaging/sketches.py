"""Strokes of colour on a picture: laid on, and softened as A1111's Inpaint sketch does."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageColor, ImageFilter

from pipelines.errors import InvalidPicture
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.geometry import Size

_COLOURS_AT_ONCE = 4096
"""That are compared with a palette, so that a drawing of a million colours takes no more memory."""


def paint(image: Image.Image, layer: Image.Image, background: str = "#ffffff") -> Image.Image:
    """`layer` (RGBA, transparent where nothing is drawn) over `image` (any mode): RGB in sRGB.

    InvalidPicture when their sizes differ.
    """
    if layer.size != image.size:
        raise InvalidPicture(
            f"The drawing is {Size.of(layer.size)} and the picture below it "
            f"{Size.of(image.size)}; they must be of one size."
        )
    painted = to_rgb(image, background)
    strokes = layer.convert("RGBA")
    painted.paste(strokes, mask=strokes.getchannel("A"))
    return painted


def soften(
    painted: Image.Image, original: Image.Image, mask: Image.Image, blur: tuple[int, int]
) -> Image.Image:
    """Blurred strokes that fade into `original`: the picture that Inpaint sketch starts from.

    `painted` and `original` are RGB and of one size, as is `mask` (L): the changed pixels, less
    their transparency, not inverted. `blur` is the mask blur in pixels, across and down; here
    it is Pillow's Gaussian, and not the one that blurs the mask for everything else.
    """
    softly = ImageFilter.GaussianBlur(blur)
    return Image.composite(painted.filter(softly), original, mask.filter(softly))


def in_palette(layer: Image.Image, colours: Sequence[str]) -> Image.Image:
    """`layer` (RGBA) with hard edges, and nothing in it but the nearest of `colours` ("#rrggbb").

    For drawings whose colours stand for something: the soft edge between two strokes would be of a
    third colour, which stands for something else. What is at least half opaque becomes opaque, all
    else transparent.
    """
    pixels = np.array(layer.convert("RGBA"))
    opaque = pixels[..., 3] >= 128
    pixels[..., 3] = np.where(opaque, 255, 0)
    found, places = np.unique(pixels[opaque][:, :3], axis=0, return_inverse=True)
    palette = np.array([ImageColor.getrgb(colour)[:3] for colour in colours], np.int32)
    nearest = np.empty_like(found)
    for start in range(0, len(found), _COLOURS_AT_ONCE):
        part = slice(start, start + _COLOURS_AT_ONCE)
        far = np.square(found[part, None, :].astype(np.int32) - palette[None]).sum(axis=2)
        nearest[part] = palette[far.argmin(axis=1)]
    pixels[opaque, :3] = nearest[places.reshape(-1)]
    return Image.fromarray(pixels)
