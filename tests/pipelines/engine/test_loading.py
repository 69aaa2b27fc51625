"""Jobs that come before PyTorch is there wait for it, and can be stopped."""

import threading

import pytest

from pipelines.engine.jobs import JobState
from pipelines.engine.loading import BackgroundRun
from pipelines.errors import UserError
from pipelines.monitor import Unwatched
from tests.helpers.plans import plan_for
from tests.helpers.rig import PATIENCE


class Telltale(Unwatched):
    """A monitor that sets an event when a stage is named."""

    def __init__(self) -> None:
        self.told, self.text = threading.Event(), ""

    def stage(self, text: str) -> None:
        self.text = text
        self.told.set()


class Loaded:
    """A run whose batches are words."""

    def denoise(self, plan, monitor):
        yield from ("first", "second")


def test_a_job_waits_for_the_libraries_and_says_so():
    arrived, monitor, batches = threading.Event(), Telltale(), []

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
    assert batches == ["first", "second"]
    assert isinstance(loading.loaded, Loaded)


def test_a_waiting_job_can_be_interrupted():
    arrived = threading.Event()

    class Stopped(Unwatched):
        stop_now = True

    loading = BackgroundRun(lambda: arrived.wait(PATIENCE) and Loaded())
    assert list(loading.denoise(plan_for(), Stopped())) == []
    arrived.set()


def test_libraries_that_cannot_be_loaded_are_named(caplog):
    def load():
        raise ImportError("No module named 'torch'.")

    loading = BackgroundRun(load)
    with pytest.raises(UserError) as refused:
        list(loading.denoise(plan_for(), Unwatched()))
    assert str(refused.value) == (
        "PyTorch and diffusers could not be loaded: ImportError: No module named 'torch'."
    )


def test_loading_begins_once():
    counted = []
    loading = BackgroundRun(lambda: counted.append(1) or Loaded())
    for _ in range(3):
        loading.start()
        assert list(loading.denoise(plan_for(), Unwatched())) == ["first", "second"]
    assert counted == [1]


def test_jobs_end_in_one_of_three_ways():
    assert {state for state in JobState if state.ended} == {
        JobState.done,
        JobState.failed,
        JobState.cancelled,
    }
