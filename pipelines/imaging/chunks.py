"""Chunks of our own inside PNG files, each holding a whole PNG; other programs pass them over."""

import io
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from PIL import Image

Chunks = tuple[tuple[bytes, bytes], ...]
"""Names and contents, in order."""

PNG_COMPRESSION = 4
"""zlib's level: the usual 6 takes two and a half times as long for files 3 % smaller."""

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_LARGEST = 256 * 1024**2  # bytes of a chunk that are read; larger ones are passed over


def png_bytes(image: Image.Image) -> bytes:
    """The file that holds `image`, which is of a mode that PNG has."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=PNG_COMPRESSION)
    return buffer.getvalue()


def read_chunks(source: Path | bytes, names: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The chunks of these names in a PNG file; none of any other file, and damage ends it.

    OSError when the file cannot be read.
    """
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        yield from _chunks(file, names)


def _chunks(file: IO[bytes], names: Collection[bytes]) -> Iterator[tuple[bytes, bytes]]:
    if file.read(len(_SIGNATURE)) != _SIGNATURE:
        return
    while len(header := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", header)
        if name in names and length <= _LARGEST:
            yield name, file.read(length)
            file.seek(4, io.SEEK_CUR)
        else:
            file.seek(length + 4, io.SEEK_CUR)
