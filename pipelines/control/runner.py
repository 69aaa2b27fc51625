"""Preprocessors run one at a time, and what they made is kept for the next press of a button."""

import hashlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Hashable

import numpy as np

from pipelines.errors import OutOfMemory, PreprocessorFailed, UserError
from pipelines.plugins import Detected, Given, Pixels, Preprocessor, Tools

log = logging.getLogger(__name__)

MOST_MAPS = 16
"""Maps that are kept, as many as A1111's extension does."""

MOST_BYTES = 256 * 2**20
"""Memory that all kept maps together may take."""

_OUT_OF_MEMORY = ("out of memory", "insufficient memory", "not enough memory", "can't allocate")
"""What torch and OpenCV say, in lower case."""


class PreprocessorRunner:
    """Runs preprocessors for previews and jobs alike; safe in threads, one at a time.

    The last maps are kept by what the picture holds, so that a second press with the same picture
    and values runs nothing; but not those of a preprocessor that is never `cached`.
    """

    def __init__(self, tools: Tools, *, limit: int = MOST_MAPS) -> None:
        self._tools = tools
        self._limit = limit
        self._maps: OrderedDict[Hashable, Detected] = OrderedDict()
        self._lock = threading.Lock()

    def run(
        self,
        preprocessor: Preprocessor,
        picture: Pixels,
        *,
        resolution: int,
        a: float,
        b: float,
        seed: int = 0,
        mask: Pixels | None = None,
    ) -> Detected:
        """What `preprocessor` makes of `picture`; its pixels are read-only.

        The arguments are those of `Given`; a mask is passed on to those only that take one, who get
        an empty one if there is none. UserError for missing weights or a picture of no use;
        OutOfMemory or PreprocessorFailed for whatever else happens in it.
        """
        mask = _mask_for(preprocessor, picture, mask)
        key = (preprocessor.key, _digest(picture), _digest(mask), resolution, a, b)
        with self._lock:
            if (known := self._maps.get(key)) is not None:
                self._maps.move_to_end(key)
                return known
            given = Given(
                picture=_read_only(picture),
                resolution=resolution,
                a=a,
                b=b,
                seed=seed,
                tools=self._tools,
                mask=None if mask is None else _read_only(mask),
            )
            detected = _run(preprocessor, given)
            detected.pixels.flags.writeable = False
            if preprocessor.cached:
                self._keep(key, detected)
            return detected

    def _keep(self, key: Hashable, detected: Detected) -> None:
        self._maps[key] = detected
        while len(self._maps) > self._limit or self._bytes() > MOST_BYTES:
            self._maps.popitem(last=False)

    def _bytes(self) -> int:
        return sum(detected.pixels.nbytes for detected in self._maps.values())


def _run(preprocessor: Preprocessor, given: Given) -> Detected:
    try:
        return preprocessor.run(given)
    except UserError:
        raise
    # A detector is other people's code, and raises whatever it likes.
    except Exception as error:
        text = str(error).strip()
        if isinstance(error, MemoryError) or any(sign in text.lower() for sign in _OUT_OF_MEMORY):
            resolution = f"a resolution below {given.resolution}, or "
            raise OutOfMemory(
                f"memory ran out in preprocessor {preprocessor.label}; "
                f"choose {resolution if preprocessor.resolution else ''}a smaller picture."
            ) from error
        log.warning("Preprocessor %s failed.", preprocessor.label, exc_info=True)
        reason = (text.splitlines() or [""])[0][:200].rstrip(".")
        height, width = given.picture.shape[:2]
        raise PreprocessorFailed(
            f"preprocessor {preprocessor.label} failed on a picture of {width}x{height} "
            f"({f'{type(error).__name__}: {reason}' if reason else type(error).__name__}); "
            "the console says more."
        ) from error


def _mask_for(preprocessor: Preprocessor, picture: Pixels, mask: Pixels | None) -> Pixels | None:
    if not preprocessor.takes_mask:
        return None
    return np.zeros(picture.shape[:2], np.uint8) if mask is None else mask


def _digest(pixels: Pixels | None) -> Hashable:
    if pixels is None:
        return None
    return pixels.shape, hashlib.sha256(pixels.tobytes(), usedforsecurity=False).digest()


def _read_only(pixels: Pixels) -> Pixels:
    view = pixels.view()
    view.flags.writeable = False
    return view
