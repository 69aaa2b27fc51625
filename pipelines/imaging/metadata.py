"""The parameter text inside a picture: where each file format keeps it, as A1111 writes and reads.

PNG        text chunk "parameters"
JPEG, WebP EXIF UserComment: "UNICODE" and a zero byte, then UTF-16, big end first
GIF        the comment (only read)
"""

import json
import struct
from collections.abc import Mapping
from typing import Any, cast

from PIL import Image
from PIL.ExifTags import IFD, Base
from PIL.PngImagePlugin import PngInfo

PNG_KEY = "parameters"
_UNICODE = b"UNICODE\0"
_LONG, _UNDEFINED = 4, 7  # TIFF's numbers for types of values
_MAIN_AT, _EXIF_AT, _COMMENT_AT = 8, 26, 44  # bytes from the start of the TIFF header
_OTHER_CODES = (b"ASCII\0\0\0", b"\0" * 8)

_NOVELAI_SAMPLERS = {
    "k_euler_ancestral": "Euler a",
    "k_euler": "Euler",
    "k_lms": "LMS",
    "plms": "PLMS",
    "ddim": "DDIM",
}

MAX_EXIF_BYTES = 65533
"""What fits into the one segment that JPEG has for EXIF, its introduction included."""


def storable(infotext: str) -> str:
    """`infotext` with half surrogate pairs, which no file can hold, replaced by question marks."""
    return infotext.encode("utf-8", "replace").decode("utf-8")


def png_chunks(infotext: str) -> PngInfo:
    """The text chunk for a PNG: Latin-1 where that will do, else UTF-8."""
    chunks = PngInfo()
    chunks.add_text(PNG_KEY, infotext)
    return chunks


def exif_block(infotext: str) -> bytes:
    """An EXIF block that holds `infotext` as UserComment and nothing else.

    It is put together here because Pillow would call the comment's type BYTE. EXIF says UNDEFINED,
    and readers that go by the type, A1111's among them, fail on anything else.
    """
    comment = _UNICODE + infotext.encode("utf-16-be")
    main = struct.pack(">HHHIII", 1, IFD.Exif, _LONG, 1, _EXIF_AT, 0)
    exif = struct.pack(">HHHIII", 1, Base.UserComment, _UNDEFINED, len(comment), _COMMENT_AT, 0)
    return b"Exif\0\0" + b"MM\0*" + struct.pack(">I", _MAIN_AT) + main + exif + comment


def read_infotext(image: Image.Image) -> str | None:
    """The parameter text in `image`; None when there is none.

    As A1111 looks for it: the text "parameters", which an EXIF UserComment overrides, else a GIF's
    comment. What NovelAI writes is put into A1111's words.
    """
    parameters = image.info.get(PNG_KEY)
    found = parameters if isinstance(parameters, str) else None
    found = _user_comment(image) or found
    comment = image.info.get("comment")
    if found is None and image.info.get("Software") == "NovelAI":
        found = _from_novelai(image.info)
    if found is None and isinstance(comment, bytes):
        found = comment.decode("utf-8", "replace")
    return found or None


def _user_comment(image: Image.Image) -> str | None:
    try:
        value: object = image.getexif().get_ifd(IFD.Exif).get(Base.UserComment)
    except Exception:  # a damaged EXIF block fails in many ways, and is then as good as none
        return None
    if isinstance(value, str):
        return value
    if not isinstance(value, bytes):
        return None
    if value.startswith(_UNICODE):
        return _utf16(value[len(_UNICODE) :])
    if value.startswith(_OTHER_CODES):
        value = value[8:]
    return value.decode("utf-8", "replace").strip("\0")


def _utf16(data: bytes) -> str:
    """UTF-16 text in either byte order: some programs write the little end first."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    # Letters below 256 have a zero byte first when the big end comes first.
    little = data[1::2].count(0) > data[0::2].count(0)
    return data.decode("utf-16-le" if little else "utf-16-be", "replace")


def _from_novelai(info: Mapping[Any, Any]) -> str | None:
    """NovelAI keeps its prompt as description and the rest as JSON in the comment."""
    try:
        stored: object = json.loads(info["Comment"])
    except (KeyError, TypeError, ValueError):
        return None
    if not isinstance(stored, dict):
        return None
    values = cast(dict[str, Any], stored)
    sampler = _NOVELAI_SAMPLERS.get(str(values.get("sampler")), "Euler a")
    negative = values.get("uc", "")
    size = f"{values.get('width')}x{values.get('height')}"
    return (
        f"{info.get('Description', '')}\nNegative prompt: {negative}\n"
        f"Steps: {values.get('steps')}, Sampler: {sampler}, CFG scale: {values.get('scale')}, "
        f"Seed: {values.get('seed')}, Size: {size}, Clip skip: 2, ENSD: 31337"
    )
