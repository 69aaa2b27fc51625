"""The images of ControlNet units, kept inside the PNG file of a result and read back.

A chunk of our own, `cnIM`, for each: the unit's number in the parameter text, what the image is to
the unit, and a whole PNG.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from pathlib import Path

from PIL import Image

from pipelines.control.units import ControlUnit
from pipelines.errors import InvalidPicture
from pipelines.imaging.chunks import Chunks, png_bytes, read_chunks
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.opening import open_picture

CONTROL_CHUNK = b"cnIM"

MOST_IMAGES = 64
"""Of one file that are read; a file of ours never has more."""

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA")
_KEPT_INFO = ("icc_profile", "transparency")


class _Role(IntEnum):
    """What an image is to its unit."""

    image = 0
    mask = 1
    region = 2


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptPictures:
    """What a unit had of its own: images, what was drawn on one (L), and its region mask."""

    images: tuple[Image.Image, ...] = ()
    mask: Image.Image | None = None
    region: Image.Image | None = None


def control_chunks(units: Sequence[ControlUnit]) -> Chunks:
    """For a PNG file; `units` are in the order of their numbers in the parameter text.

    Images keep their size, transparency and colour profile, and nothing else that came with them.
    """
    return tuple(
        (CONTROL_CHUNK, bytes((number, role)) + png_bytes(_bare(image)))
        for number, unit in enumerate(units)
        for role, image in _images(unit)
    )[:MOST_IMAGES]


def read_control_pictures(source: Path | bytes, *, max_pixels: int) -> Mapping[int, KeptPictures]:
    """What `control_chunks` put into a file, by number; nothing of another or a damaged file.

    No image of more than `max_pixels` pixels is decoded.
    """
    found: dict[int, KeptPictures] = {}
    try:
        for left, (_, content) in enumerate(read_chunks(source, (CONTROL_CHUNK,))):
            if left == MOST_IMAGES:
                break
            number, role = content[0], _Role(content[1])
            image = open_picture(content[2:], max_pixels=max_pixels)
            found[number] = _with(found.get(number, KeptPictures()), role, image)
    except (OSError, InvalidPicture, ValueError, IndexError):
        return {}
    return found


def _images(unit: ControlUnit) -> Iterator[tuple[_Role, Image.Image]]:
    for image in unit.images:
        yield _Role.image, image
    if unit.mask is not None:
        yield _Role.mask, unit.mask
    if unit.region is not None:
        yield _Role.region, unit.region


def _bare(image: Image.Image) -> Image.Image:
    bare = image.copy() if image.mode in _PNG_MODES else to_rgb(image)
    bare.info = {key: bare.info[key] for key in _KEPT_INFO if key in bare.info}
    return bare


def _with(kept: KeptPictures, role: _Role, image: Image.Image) -> KeptPictures:
    match role:
        case _Role.image:
            return replace(kept, images=(*kept.images, image))
        case _Role.mask:
            return replace(kept, mask=image.convert("L"))
        case _Role.region:
            return replace(kept, region=image)
