"""An engine whose run the test steers: it waits where told, and makes plain pictures."""

import queue
import threading
from collections.abc import Callable

from PIL import Image

from pipelines.engine.engine import Engine
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.results import Picture, Result

PATIENCE = 60.0
"""Seconds after which a test gives up; never waited for when all is well."""


def result_for(plan: Plan, *, pictures: int | None = None) -> Result:
    """A result of 8x8 pictures whose infotext is their seed."""
    made = plan.images if pictures is None else plan.images[:pictures]
    return Result(
        plan=plan,
        pictures=tuple(
            Picture(image=Image.new("RGB", (8, 8)), infotext=str(image.seed), plan=image)
            for image in made
        ),
        init_image=Image.new("RGB", (8, 8)),
        interrupted=len(made) < len(plan.images),
    )


class SteeredRun:
    """A `produce` that does what the test hands it, one call at a time.

    `order(act)` has the next thing done on the worker thread with the running job's monitor, and
    returns once it is; `finish` lets the job end.
    """

    def __init__(self) -> None:
        self.plans: list[Plan] = []
        self.running = threading.Semaphore(0)
        self._orders: queue.Queue[Callable[[Monitor], None] | None] = queue.Queue()
        self._obeyed = threading.Semaphore(0)

    def __call__(self, plan: Plan, monitor: Monitor) -> Result:
        self.plans.append(plan)
        self.running.release()
        while (act := self._orders.get(timeout=PATIENCE)) is not None:
            try:
                act(monitor)
            finally:
                self._obeyed.release()
        return result_for(plan)

    def wait_until_running(self) -> None:
        """Wait until one more job has begun."""
        assert self.running.acquire(timeout=PATIENCE)

    def order(self, act: Callable[[Monitor], None]) -> None:
        """Have `act` done by the running job."""
        self._orders.put(act)
        assert self._obeyed.acquire(timeout=PATIENCE)

    def ask(self, question: Callable[[Monitor], bool]) -> bool:
        """What the running job's monitor answers."""
        answers: list[bool] = []
        self.order(lambda monitor: answers.append(question(monitor)))
        return answers[0]

    def finish(self) -> None:
        """Let the running job end well."""
        self._orders.put(None)


def close(engine: Engine, run: SteeredRun) -> None:
    """End whatever still runs, and the engine."""
    run.finish()
    engine.close(timeout=PATIENCE)
