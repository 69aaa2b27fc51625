"""The queue and its one worker thread: jobs run one after the other, whoever started them."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from pipelines.engine.jobs import Clock, Job, picture_bytes
from pipelines.engine.previews import PreviewThread
from pipelines.engine.watch import JobMonitor
from pipelines.errors import QueueFull, UserError, describe_unexpected
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.results import Result

log = logging.getLogger(__name__)

KEPT_JOBS = 50
KEPT_BYTES = 256 * 2**20
"""Ended jobs are forgotten, oldest first, beyond this many or once their pictures take more."""

CLOSING_SECONDS = 10.0


class Engine:
    """Runs plans in the order they came, and remembers the last results in memory.

    `produce` carries out one plan on the worker thread. A UserError it raises becomes the job's
    error as it is; anything else is logged with its traceback, and the next job runs.
    """

    def __init__(
        self,
        produce: Callable[[Plan, Monitor], Result],
        *,
        kept_jobs: int = KEPT_JOBS,
        kept_bytes: int = KEPT_BYTES,
        clock: Clock = time.monotonic,
    ) -> None:
        self._produce = produce
        self._kept_jobs, self._kept_bytes = kept_jobs, kept_bytes
        self._clock = clock
        self._changed = threading.Condition()
        self._waiting: deque[Job] = deque()
        self._jobs: dict[str, Job] = {}  # every job known, oldest first
        self._closing = False
        self._previews = PreviewThread()
        self._worker = threading.Thread(target=self._work, name="engine", daemon=True)
        self._worker.start()

    def submit(self, plan: Plan, owner: str) -> Job:
        """Put `plan` at the end of the queue; QueueFull when as many wait as the settings allow."""
        limit = plan.settings.max_queued_jobs
        with self._changed:
            if self._closing:
                raise UserError("Redraw is shutting down and takes no more jobs.")
            if len(self._waiting) >= limit:
                raise QueueFull(
                    f"{len(self._waiting)} jobs are waiting already, and the settings allow "
                    f"{limit}; wait for one to finish, or cancel one."
                )
            job = Job(plan, owner, queue_place=self._place, clock=self._clock)
            self._jobs[job.id] = job
            self._waiting.append(job)
            self._changed.notify_all()
        return job

    def get(self, job_id: str) -> Job | None:
        """The job with this id; None when there is none, or it has been forgotten."""
        with self._changed:
            return self._jobs.get(job_id)

    def jobs(self, owner: str) -> tuple[Job, ...]:
        """What is known of this owner's jobs, newest first."""
        with self._changed:
            return tuple(job for job in reversed(self._jobs.values()) if job.owner == owner)

    def interrupt(self, job_id: str) -> bool:
        """Interrupt was pressed: see `Job.interrupt`; a job that still waits is cancelled.

        False when there is no such job or it has ended.
        """
        if self.cancel(job_id):
            return True
        job = self._unended(job_id)
        if job is not None:
            job.interrupt()
        return job is not None

    def skip(self, job_id: str) -> bool:
        """Go on with the job's next batch; False when there is no such job or it has ended."""
        job = self._unended(job_id)
        if job is not None:
            job.skip()
        return job is not None

    def cancel(self, job_id: str) -> bool:
        """Take a job out of the queue; False when it is not waiting (any more)."""
        with self._changed:
            job = self._jobs.get(job_id)
            if job is None or job not in self._waiting:
                return False
            self._waiting.remove(job)
        job.cancel()
        self._forget_oldest()
        return True

    def close(self, timeout: float = CLOSING_SECONDS) -> None:
        """Cancel what waits, stop what runs, and wait up to `timeout` seconds for the threads."""
        with self._changed:
            self._closing = True
            waiting = tuple(self._waiting)
            self._waiting.clear()
            running = [job for job in self._jobs.values() if not job.state.ended]
            self._changed.notify_all()
        for job in waiting:
            job.cancel()
        for job in running:
            job.stop()
        self._worker.join(timeout)
        self._previews.close(timeout)

    def _unended(self, job_id: str) -> Job | None:
        job = self.get(job_id)
        return None if job is None or job.state.ended else job

    def _place(self, job: Job) -> tuple[int, int]:
        """Position from 1 in the queue (0 when not in it), and the queue's length."""
        with self._changed:
            position = self._waiting.index(job) + 1 if job in self._waiting else 0
            return position, len(self._waiting)

    def _work(self) -> None:
        while self._run_next():
            pass

    def _run_next(self) -> bool:
        """Wait for a job and carry it out; False once closing. Keeps nothing while waiting."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if self._closing:
                return False
            job = self._waiting.popleft()
            job.start()
        self._carry_out(job)
        return True

    def _carry_out(self, job: Job) -> None:
        try:
            result = self._produce(job.plan, JobMonitor(job, self._previews, self._clock))
        except UserError as error:
            log.info("Job %s failed: %s", job.id, error)
            self._previews.forget()
            job.fail(str(error))
        except Exception as error:
            log.exception("Job %s failed unexpectedly.", job.id)
            self._previews.forget()
            job.fail(describe_unexpected(error))
        else:
            self._previews.forget()
            job.finish(result)
        self._forget_oldest()

    def _forget_oldest(self) -> None:
        """Forget ended jobs beyond the limits; the newest of them stays whatever its size."""
        with self._changed:
            ended = [job for job in reversed(self._jobs.values()) if job.state.ended]
            total = 0
            for count, job in enumerate(ended):
                total += picture_bytes(job)
                if count and (count >= self._kept_jobs or total > self._kept_bytes):
                    del self._jobs[job.id]
