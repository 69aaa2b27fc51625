"""What a running job tells its watcher, and what it asks: the seam between run and engine.

`pipelines.diffusion` is handed a Monitor and never learns who watches; the engine implements it.
All methods are cheap and may be called from the worker thread at every step.
"""

from collections.abc import Callable
from typing import Protocol

from PIL import Image


class Monitor(Protocol):
    """Progress out, interruption in."""

    @property
    def stop_now(self) -> bool:
        """True once the running batch must end at the next step (Interrupt pressed, or Skip)."""
        ...

    @property
    def stop_after_batch(self) -> bool:
        """True once no further batch may begin (either kind of Interrupt)."""
        ...

    def stage(self, text: str) -> None:
        """Say what is being done before the first step: "Loading demo"."""
        ...

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Batch `index` (from 0) of `count` begins; it will take `steps` steps. Ends a Skip."""
        ...

    def step_done(self, done: int) -> None:
        """`done` steps of the current batch are finished."""
        ...

    def wants_preview(self, done: int) -> bool:
        """Whether a live preview after step `done` would be shown to anybody."""
        ...

    def offer_preview(self, draw: Callable[[], Image.Image]) -> None:
        """Hand over a function that draws a small RGB preview; it is called on another thread."""
        ...


class PartMonitor:
    """Stands between the run of one part of a job and the monitor of all, and counts its batches.

    `position` counts the parts from 0; each of them has as many batches as the others.
    """

    def __init__(self, job: Monitor, *, position: int, parts: int) -> None:
        self._job = job
        self._position, self._parts = position, parts

    @property
    def stop_now(self) -> bool:
        """True once the running batch must end at the next step."""
        return self._job.stop_now

    @property
    def stop_after_batch(self) -> bool:
        """True once no further batch may begin."""
        return self._job.stop_after_batch

    def stage(self, text: str) -> None:
        """What is being done outside the steps."""
        self._job.stage(text)

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Batch `index` of `count` of this part begins."""
        self._job.begin_batch(self._position * count + index, self._parts * count, steps)

    def step_done(self, done: int) -> None:
        """`done` steps of the current batch are finished."""
        self._job.step_done(done)

    def wants_preview(self, done: int) -> bool:
        """Whether somebody is looking."""
        return self._job.wants_preview(done)

    def offer_preview(self, draw: Callable[[], Image.Image]) -> None:
        """Hand `draw` on."""
        self._job.offer_preview(draw)


class Unwatched:
    """A Monitor for tests, benchmarks and the command line: never stops, shows nothing."""

    stop_now = False
    stop_after_batch = False

    def stage(self, text: str) -> None:
        """Nobody listens."""

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Nobody listens."""

    def step_done(self, done: int) -> None:
        """Nobody listens."""

    def wants_preview(self, done: int) -> bool:
        """Nobody would see it."""
        return False

    def offer_preview(self, draw: Callable[[], Image.Image]) -> None:
        """Nobody would see it."""
