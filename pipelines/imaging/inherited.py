"""What a repainted picture takes over from its source besides pixels: EXIF and resolution."""

import math
import struct
from typing import Any, cast

from PIL import Image
from PIL.ExifTags import IFD, Base

_INTRODUCTION = b"Exif\0\0"
_UNICODE = b"UNICODE\0"
_BYTE, _UNDEFINED = 1, 7  # TIFF's numbers for types of values
_ENTRY = 12  # bytes
_OUTDATED = (Base.UserComment, Base.ExifImageWidth, Base.ExifImageHeight)
"""The source's parameter text, which would be taken for the result's, and its size."""


def inherited_info(source: Image.Image) -> dict[str, Any]:
    """For the result's `.info`: "exif" (bytes) and "dpi" (across, down), as far as there are any.

    Without the source's orientation, which has been applied, its thumbnail, parameter text and
    size. Damaged EXIF and resolutions that mean nothing are left behind.
    """
    info: dict[str, Any] = {}
    if exif := _exif(source):
        info["exif"] = exif
    if dpi := _dpi(source.info.get("dpi")):
        info["dpi"] = dpi
    return info


def exif_with_comment(exif: bytes, infotext: str) -> bytes | None:
    """`exif`, as `inherited_info` gives it, with `infotext` as UserComment; None if that fails.

    The comment is of the type UNDEFINED, which readers go by and Pillow does not write.
    """
    try:
        parsed = Image.Exif()
        parsed.load(exif)
        comment = _UNICODE + infotext.encode("utf-16-be")
        parsed.get_ifd(IFD.Exif)[Base.UserComment] = comment
        return _mark_comment(parsed.tobytes())
    except Exception:  # EXIF that was read may still hold what cannot be written
        return None


def _exif(source: Image.Image) -> bytes | None:
    try:
        exif = source.getexif()
        if not exif:
            return None
        kept = Image.Exif()
        kept.load(exif.tobytes())
        kept.pop(Base.Orientation, None)
        details = kept.get_ifd(IFD.Exif)
        for tag in _OUTDATED:
            details.pop(tag, None)
        written = kept.tobytes()
    except Exception:  # a damaged EXIF block fails in many ways, and is then as good as none
        return None
    return written


def _dpi(value: object) -> tuple[float, float] | None:
    if not isinstance(value, tuple):
        return None
    sides = cast("tuple[Any, ...]", value)
    if len(sides) != 2:
        return None
    try:
        across, down = float(sides[0]), float(sides[1])
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    sane = all(math.isfinite(side) and 1 <= side <= 65535 for side in (across, down))
    return (across, down) if sane else None


def _mark_comment(exif: bytes) -> bytes:
    """The same block with the UserComment's type set right; both types take a byte a value."""
    start = len(_INTRODUCTION) if exif.startswith(_INTRODUCTION) else 0
    order = ">" if exif[start : start + 2] == b"MM" else "<"

    def entry(at: int, tag: int) -> int:
        """Where the directory at `at` has its entry for `tag`."""
        (count,) = struct.unpack_from(f"{order}H", exif, start + at)
        places = (start + at + 2 + _ENTRY * index for index in range(count))
        return next(
            place for place in places if struct.unpack_from(f"{order}H", exif, place)[0] == tag
        )

    (main,) = struct.unpack_from(f"{order}I", exif, start + 4)
    (details,) = struct.unpack_from(f"{order}I", exif, entry(main, IFD.Exif) + 8)
    place = entry(details, Base.UserComment) + 2
    assert struct.unpack_from(f"{order}H", exif, place)[0] in (_BYTE, _UNDEFINED)
    marked = bytearray(exif)
    struct.pack_into(f"{order}H", marked, place, _UNDEFINED)
    return bytes(marked)
