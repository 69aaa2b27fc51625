"""Opening a picture from outside: nothing is decoded before its size is known to be allowed."""

import io
import threading
from collections import OrderedDict
from pathlib import Path
from typing import IO

from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile

from pipelines.errors import InvalidPicture
from pipelines.imaging.colours import to_rgb

__all__ = ["FORMATS", "OpenedPictures", "open_picture", "to_rgb"]

FORMATS = {
    "PNG": "PNG",
    "JPEG": "JPEG",
    "WEBP": "WebP",
    "GIF": "GIF",
    "BMP": "BMP",
    "TIFF": "TIFF",
    "AVIF": "AVIF",
}
"""The kinds of file that are read: Pillow's name of each, and the name people know."""

_OTHER_KINDS: tuple[tuple[bytes, int, str], ...] = (
    (b"%PDF", 0, "a PDF document"),
    (b"8BPS", 0, "a Photoshop document"),
    (b"PK\x03\x04", 0, "a ZIP archive or office document"),
    (b"\x1f\x8b", 0, "a gzip archive"),
    (b"ftypheic", 4, "a HEIC picture"),
    (b"ftypheix", 4, "a HEIC picture"),
    (b"ftypmif1", 4, "a HEIF picture"),
    (b"ftyp", 4, "a video"),
    (b"\x1a\x45\xdf\xa3", 0, "a video"),
    (b"\xff\x0a", 0, "a JPEG XL picture"),
    (b"JXL ", 4, "a JPEG XL picture"),
    (b"jP  ", 4, "a JPEG 2000 picture"),
    (b"gimp xcf", 0, "a GIMP document"),
    (b"\x00\x00\x01\x00", 0, "an icon"),
    (b"MZ", 0, "a program"),
    (b"\x7fELF", 0, "a program"),
)
"""Kinds that people drop by mistake: the bytes that tell them, their place, a name."""


def open_picture(source: Path | bytes, *, max_pixels: int) -> Image.Image:
    """The picture in a file, or in a file's bytes: decoded, upright, of any mode Pillow has.

    Of an animation or a file of several pages, the first. EXIF orientation is applied; `.info`
    keeps the ICC profile, texts and EXIF. InvalidPicture when it has more than `max_pixels`
    pixels (read from the header, before decoding), is damaged or cut short, or is of no kind in
    FORMATS. Pillow's own limit, which the whole process shares, plays no part.
    """
    name = source.name if isinstance(source, Path) else "The picture"
    try:
        with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
            return _decode(file, name, max_pixels)
    except OSError as error:
        reason = error.strerror or error
        raise InvalidPicture(f"{name} cannot be read: {reason}.") from error


class OpenedPictures:
    """The files opened last, so that another click on the same picture decodes nothing.

    A file is known by its path, size and time; pictures handed out are read-only. Safe to use from
    several threads.
    """

    def __init__(self, keep: int = 2) -> None:
        self._keep = keep
        self._lock = threading.Lock()
        self._pictures: OrderedDict[tuple[Path, int, int, int], Image.Image] = OrderedDict()

    def open(self, path: Path, *, max_pixels: int) -> Image.Image:
        """As `open_picture`; the same object again for a file that has not changed."""
        try:
            state = path.stat()
        except OSError:
            return open_picture(path, max_pixels=max_pixels)  # which says what is wrong
        key = (path, state.st_size, state.st_mtime_ns, max_pixels)
        with self._lock:
            if key not in self._pictures:
                self._pictures[key] = open_picture(path, max_pixels=max_pixels)
            self._pictures.move_to_end(key)
            while len(self._pictures) > self._keep:
                self._pictures.popitem(last=False)
            return self._pictures[key]


def _decode(file: IO[bytes], name: str, max_pixels: int) -> Image.Image:
    image = _read_header(file, name)
    kind = FORMATS[_registered_name(image)]
    width, height = image.size
    if width * height > max_pixels:
        raise InvalidPicture(
            f"{name} is {width}x{height}, {width * height / 1e6:.1f} megapixels; "
            f"at most {max_pixels / 1e6:g} megapixels are allowed."
        )
    try:
        image.load()
    except Exception as error:  # damaged data makes the decoders raise whatever they trip over
        raise _damaged(name, kind) from error
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block hides which way is up, but not the picture
        return image.copy()


def _read_header(file: IO[bytes], name: str) -> ImageFile:
    """Let the reader of the file's kind look at its header; no pixel is decoded.

    This walks Pillow's table of readers rather than call `Image.open`, which would hold the
    picture against the process-wide limit before ours.
    """
    Image.init()
    start = file.read(4096)
    for pillow_name, kind in FORMATS.items():
        if pillow_name not in Image.OPEN:
            continue
        reader, accepts = Image.OPEN[pillow_name]
        accepted = accepts is None or accepts(start[:16])
        if isinstance(accepted, str):
            raise InvalidPicture(f"{name} is a {kind} picture, which this Pillow cannot read.")
        if not accepted:
            continue
        file.seek(0)
        try:
            return reader(file, "")
        except Exception as error:  # damaged headers make the readers raise all kinds of things
            raise _damaged(name, kind) from error
    allowed = ", ".join(FORMATS.values())
    raise InvalidPicture(f"{name} is {_describe(start)}, not a picture; allowed are {allowed}.")


def _damaged(name: str, kind: str) -> InvalidPicture:
    return InvalidPicture(
        f"{name} is a {kind} picture that is damaged or cut short; only whole files can be used."
    )


def _registered_name(image: ImageFile) -> str:
    """Pillow calls a JPEG of several pictures MPO, and a bitmap without file header DIB."""
    return {"MPO": "JPEG", "DIB": "BMP"}.get(image.format or "", image.format or "")


def _describe(start: bytes) -> str:
    """What a file that is no picture seems to be, from its first bytes."""
    if not start:
        return "empty"
    for signature, offset, kind in _OTHER_KINDS:
        if start[offset : offset + len(signature)] == signature:
            return kind
    if b"<svg" in start:
        return "an SVG drawing"
    try:
        # The last few bytes may be half of a character.
        text = start[:-3].decode("utf-8") if len(start) > 16 else start.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(start) - 6:
            return "a file of an unknown kind"
        text = ""
    return "a file of an unknown kind" if "\0" in text else "a text file"
