"""Small ICC profiles for tests, made from bytes."""

import struct
from functools import cache

from PIL import ImageCms

D50 = (0.9642, 1.0, 0.8249)


@cache
def srgb_profile() -> bytes:
    """sRGB as littleCMS writes it; the same each time, although it holds the second it was made."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def linear_profile() -> bytes:
    """A profile that is not sRGB: the same primaries, but values proportional to light."""
    data = bytearray(srgb_profile())
    # The three tone curves share one tag; a parametric curve of gamma 1 is linear.
    place = data.index(b"para")
    data[place + 8 : place + 12] = (0).to_bytes(4, "big")
    data[place + 12 : place + 16] = (1 << 16).to_bytes(4, "big")
    return bytes(data)


def swapped_profile() -> bytes:
    """An RGB profile in which red and blue have changed places."""
    data = bytearray(srgb_profile())
    red, blue = data.index(b"rXYZ"), data.index(b"bXYZ")
    data[red : red + 4], data[blue : blue + 4] = b"bXYZ", b"rXYZ"
    return bytes(data)


def gray_profile() -> bytes:
    """For gray pictures whose values are proportional to light, unlike sRGB's."""
    linear = b"curv" + struct.pack(">IIH", 0, 1, 1 << 8) + b"\0\0"
    return _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(*D50), b"kTRC": linear})


def one_way_profile() -> bytes:
    """A scanner's RGB profile: a table that leads to Lab, of brightness alone, and none back."""
    identity = bytes(range(256)) * 3
    corners = bytes(
        value
        for index in range(8)
        for value in (sum(255 * (index >> bit & 1) for bit in range(3)) // 3, 128, 128)
    )
    matrix = struct.pack(">9i", *(65536 if place % 4 == 0 else 0 for place in range(9)))
    table = b"mft1" + struct.pack(">I4B", 0, 3, 3, 2, 0) + matrix + identity + corners + identity
    return _profile(b"scnr", b"RGB ", b"Lab ", {b"wtpt": _xyz(*D50), b"A2B0": table})


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*values)


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    entries, body = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        entries += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    header = struct.pack(">I4xI", start + len(body), 0x02400000) + kind + space + connection
    header += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(*D50)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + entries + body
