"""An engine with a steered run and a clock that the test turns."""

from collections.abc import Iterator

import pytest

from pipelines.engine.engine import Engine
from tests.helpers.rig import SteeredRun, close


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run() -> SteeredRun:
    return SteeredRun()


@pytest.fixture
def engine(run: SteeredRun, clock: Clock) -> Iterator[Engine]:
    engine = Engine(run, clock=clock)
    yield engine
    close(engine, run)
