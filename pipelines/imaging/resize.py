"""A1111's resize modes that act on pixels: one pure function each, and the table of them."""

from collections.abc import Callable, Mapping

from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode

MAX_INTERMEDIATE_PIXELS = 2**28
"""Largest picture made on the way to the result, about 1 GiB in memory."""

LANCZOS = Image.Resampling.LANCZOS
BICUBIC = Image.Resampling.BICUBIC


def resize(image: Image.Image, size: Size, mode: ResizeMode) -> Image.Image:
    """`image` (RGB or L) brought to `size` pixels as `mode` says; a new picture.

    InvalidPicture when the shapes are so different that nothing would be left of it, or that it
    would first have to be enlarged beyond reason. `latent_upscale` acts on latents and has no
    function here.
    """
    return RESIZERS[mode](image, size)


def just_resize(image: Image.Image, size: Size) -> Image.Image:
    """Stretched to `size` with Lanczos, whatever that does to the proportions."""
    return _lanczos(image, size)


def crop_and_resize(image: Image.Image, size: Size) -> Image.Image:
    """Scaled until it covers `size`, then cut to it around the middle."""
    wider = image.width / image.height >= size.width / size.height
    covering = _lanczos(
        image,
        Size(
            image.width * size.height // image.height if wider else size.width,
            size.height if wider else image.height * size.width // image.width,
        ),
    )
    left, top = _offset(covering, size)
    return covering.crop((-left, -top, size.width - left, size.height - top))


def resize_and_fill(image: Image.Image, size: Size) -> Image.Image:
    """Scaled until it fits inside `size`; the bars beside it are its edges streaked outward.

    A bar is the scaled picture resized, with Pillow's default filter, from a box without height
    (or width) at the edge: every row of it is 1.125 * edge row - 0.125 * the row inside, clipped.
    When a side of `size` is odd, the last row or column can stay black, as A1111 leaves it.
    """
    ratio, source_ratio = size.width / size.height, image.width / image.height
    inner = _lanczos(
        image,
        Size(
            size.width if ratio < source_ratio else image.width * size.height // image.height,
            size.height if ratio >= source_ratio else image.height * size.width // image.width,
        ),
    )
    left, top = _offset(inner, size)
    canvas = Image.new(image.mode, (size.width, size.height))
    canvas.paste(inner, (left, top))
    width, height = inner.size
    if ratio < source_ratio and top > 0:
        canvas.paste(inner.resize((width, top), BICUBIC, (0, 0, width, 0)), (0, 0))
        bottom = inner.resize((width, top), BICUBIC, (0, height, width, height))
        canvas.paste(bottom, (0, top + height))
    elif ratio > source_ratio and left > 0:
        canvas.paste(inner.resize((left, height), BICUBIC, (0, 0, 0, height)), (0, 0))
        right = inner.resize((left, height), BICUBIC, (width, 0, width, height))
        canvas.paste(right, (left + width, 0))
    return canvas


RESIZERS: Mapping[ResizeMode, Callable[[Image.Image, Size], Image.Image]] = {
    ResizeMode.just_resize: just_resize,
    ResizeMode.crop_and_resize: crop_and_resize,
    ResizeMode.resize_and_fill: resize_and_fill,
}


def _offset(scaled: Image.Image, size: Size) -> tuple[int, int]:
    """Where a picture lies on a canvas of `size` when centred; both halves are truncated."""
    return size.width // 2 - scaled.width // 2, size.height // 2 - scaled.height // 2


def _lanczos(image: Image.Image, size: Size) -> Image.Image:
    given = Size.of(image.size)
    if min(size.width, size.height) < 1:
        raise InvalidPicture(
            f"A picture of {given} is too narrow for this resize mode: nothing would be left of "
            "its shorter side; crop it first, or choose Just resize."
        )
    if size.pixels > MAX_INTERMEDIATE_PIXELS:
        raise InvalidPicture(
            f"A picture of {given} would have to be enlarged to {size} on the way; at most "
            f"{MAX_INTERMEDIATE_PIXELS // 10**6} megapixels are made; crop it first, or choose a "
            "smaller size."
        )
    return image.resize((size.width, size.height), LANCZOS)
