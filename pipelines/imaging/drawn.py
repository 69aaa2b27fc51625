"""What was drawn for an inpaint job, kept inside the PNG file of its result.

Two chunks of our own after the picture's data, each a whole PNG: `inMK` holds the mask as it was
drawn, neither blurred nor inverted, `inPT` the strokes of Inpaint sketch. Programs that do not know
them pass them over. Both are as large as the result and lie on it as they lay on the source.
"""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.chunks import Chunks, png_bytes, read_chunks
from pipelines.imaging.geometry import Size
from pipelines.imaging.masks import changed_pixels, fit_mask
from pipelines.imaging.opening import open_picture
from pipelines.imaging.resize import resize
from pipelines.requests import Inpaint, InpaintArea, ResizeMode

MASK_CHUNK, STROKES_CHUNK = b"inMK", b"inPT"


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """`mask` is of mode L, 255 = masked. `strokes` (RGBA, same size) belong to Inpaint sketch."""

    mask: Image.Image
    strokes: Image.Image | None = None


def drawn_for(inpaint: Inpaint, source: Image.Image, size: Size, resize_mode: ResizeMode) -> Drawn:
    """What was drawn on `source` (RGB), brought to the result's `size` as the source was.

    With Only masked the result has the source's own size, whatever the resize mode.
    """
    mask = fit_mask(inpaint.mask, Size.of(source.size))
    strokes = None
    if inpaint.painted is not None:
        strokes = inpaint.painted.copy()
        strokes.putalpha(changed_pixels(inpaint.painted, source))
    stretched = inpaint.area is InpaintArea.only_masked or resize_mode is ResizeMode.latent_upscale
    mode = ResizeMode.just_resize if stretched else resize_mode
    if Size.of(source.size) != size:
        mask = resize(mask, size, mode)
        strokes = None if strokes is None else resize(strokes, size, mode)
    return Drawn(mask=mask, strokes=strokes)


def to_chunks(drawn: Drawn) -> Chunks:
    """For a PNG file."""
    chunks = [(MASK_CHUNK, png_bytes(drawn.mask))]
    if drawn.strokes is not None:
        chunks.append((STROKES_CHUNK, png_bytes(drawn.strokes)))
    return tuple(chunks)


def read_drawn(source: Path | bytes, *, max_pixels: int) -> Drawn | None:
    """What `to_chunks` put into a file; None for any other file, or where it is damaged.

    Only the mask and the strokes are decoded, and of neither more than `max_pixels` pixels.
    """
    try:
        found = dict(read_chunks(source, (MASK_CHUNK, STROKES_CHUNK)))
        if MASK_CHUNK not in found:
            return None
        mask = open_picture(found[MASK_CHUNK], max_pixels=max_pixels).convert("L")
        if STROKES_CHUNK not in found:
            return Drawn(mask=mask)
        strokes = open_picture(found[STROKES_CHUNK], max_pixels=max_pixels).convert("RGBA")
    except (OSError, InvalidPicture):
        return None
    return Drawn(mask=mask, strokes=strokes if strokes.size == mask.size else None)
