"""One img2img job: its state, its progress as frozen snapshots, and its result."""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from PIL import Image

from pipelines.engine.timing import StepTimer
from pipelines.plan import Plan
from pipelines.results import Result

Clock = Callable[[], float]

WATCHED_SECONDS = 5.0
"""How long after somebody last asked for a job's progress it still counts as watched."""


class JobState(Enum):
    """Where a job is in its life; values are those of the progress route."""

    queued = "queued"
    running = "running"
    done = "done"
    failed = "failed"
    cancelled = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to the job."""
        return self not in (JobState.queued, JobState.running)


class Interruption(Enum):
    """How far a running job has been asked to stop."""

    none = "none"
    after_batch = "after batch"
    now = "now"


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """A job at one moment.

    `fraction` is in [0, 1] over all batches. `step` counts finished steps of the current batch of
    `steps`; `batch` counts from 1 (0 before the first begins) to `batches`. `eta_seconds` is None
    while no step has been measured. `queue_position` counts from 1 for the next job to run, and is
    0 for one that no longer waits. `preview` is the number of the newest live preview, 0 for none.
    """

    state: JobState
    text: str
    fraction: float
    step: int
    steps: int
    batch: int
    batches: int
    elapsed_seconds: float
    eta_seconds: float | None
    queue_position: int
    queue_length: int
    preview: int
    interruption: Interruption
    error: str | None


class Job:
    """A plan, who it belongs to, and what has become of it; safe to use from several threads.

    Made by the engine. Front doors read; the engine and the monitor it hands to the run write.
    """

    def __init__(
        self,
        plan: Plan,
        owner: str,
        *,
        queue_place: Callable[["Job"], tuple[int, int]],
        clock: Clock = time.monotonic,
    ) -> None:
        self.id = secrets.token_hex(8)
        self.plan = plan
        self.owner = owner
        self._queue_place = queue_place
        self._clock = clock
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._state = JobState.queued
        self._text = ""
        self._error: str | None = None
        self._result: Result | None = None
        self._timer = StepTimer()
        self._started: float | None = None
        self._stopped: float | None = None
        self._batch, self._batches = 0, len(plan.batches)
        self._step, self._steps = 0, plan.steps.executed
        self._interruption = Interruption.none
        self._skip = False
        self._preview: tuple[int, bytes] = (0, b"")
        self._last_watched = clock()

    # What front doors ask.

    @property
    def state(self) -> JobState:
        """Where the job is in its life."""
        return self._state

    @property
    def result(self) -> Result | None:
        """What came out; None unless the job is done."""
        return self._result

    @property
    def error(self) -> str | None:
        """Why the job failed, in one sentence; None unless it did."""
        return self._error

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the job has ended; False when `timeout` seconds passed before that."""
        return self._ended.wait(timeout)

    @property
    def progress(self) -> Progress:
        """The job at this moment."""
        position, length = self._queue_place(self)
        with self._lock:
            now = self._clock()
            end = now if self._stopped is None else self._stopped
            begin = end if self._started is None else self._started
            return Progress(
                state=self._state,
                text=self._describe(position, length),
                fraction=self._fraction(),
                step=self._step,
                steps=self._steps,
                batch=self._batch,
                batches=self._batches,
                elapsed_seconds=end - begin,
                eta_seconds=self._eta(now),
                queue_position=position,
                queue_length=length,
                preview=self._preview[0],
                interruption=self._interruption,
                error=self._error,
            )

    @property
    def preview(self) -> tuple[int, bytes]:
        """Number and JPEG of the newest live preview; (0, b"") when there is none."""
        return self._preview

    def watch(self) -> None:
        """Note that somebody is looking, so that live previews are worth drawing."""
        self._last_watched = self._clock()

    @property
    def watched(self) -> bool:
        """Whether somebody looked lately."""
        return self._clock() - self._last_watched <= WATCHED_SECONDS

    # What the engine does.

    def start(self) -> None:
        """The worker takes the job up."""
        with self._lock:
            self._state, self._started = JobState.running, self._clock()

    def finish(self, result: Result) -> None:
        """The job is done."""
        with self._lock:
            self._result = result
        self._end(JobState.done)

    def fail(self, sentence: str) -> None:
        """The job failed, for this reason."""
        with self._lock:
            self._error = sentence
        self._end(JobState.failed)

    def cancel(self) -> None:
        """The job was taken out of the queue before it began."""
        self._end(JobState.cancelled)

    def _end(self, state: JobState) -> None:
        with self._lock:
            self._state, self._stopped = state, self._clock()
            self._preview = (self._preview[0], b"")
        self._ended.set()

    def interrupt(self) -> None:
        """Interrupt was pressed, as A1111 means it.

        The first press lets the current batch finish when more were to follow and the setting
        `interrupt_after_current` is on; otherwise, and on the second press, the job stops at the
        next step.
        """
        with self._lock:
            more_follow = 0 < self._batch < self._batches
            gentle = more_follow and self.plan.settings.interrupt_after_current
            first = self._interruption is Interruption.none
            self._interruption = Interruption.after_batch if gentle and first else Interruption.now

    def stop(self) -> None:
        """Stop at the next step, whatever was pressed: the program is ending."""
        with self._lock:
            self._interruption = Interruption.now

    def skip(self) -> None:
        """Skip was pressed: the current batch stops at the next step, the next one begins."""
        with self._lock:
            self._skip = self._batch > 0

    # What the running job reports.

    @property
    def interruption(self) -> Interruption:
        """How far the job has been asked to stop."""
        return self._interruption

    @property
    def skipping(self) -> bool:
        """Whether the current batch is to be cut short."""
        return self._skip

    def stage(self, text: str) -> None:
        """What is being done outside the steps."""
        with self._lock:
            self._text = text

    def begin_batch(self, index: int, count: int, steps: int) -> None:
        """Batch `index` (from 0) of `count` begins, of `steps` steps."""
        with self._lock:
            self._timer.begin_batch(self._clock())
            self._batch, self._batches = index + 1, count
            self._step, self._steps = 0, steps
            self._text, self._skip = "", False

    def step_done(self, done: int) -> None:
        """`done` steps of the batch are finished."""
        with self._lock:
            self._timer.step(self._clock())
            self._step = done

    def show_preview(self, jpeg: bytes) -> None:
        """A new live preview was drawn; one that comes after the end is dropped."""
        with self._lock:
            if not self._state.ended:
                self._preview = (self._preview[0] + 1, jpeg)

    def _fraction(self) -> float:
        if self._state is JobState.done:
            return 1.0
        if not self._batch:
            return 0.0
        within = self._step / self._steps if self._steps else 0.0
        return min(1.0, (self._batch - 1 + within) / self._batches)

    def _eta(self, now: float) -> float | None:
        if self._state is not JobState.running:
            return None
        stopping = self._interruption is not Interruption.none
        batches_left = 0 if stopping else self._batches - self._batch
        steps_left = batches_left * self._steps + self._steps - self._step
        return self._timer.remaining(now, steps_left, batches_left)

    def _describe(self, position: int, length: int) -> str:
        match self._state:
            case JobState.queued:
                return f"In queue: {position}/{length}" if position else "Waiting..."
            case JobState.done:
                return "Done"
            case JobState.failed:
                return "Failed"
            case JobState.cancelled:
                return "Cancelled"
            case JobState.running:
                return self._describe_running()

    def _describe_running(self) -> str:
        batch = f"Batch {self._batch} out of {self._batches}" if self._batches > 1 else ""
        if self._interruption is Interruption.after_batch:
            return f"{batch} is the last; interrupt again to stop at once"
        if self._interruption is Interruption.now:
            return "Stopping"
        if self._skip:
            return ": ".join(part for part in (batch, "Skipping") if part)
        if not self._batch:
            return self._text or "Starting"
        return ": ".join(part for part in (batch, self._text) if part) or "Denoising"


def picture_bytes(job: Job) -> int:
    """Memory that the pictures of a job take, each counted once; 8-bit channels are assumed."""
    pictures = [job.plan.request.init_image]
    if job.result is not None:
        shown = (*job.result.pictures, *((job.result.grid,) if job.result.grid else ()))
        pictures += [picture.image for picture in shown]
        pictures += [picture.init_image for picture in shown if picture.init_image is not None]
        pictures.append(job.result.init_image)
    return sum(
        _size(picture) for picture in {id(picture): picture for picture in pictures}.values()
    )


def _size(picture: Image.Image) -> int:
    return picture.width * picture.height * len(picture.getbands())
