"""All that an inpaint job decides about pixels, and how a result is laid into its picture."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging import crops, masks
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.compositing import cut_overlay, lay_over, mix_transparent
from pipelines.imaging.fills import fill
from pipelines.imaging.geometry import Box, Size
from pipelines.imaging.originals import Original
from pipelines.imaging.resize import just_resize, resize
from pipelines.imaging.sketches import soften
from pipelines.imaging.soft_inpainting import soft_overlay_mask
from pipelines.requests import (
    LATENT_FACTOR,
    Inpaint,
    InpaintArea,
    MaskedContent,
    MaskMode,
    ResizeMode,
    SoftInpainting,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class MaskedPicture:
    """One inpaint job's pictures, ready for the network and for laying its result back.

    `init_image` (RGB, sRGB) is what is encoded, masked content filled in, and the target of a
    colour correction. `mask` (L, blurred, 255 = repaint) has the same size, except for a latent
    upscale, where `init_image` keeps its own. `latent_mask` is (height, width), 1 = repaint,
    rounded unless inpainting is soft. `size` is the processing size; the network's is that rounded
    down to a multiple of 8.

    `crop` says which box of the source picture was cut out for Only masked; None for Whole picture.
    `original` and `overlay_mask` (L; 255 = only what was generated) have the result's size:
    the source picture's own with a crop, else the processing size. `overlay` (RGBA) is the original
    made transparent by that mask. `messages` are sentences to show with the result.
    """

    init_image: Image.Image
    mask: Image.Image
    latent_mask: NDArray[np.float32]
    size: Size
    crop: Box | None
    original: Original
    overlay: Image.Image
    overlay_mask: Image.Image
    opaque: bool
    messages: tuple[str, ...]

    def with_soft_mask(self, change: NDArray[np.float32], soft: SoftInpainting) -> "MaskedPicture":
        """The same job with the overlay mask that Soft inpainting gives one result.

        `change` is (height, width) in latents: the L2 norm over channels of (result - source).
        """
        mask = soft_overlay_mask(
            change,
            self.latent_mask,
            soft,
            size=self.size,
            crop=self.crop,
            canvas=self.original.size,
        )
        overlay = cut_overlay(self.original.colours, mask)
        return replace(self, overlay=overlay, overlay_mask=mask)


def prepare_inpaint(
    picture: Image.Image,
    inpaint: Inpaint,
    size: Size,
    *,
    resize_mode: ResizeMode = ResizeMode.just_resize,
    background: str = "#ffffff",
) -> MaskedPicture:
    """Everything about pixels in a job that repaints part of `picture` (upright, any mode).

    `size` is the processing size. `background` (#rrggbb) shows through transparency while the
    network works. Pure: the same arguments give the same pixels. InvalidPicture or InvalidRequest,
    in one sentence, when nothing would be repainted, or when the shapes do not go together.

    With "Just resize (latent upscale)" the mask and the original are stretched, as the latents are.
    """
    mask = repaint_mask(picture, inpaint)
    shown = with_softened_strokes(picture, inpaint, background)
    stretched = resize_mode is ResizeMode.latent_upscale
    mode = ResizeMode.just_resize if stretched else resize_mode
    frame = (
        _only_masked(shown, mask, inpaint.padding, size)
        if inpaint.area is InpaintArea.only_masked
        else _whole_picture(shown, mask, size, mode)
    )
    latents = Size.of(frame.mask.size).divided(LATENT_FACTOR)
    latent_mask = masks.latent_mask(frame.mask, latents, rounded=inpaint.soft is None)
    if not latent_mask.any():
        raise _rounds_away(inpaint)
    encoded, encoded_mask = frame.shown, frame.mask
    if stretched and frame.crop is None:
        encoded, encoded_mask = shown, mask
    if inpaint.content is not MaskedContent.original:
        encoded = fill(encoded, encoded_mask)
    original = Original.of(picture).resized(Size.of(frame.around.size), mode)
    if inpaint.painted is not None:
        original = _with_strokes(original, frame.around, frame.overlay_mask)
    return MaskedPicture(
        init_image=encoded,
        mask=frame.mask,
        latent_mask=latent_mask,
        size=size,
        crop=frame.crop,
        original=original,
        overlay=cut_overlay(original.colours, frame.overlay_mask),
        overlay_mask=frame.overlay_mask,
        opaque=inpaint.opaque,
        messages=_messages(picture, inpaint, original, frame.overlay_mask),
    )


def paste_back(generated: Image.Image, masked: MaskedPicture) -> Image.Image:
    """A result laid into its picture: RGB, or RGBA where the source has transparency.

    `generated` is the decoded picture, RGB in sRGB at processing size. Where the overlay mask is 0
    the bytes are those of `masked.original`, which at the source's own size are the source's. With
    a crop the result has the source's size, else the processing size. The source's ICC profile is
    in `.info` if the colours are in its space. A1111: apply_overlay, with overlay_inpaint on.
    """
    original, laid_out = masked.original, lay_out(generated, masked)
    if original.alpha is not None and masked.opaque:
        result = mix_transparent(laid_out, original.rgba(), masked.overlay_mask)
    else:
        result = lay_over(laid_out, masked.overlay)
        if original.alpha is not None:
            result.putalpha(original.alpha)
    if original.profile is not None:
        result.info["icc_profile"] = original.profile
    return result


def lay_out(generated: Image.Image, masked: MaskedPicture) -> Image.Image:
    """`generated` where it belongs in its picture, with nothing of the original: RGB.

    It is as large as the result of `paste_back` and in the same colour space; around a crop it is
    black. A1111: the picture of masked composites.
    """
    laid_out = generated.convert("RGB")
    if Size.of(laid_out.size) != masked.size:
        laid_out = just_resize(laid_out, masked.size)
    if masked.crop is not None:
        laid_out = crops.lay_back(laid_out, masked.crop, masked.original.size)
    return masked.original.adopt(laid_out)


def repaint_mask(picture: Image.Image, inpaint: Inpaint) -> Image.Image:
    """The mask (L) at the size of `picture`, inverted if that is asked for, and blurred.

    InvalidRequest if that leaves nothing to repaint.
    """
    drawn = _drawn_mask(picture, inpaint)
    inverted = inpaint.mode is MaskMode.not_masked
    if drawn.getbbox() is None and inpaint.mask.getbbox() is not None and not inverted:
        raise InvalidRequest(
            f"Mask transparency {inpaint.transparency:g} leaves nothing of the mask; lower it."
        )
    mask = masks.invert(drawn) if inverted else drawn
    if mask.getbbox() is None:
        raise InvalidRequest(
            "The mask covers the whole picture and Inpaint not masked leaves nothing to repaint; "
            "leave a part unmasked, or choose Inpaint masked."
            if inverted
            else "The mask is empty, so nothing would be repainted; paint over what is to change."
        )
    blurred = masks.blur(mask, inpaint.blur_x, inpaint.blur_y)
    if blurred.getbbox() is None:
        raise InvalidRequest(
            f"Mask blur {max(inpaint.blur_x, inpaint.blur_y)} makes so small a mask vanish; "
            "lower it, or paint over a larger area."
        )
    return blurred


def with_softened_strokes(picture: Image.Image, inpaint: Inpaint, background: str) -> Image.Image:
    """`picture` in RGB, laid over `background` (#rrggbb), and what was painted on it as A1111 does.

    InvalidPicture if the painted picture has another size.
    """
    shown, painted = to_rgb(picture, background), inpaint.painted
    if painted is None:
        return shown
    if painted.size != shown.size:
        raise InvalidPicture(
            f"The painted picture is {Size.of(painted.size)} and the one below it "
            f"{Size.of(shown.size)}; they must be of one size."
        )
    return soften(painted, shown, _drawn_mask(picture, inpaint), (inpaint.blur_x, inpaint.blur_y))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Frame:
    """What the network is shown (`shown`, `mask`), and what goes around its result."""

    shown: Image.Image
    mask: Image.Image
    around: Image.Image
    overlay_mask: Image.Image
    crop: Box | None


def _whole_picture(shown: Image.Image, mask: Image.Image, size: Size, mode: ResizeMode) -> _Frame:
    around, resized_mask = resize(shown, size, mode), resize(mask, size, mode)
    return _Frame(
        shown=_aligned(around),
        mask=_aligned(resized_mask),
        around=around,
        overlay_mask=masks.doubled(resized_mask),
        crop=None,
    )


def _only_masked(shown: Image.Image, mask: Image.Image, padding: int, size: Size) -> _Frame:
    """The resize mode plays no part here, as in A1111."""
    crop = crops.find_crop(mask, padding, size)
    assert crop is not None  # blank masks have been refused
    return _Frame(
        shown=_aligned(crops.cut_out(shown, crop, size)),
        mask=_aligned(crops.cut_out(mask, crop, size)),
        around=shown,
        overlay_mask=mask,
        crop=crop,
    )


def _aligned(image: Image.Image) -> Image.Image:
    """Stretched down to multiples of 8, which is all that latents can hold."""
    latents = Size.of(image.size).divided(LATENT_FACTOR)
    aligned = Size(latents.width * LATENT_FACTOR, latents.height * LATENT_FACTOR)
    return image if Size.of(image.size) == aligned else just_resize(image, aligned)


def _drawn_mask(picture: Image.Image, inpaint: Inpaint) -> Image.Image:
    """The mask at the picture's size, less its transparency; neither inverted nor blurred."""
    fitted = masks.fit_mask(inpaint.mask, Size.of(picture.size))
    return masks.with_transparency(fitted, inpaint.transparency)


def _with_strokes(original: Original, around: Image.Image, overlay_mask: Image.Image) -> Original:
    """Softened strokes are part of the original, but only where something is generated, too.

    Pillow's blur of the strokes reaches a little further than the mask's; A1111 leaves that rim.
    """
    colours = original.adopt(around).copy()
    colours.paste(original.colours, mask=overlay_mask.point([255] + [0] * 255))
    return replace(original, colours=colours)


def _rounds_away(inpaint: Inpaint) -> InvalidRequest:
    ways = ["paint over a larger area"]
    if inpaint.area is InpaintArea.whole_picture:
        ways.append("choose Only masked")
    elif inpaint.padding > 0:
        ways.append("lower Only masked padding")
    if max(inpaint.blur_x, inpaint.blur_y) > 0:
        ways.append("lower Mask blur")
    if inpaint.transparency > 0:
        ways.append("lower Mask transparency")
    if inpaint.soft is None:
        ways.append("turn on Soft inpainting")
    return InvalidRequest(
        f"The mask is too small or too faint to repaint anything: it covers none of the model's "
        f"cells of {LATENT_FACTOR}x{LATENT_FACTOR} pixels by half; {', or '.join(ways)}."
    )


def _messages(
    picture: Image.Image, inpaint: Inpaint, original: Original, overlay_mask: Image.Image
) -> tuple[str, ...]:
    messages: list[str] = []
    mask_size, size = Size.of(inpaint.mask.size), Size.of(picture.size)
    if mask_size != size:
        messages.append(
            f"The mask is {mask_size} and the picture {size}; the mask was stretched to fit."
        )
    if (
        original.alpha is not None
        and not inpaint.opaque
        and ImageChops.darker(original.alpha, overlay_mask).getbbox() is None
    ):
        messages.append(
            "Everything under the mask is transparent and stays so; what is painted cannot be seen."
        )
    return tuple(messages)
