"""What Only masked shows of a control picture, once more in plain numbers from its words; slow."""

import numpy as np
from PIL import Image

from pipelines.imaging.geometry import Size
from pipelines.requests import Inpaint, MaskMode, ResizeMode
from tests.pipelines.imaging.slow_inpaint import slow_blur, slow_crop
from tests.pipelines.imaging.slow_resize import slow_resize


def slow_repaint_mask(inpaint: Inpaint) -> np.ndarray:
    """Grayscale; inverted if that is asked for; blurred across, then down."""
    drawn = np.asarray(inpaint.mask).astype(np.int64)
    mask = 255 - drawn if inpaint.mode is MaskMode.not_masked else drawn
    return slow_blur(mask, inpaint.blur_x, inpaint.blur_y)


def slow_cut(
    image: Image.Image, inpaint: Inpaint, processing: Size, mode: ResizeMode
) -> Image.Image:
    """The picture (RGB or L) laid over the whole mask, cut to its part, brought to the size."""
    mask = slow_repaint_mask(inpaint)
    places = [(int(x), int(y)) for y, x in np.argwhere(mask > 0)]
    whole = Size.of(inpaint.mask.size)
    box = slow_crop(places, inpaint.mask.size, inpaint.padding, processing.width, processing.height)
    laid_over = slow_resize(image.convert("RGB"), whole, mode)
    cut = slow_resize(laid_over.crop(box), processing, ResizeMode.resize_and_fill)
    return cut.getchannel("R") if image.mode == "L" else cut


def slow_pixel_perfect(picture: Size, target: Size, *, fills: bool) -> int:
    """The shorter side times H/height or W/width, the smaller for Resize and Fill, else the larger.

    numpy's round, half to even.
    """
    k0, k1 = target.height / picture.height, target.width / picture.width
    k = k0 if (k0 < k1) == fills else k1
    return int(np.round(k * float(min(picture.height, picture.width))))
