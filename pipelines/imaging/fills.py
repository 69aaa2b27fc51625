"""What a masked area is filled with before it is repainted."""

from PIL import Image, ImageFilter, ImageOps

PASSES = ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1))
"""Radius in pixels of each blur, and how often its result is laid down, from far to near."""


def fill(image: Image.Image, mask: Image.Image) -> Image.Image:
    """`image` (RGB) with the area under `mask` (L, same size) replaced by what surrounds it.

    A1111's masked content "fill": the picture, transparent where it is masked, is blurred with
    ever smaller radii and laid over itself, so that colours flow into the hole: from afar very
    blurred, from the rim hardly. All arithmetic is on premultiplied bytes, as Pillow does it. What
    no surroundings reach, as under a mask that covers everything, becomes black.
    """
    surroundings = with_hole(image, mask)
    filled = Image.new("RGBA", image.size)
    for radius, repeats in PASSES:
        layer = surroundings.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(repeats):
            filled.alpha_composite(layer)
    return filled.convert("RGB")


def with_hole(image: Image.Image, mask: Image.Image) -> Image.Image:
    """`image` made transparent by `mask` (L, same size), premultiplied: mode RGBa."""
    holed = Image.new("RGBa", image.size)
    holed.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    return holed
