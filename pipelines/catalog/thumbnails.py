"""Small copies of preview pictures, made once and kept: a page full of cards stays light."""

import hashlib
import io
import logging
import threading
from pathlib import Path

from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.files import write_atomically
from pipelines.imaging.opening import open_picture, to_rgb

log = logging.getLogger(__name__)

SIZE = (300, 450)
"""The box in pixels that a thumbnail covers: cards are higher than wide, as A1111's."""

_QUALITY = 85
_MAX_PIXELS = 40_000_000


class Thumbnails:
    """Thumbnails by their picture's path, size and time of change, in a folder; safe in threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._making = threading.Lock()  # one at a time: a page asks for dozens at once

    def make(self, picture: Path) -> bytes:
        """A JPEG file of at most `SIZE`, that keeps the picture's proportions.

        InvalidPicture when it is none or too large; OSError when it cannot be read.
        """
        status = picture.stat()
        named = f"{picture}\n{status.st_size}\n{status.st_mtime_ns}\n{SIZE}"
        digest = hashlib.sha256(named.encode(errors="surrogatepass")).hexdigest()
        kept = self._folder / f"{digest[:32]}.jpg"
        with self._making:
            if kept.is_file():
                return kept.read_bytes()
            made = _shrink(picture)
            try:
                write_atomically(kept, made)
            except OSError as error:
                log.warning("A thumbnail is not kept: %s.", error.strerror)
            return made


def _shrink(picture: Path) -> bytes:
    image = to_rgb(open_picture(picture, max_pixels=_MAX_PIXELS))
    scale = max(SIZE[0] / image.width, SIZE[1] / image.height)
    if min(image.size) < 1 or max(image.size) > 100 * min(image.size):
        raise InvalidPicture(f"{picture.name} is too narrow for a preview.")
    if scale < 1:
        sides = (max(1, round(side * scale)) for side in image.size)
        image = image.resize((next(sides), next(sides)), Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
