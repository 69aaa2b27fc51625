"""A1111's Only masked: the part of a picture around its mask, cut out, and laid back."""

from dataclasses import replace

from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.geometry import Box, Size
from pipelines.imaging.resize import crop_and_resize, resize_and_fill


def find_crop(mask: Image.Image, padding: int, processing: Size) -> Box | None:
    """The box of `mask` (L, already blurred) that the network is shown; None for a blank mask.

    Everything above 0, plus `padding` pixels, widened to the shape of the `processing` size, all
    within the mask's own size.
    """
    found = mask.getbbox()
    if found is None:
        return None
    within = Size.of(mask.size)
    return expand_to_shape(pad(Box(*found), padding, within), processing, within)


def pad(box: Box, padding: int, within: Size) -> Box:
    """`box` with `padding` more pixels on each side, as far as `within` reaches."""
    return Box(
        max(box.left - padding, 0),
        max(box.top - padding, 0),
        min(box.right + padding, within.width),
        min(box.bottom + padding, within.height),
    )


def expand_to_shape(box: Box, shape: Size, within: Size) -> Box:
    """`box` made higher or wider until its sides relate as those of `shape`.

    The difference is truncated and split between both sides, the odd pixel going right or down. At
    a border the box is shifted; where `within` is too small for it, it is cut, and its shape is
    then another. A1111: expand_crop_region.
    """
    width, height = box.size.width, box.size.height
    ratio = shape.width / shape.height
    if width / height > ratio:
        top, bottom = _spread(box.top, box.bottom, int(width / ratio - height), within.height)
        return replace(box, top=top, bottom=bottom)
    left, right = _spread(box.left, box.right, int(height * ratio - width), within.width)
    return replace(box, left=left, right=right)


def cut_out(image: Image.Image, box: Box, size: Size) -> Image.Image:
    """The part of `image` (RGB or L) in `box`, brought to `size` with A1111's Resize and fill.

    InvalidPicture when the box is so narrow that nothing would be left of it.
    """
    width, height = box.size.width, box.size.height
    if min(height * size.width // width, width * size.height // height) == 0:
        raise InvalidPicture(
            f"The masked part is {box.size} and too narrow to be repainted at {size}; "
            "choose a width and height closer to its shape, or Whole picture."
        )
    return resize_and_fill(image.crop(box.corners), size)


def lay_back(image: Image.Image, box: Box, canvas: Size) -> Image.Image:
    """`image` (RGB or L) brought to `box` with Crop and resize, on a black `canvas`.

    A1111: uncrop.
    """
    around = Image.new(image.mode, (canvas.width, canvas.height))
    around.paste(crop_and_resize(image, box.size), (box.left, box.top))
    return around


def _spread(start: int, end: int, more: int, limit: int) -> tuple[int, int]:
    """[start, end) grown by `more` in all, shifted and then cut to fit into [0, limit)."""
    start -= more // 2
    end += more - more // 2
    if end >= limit:
        start, end = start - (end - limit), limit
    if start < 0:
        start, end = 0, end - start
    return start, min(end, limit)
