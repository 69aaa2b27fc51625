"""One file's share of a batch's progress, and what Interrupt and Skip mean for it."""

from collections.abc import Callable

from PIL import Image

from pipelines.monitor import Monitor

LONGEST_NAME = 60
"""Characters of a file's name in the progress bar."""


class FileMonitor:
    """Stands between the run of one file and the monitor of the whole job.

    Skip ends this file, all of its batches; Interrupt the job. `position` counts from 0.
    """

    def __init__(self, job: Monitor, *, name: str, position: int, files: int, skipped: int) -> None:
        self._job = job
        self._position, self._files = position, files
        self._text = name if len(name) <= LONGEST_NAME else f"…{name[1 - LONGEST_NAME :]}"
        if skipped:
            self._text += f" ({skipped} skipped)"
        self._begun = False
        self._skipped = False

    @property
    def skipped(self) -> bool:
        """Whether Skip was pressed, and seen, while this file ran."""
        return self._skipped

    @property
    def stop_now(self) -> bool:
        """True once the running batch must end at the next step."""
        if not self._job.stop_now:
            return False
        if self._job.stop_after_batch:
            return True
        # Skip. Pressed while the file before was being saved, it was not meant for this one.
        self._skipped = self._skipped or self._begun
        return self._skipped

    @property
    def stop_after_batch(self) -> bool:
        """True once no further batch of this file may begin."""
        return self._skipped or self._job.stop_after_batch

    def stage(self, text: str) -> None:
        """What is being done outside the steps, and to which file."""
        self._job.stage(f"{self._text}: {text}" if text else self._text)

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Batch `index` of `count` of this file begins; the job counts those of all files."""
        self._begun = True
        self._job.begin_batch(self._position * count + index, self._files * count, steps)
        self._job.stage(self._text)

    def step_done(self, done: int) -> None:
        """`done` steps of the current batch are finished."""
        self._job.step_done(done)

    def wants_preview(self, done: int) -> bool:
        """Whether somebody is looking."""
        return self._job.wants_preview(done)

    def offer_preview(self, draw: Callable[[], Image.Image]) -> None:
        """Hand `draw` on."""
        self._job.offer_preview(draw)
