"""Live previews: drawn on a thread of their own, only ever the newest, never in the run's way."""

import io
import logging
import threading
from collections.abc import Callable

from PIL import Image

from pipelines.engine.jobs import Job

log = logging.getLogger(__name__)

LONGEST_SIDE = 512
"""Pixels; larger previews are scaled down to it."""

JPEG_QUALITY = 80


class PreviewThread:
    """Draws what it is offered and hands it to the job; an offer replaces one not yet begun."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._offer: tuple[Job, Callable[[], Image.Image]] | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="previews", daemon=True)
        self._thread.start()

    def offer(self, job: Job, draw: Callable[[], Image.Image]) -> None:
        """Take `draw` in place of anything still waiting; returns at once."""
        with self._condition:
            self._offer = (job, draw)
            self._condition.notify()

    def forget(self) -> None:
        """Drop what is waiting: its job has ended, and it may hold tensors."""
        with self._condition:
            self._offer = None

    def close(self, timeout: float) -> None:
        """Stop after the preview being drawn; waits up to `timeout` seconds."""
        with self._condition:
            self._closing, self._offer = True, None
            self._condition.notify()
        self._thread.join(timeout)

    def _work(self) -> None:
        while self._draw_next():
            pass

    def _draw_next(self) -> bool:
        """Wait for an offer and draw it; False once closing. Keeps nothing while waiting."""
        with self._condition:
            self._condition.wait_for(lambda: self._offer is not None or self._closing)
            if self._offer is None:
                return False
            (job, draw), self._offer = self._offer, None
        try:
            job.show_preview(encode(draw()))
        except Exception:
            # A preview is a courtesy: the job must not notice that one could not be drawn.
            log.warning("A live preview could not be drawn.", exc_info=True)
        return True


def encode(picture: Image.Image) -> bytes:
    """`picture` as an RGB JPEG of at most 512 pixels along its longer side."""
    small = picture.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()
