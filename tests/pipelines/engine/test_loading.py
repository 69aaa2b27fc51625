"""Jobs that come before PyTorch is there wait for it, and can be stopped."""

import threading
from collections.abc import Iterator

import pytest
from PIL import Image

from pipelines.engine.jobs import JobState
from pipelines.engine.loading import BackgroundRun
from pipelines.errors import UserError
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import Plan
from pipelines.results import DenoisedBatch
from tests.helpers.plans import plan_for
from tests.helpers.rig import PATIENCE


class Telltale(Unwatched):
    """A monitor that sets an event when a stage is named."""

    def __init__(self) -> None:
        self.told, self.text = threading.Event(), ""

    def stage(self, text: str) -> None:
        self.text = text
        self.told.set()


BATCHES = [DenoisedBatch(images=(), init_image=Image.new("RGB", (8, 8))) for _ in range(2)]


class Loaded:
    """A run with two batches."""

    def denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        yield from BATCHES


def test_a_job_waits_for_the_libraries_and_says_so():
    arrived, monitor = threading.Event(), Telltale()
    batches: list[DenoisedBatch] = []

    def load():
        assert arrived.wait(PATIENCE)
        return Loaded()

    loading = BackgroundRun(load)
    waiting = threading.Thread(target=lambda: batches.extend(loading.denoise(plan_for(), monitor)))
    waiting.start()
    assert monitor.told.wait(PATIENCE)
    assert monitor.text == "Loading PyTorch…"
    assert loading.loaded is None
    arrived.set()
    waiting.join(PATIENCE)
    assert batches == BATCHES
    assert isinstance(loading.loaded, Loaded)


def test_a_waiting_job_can_be_interrupted():
    arrived = threading.Event()

    class Stopped(Unwatched):
        stop_now = True

    def load():
        assert arrived.wait(PATIENCE)
        return Loaded()

    loading = BackgroundRun(load)
    assert list(loading.denoise(plan_for(), Stopped())) == []
    arrived.set()


def test_libraries_that_cannot_be_loaded_are_named(caplog):
    def load() -> Loaded:
        raise ImportError("No module named 'torch'.")

    loading = BackgroundRun(load)
    with pytest.raises(UserError) as refused:
        list(loading.denoise(plan_for(), Unwatched()))
    assert str(refused.value) == (
        "PyTorch and diffusers could not be loaded: ImportError: No module named 'torch'."
    )


def test_loading_begins_once():
    counted: list[int] = []

    def load():
        counted.append(1)
        return Loaded()

    loading = BackgroundRun(load)
    for _ in range(3):
        loading.start()
        assert list(loading.denoise(plan_for(), Unwatched())) == BATCHES
    assert counted == [1]


def test_jobs_end_in_one_of_three_ways():
    assert {state for state in JobState if state.ended} == {
        JobState.done,
        JobState.failed,
        JobState.cancelled,
    }
