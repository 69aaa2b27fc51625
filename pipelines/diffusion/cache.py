"""What stays in memory between jobs: models, encoded texts and pictures, prepared pictures."""

import hashlib
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from PIL import Image

Value = TypeVar("Value")

STRIP = 64
"""Rows of a picture hashed at a time; copying a large one whole costs more than hashing it."""


class BoundedCache(Generic[Value]):
    """The values used last, at most `limit` bytes of them; safe in several threads.

    A single value over the limit is made and handed out, but not kept.
    """

    def __init__(self, limit: int, size_of: Callable[[Value], int]) -> None:
        self._limit = limit
        self._size_of = size_of
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value for `key`, made if it is not here; whatever `make` raises comes through."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values:
                self._values[key] = value
                self._total += self._size_of(value)
            while self._total > self._limit:
                _, dropped = self._values.popitem(last=False)
                self._total -= self._size_of(dropped)
        return value

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._total = 0


class PictureDigests:
    """Digests of pictures' contents, computed once per picture object.

    Pictures of a request are read-only, so that one object always has the same digest. Hashing
    takes a few hundredths of a second for 4096x4096; looking an object up takes nothing.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[weakref.ref[Image.Image], bytes]] = {}

    def digest(self, picture: Image.Image) -> bytes:
        """16 bytes that differ for pictures that look different."""
        known = self._known.get(id(picture))
        if known is not None and known[0]() is picture:
            return known[1]
        digest = _digest(picture)
        key = id(picture)
        gone = weakref.ref(picture, lambda _: self._known.pop(key, None))
        self._known[key] = (gone, digest)
        return digest


def _digest(picture: Image.Image) -> bytes:
    """Of the pixels and of everything else that decides how they are shown."""
    state = hashlib.sha256(usedforsecurity=False)
    for top in range(0, picture.height, STRIP):
        bottom = min(top + STRIP, picture.height)
        state.update(picture.crop((0, top, picture.width, bottom)).tobytes())
    palette = picture.getpalette("RGBA") if picture.mode in ("P", "PA") else None
    about = (picture.mode, picture.size, palette, picture.info.get("transparency"))
    state.update(repr(about).encode())
    state.update(picture.info.get("icc_profile") or b"")
    return state.digest()[:16]


Model = TypeVar("Model")


class ModelCache(Generic[Model]):
    """Loaded models, the most recent first to stay, within a budget of bytes.

    A new model is loaded whole before an old one goes, so that a load that fails takes nothing
    away. The model just asked for always stays, whatever its size.
    """

    def __init__(self, size_of: Callable[[Model], int]) -> None:
        self._size_of = size_of
        self._models: OrderedDict[Hashable, Model] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, key: Hashable, budget: int, load: Callable[[], Model], *, most: int | None = None
    ) -> Model:
        """The model for `key`; others go, the oldest first, until all fit into `budget`.

        `most` is how many may stay, whatever their size.
        """
        with self._lock:
            if key not in self._models:
                self._models[key] = load()
            self._models.move_to_end(key)
            allowed = len(self._models) if most is None else most
            while len(self._models) > 1 and (len(self._models) > allowed or self._total() > budget):
                self._models.popitem(last=False)
            return self._models[key]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._models

    def _total(self) -> int:
        return sum(self._size_of(model) for model in self._models.values())
