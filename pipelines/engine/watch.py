"""The engine's side of `pipelines.monitor`: what a running job reports goes to its Job."""

from collections.abc import Callable

from PIL import Image

from pipelines.engine.jobs import Clock, Interruption, Job
from pipelines.engine.previews import PreviewThread


class JobMonitor:
    """The Monitor handed to the run of one job."""

    def __init__(self, job: Job, previews: PreviewThread, clock: Clock) -> None:
        self._job = job
        self._previews = previews
        self._clock = clock
        self._last_preview: float | None = None

    @property
    def stop_now(self) -> bool:
        """True once the running batch must end at the next step."""
        return self._job.skipping or self._job.interruption is Interruption.now

    @property
    def stop_after_batch(self) -> bool:
        """True once no further batch may begin."""
        return self._job.interruption is not Interruption.none

    def stage(self, text: str) -> None:
        """What is being done outside the steps."""
        self._job.stage(text)

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Batch `index` (from 0) of `count` begins; ends a Skip."""
        self._job.begin_batch(index, count, steps)

    def step_done(self, done: int) -> None:
        """`done` steps of the current batch are finished."""
        self._job.step_done(done)

    def wants_preview(self, done: int) -> bool:
        """Whether previews are on, it is time for one, and somebody is looking."""
        settings = self._job.plan.settings
        if not settings.live_previews_enable or done % settings.show_progress_every_n_steps:
            return False
        period = settings.live_preview_refresh_period / 1000
        if self._last_preview is not None and self._clock() - self._last_preview < period:
            return False
        return self._job.watched

    def offer_preview(self, draw: Callable[[], Image.Image]) -> None:
        """Hand `draw` to the preview thread."""
        self._last_preview = self._clock()
        self._previews.offer(self._job, draw)
