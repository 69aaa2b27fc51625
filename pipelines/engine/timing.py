"""How long a job will still take, estimated from the steps it has already made."""

from collections import deque

RECENT_STEPS = 20
"""Steps the mean is taken over: enough to be calm, few enough to follow a machine that slows."""


class StepTimer:
    """Measures steps and the pauses between batches; all times are seconds of one clock.

    The first step of a batch counts from the batch's beginning and includes warming up, so it is
    left out as soon as a second one is known.
    """

    def __init__(self) -> None:
        self._steps: deque[float] = deque(maxlen=RECENT_STEPS)
        self._pauses: deque[float] = deque(maxlen=RECENT_STEPS)
        self._first_step: float | None = None
        self._last: float | None = None
        self._first_of_batch = True

    def begin_batch(self, now: float) -> None:
        """A batch begins; what passed since the last step was decoding and saving."""
        if self._last is not None:
            self._pauses.append(now - self._last)
        self._last = now
        self._first_of_batch = True

    def step(self, now: float) -> None:
        """One more step is finished."""
        assert self._last is not None, "a step came before its batch"
        duration, self._last = now - self._last, now
        if self._first_of_batch:
            self._first_of_batch = False
            self._first_step = self._first_step or duration
        else:
            self._steps.append(duration)

    def remaining(self, now: float, steps_left: int, pauses_left: int) -> float | None:
        """Seconds until `steps_left` more steps and `pauses_left` pauses between batches are over.

        None before the first step is known. The step under way counts for the time it has had.
        """
        if self._first_step is None or self._last is None:
            return None
        step = sum(self._steps) / len(self._steps) if self._steps else self._first_step
        pause = sum(self._pauses) / len(self._pauses) if self._pauses else 0.0
        under_way = min(now - self._last, step) if steps_left else 0.0
        return max(0.0, steps_left * step - under_way) + pauses_left * pause
