"""Laying a picture over a generated one where it was not repainted."""

from PIL import Image

from pipelines.imaging.fills import with_hole


def cut_overlay(colours: Image.Image, overlay_mask: Image.Image) -> Image.Image:
    """`colours` (RGB) as RGBA, transparent by `overlay_mask` (L, same size; 255 = transparent).

    By way of premultiplied bytes, as A1111 cuts it: half-transparent pixels lose a little, fully
    opaque ones nothing.
    """
    return with_hole(colours, overlay_mask).convert("RGBA")


def lay_over(generated: Image.Image, overlay: Image.Image) -> Image.Image:
    """`overlay` (RGBA) over `generated` (RGB, same size); RGB."""
    under = generated.convert("RGBA")
    under.alpha_composite(overlay)
    return under.convert("RGB")


def mix_transparent(
    generated: Image.Image, original: Image.Image, overlay_mask: Image.Image
) -> Image.Image:
    """From `original` (RGBA) to opaque `generated` (RGB) by `overlay_mask`, transparency included.

    Where the mask is 0 the original's bytes come back, the colours of what is fully transparent
    among them.
    """
    premultiplied = Image.composite(
        generated.convert("RGBA").convert("RGBa"), original.convert("RGBa"), overlay_mask
    )
    mixed = premultiplied.convert("RGBA")
    mixed.paste(original, mask=overlay_mask.point([255] + [0] * 255))
    return mixed


def masked_composite(generated: Image.Image, overlay_mask: Image.Image) -> Image.Image:
    """Only what was repainted: `generated` (RGB) with the overlay mask as alpha; RGBA.

    A1111: return_mask_composite and save_mask_composite.
    """
    nothing = Image.new("RGBa", generated.size)
    cut = Image.composite(generated.convert("RGBA").convert("RGBa"), nothing, overlay_mask)
    return cut.convert("RGBA")
