"""A running job: its snapshots, Interrupt, Skip, and live previews."""

import io
import threading

import pytest
from PIL import Image

from pipelines.engine.jobs import Interruption, JobState
from pipelines.engine.previews import PreviewThread, encode
from pipelines.requests import Batch
from tests.helpers.plans import plan_for
from tests.helpers.rig import PATIENCE


@pytest.fixture
def job(engine, run):
    """A running job of four batches."""
    job = engine.submit(plan_for(batch=Batch(count=4)), "ann")
    run.wait_until_running()
    return job


def stopping(run) -> tuple[bool, bool]:
    """Whether the batch ends now, and whether none may follow."""
    return run.ask(lambda m: m.stop_now), run.ask(lambda m: m.stop_after_batch)


def test_progress_runs_over_all_batches(job, run, clock):
    assert job.progress.fraction == 0.0
    assert job.progress.eta_seconds is None
    run.order(lambda m: m.begin_batch(1, 4, 10))
    for done in range(1, 6):
        clock.now += 2.0
        run.order(lambda m, done=done: m.step_done(done))
    now = job.progress
    assert (now.batch, now.batches, now.step, now.steps) == (2, 4, 5, 10)
    assert now.fraction == (1 + 0.5) / 4
    assert now.eta_seconds == (5 + 2 * 10) * 2.0
    assert now.elapsed_seconds == 10.0
    assert now.text == "Batch 2 out of 4"


def test_a_single_batch_needs_no_number(engine, run):
    job = engine.submit(plan_for(), "ann")
    run.wait_until_running()
    run.order(lambda m: m.stage("Loading demo"))
    assert job.progress.text == "Loading demo"
    run.order(lambda m: m.begin_batch(0, 1, 16))
    assert job.progress.text == "Denoising"


def test_a_done_job_is_full_and_its_clock_stands(job, run, clock):
    clock.now += 7.0
    run.finish()
    assert job.wait(PATIENCE)
    clock.now += 100.0
    now = job.progress
    assert (now.state, now.fraction, now.text) == (JobState.done, 1.0, "Done")
    assert now.elapsed_seconds == 7.0
    assert now.eta_seconds is None


def test_the_first_interrupt_lets_the_batch_finish_and_the_second_stops_it(job, engine, run):
    run.order(lambda m: m.begin_batch(0, 4, 10))
    assert engine.interrupt(job.id)
    assert job.progress.interruption is Interruption.after_batch
    assert job.progress.text.endswith("is the last; interrupt again to stop at once")
    assert stopping(run) == (False, True)
    assert engine.interrupt(job.id)
    assert job.progress.interruption is Interruption.now
    assert job.progress.text == "Stopping"
    assert stopping(run) == (True, True)


def test_interrupt_stops_the_last_batch_at_once(job, engine, run):
    run.order(lambda m: m.begin_batch(3, 4, 10))
    engine.interrupt(job.id)
    assert stopping(run) == (True, True)


def test_interrupt_stops_at_once_when_the_setting_says_so(engine, run):
    plan = plan_for(batch=Batch(count=4), settings={"interrupt_after_current": False})
    job = engine.submit(plan, "ann")
    run.wait_until_running()
    run.order(lambda m: m.begin_batch(0, 4, 10))
    engine.interrupt(job.id)
    assert stopping(run) == (True, True)


def test_interrupt_stops_at_once_before_the_first_batch(job, engine, run):
    engine.interrupt(job.id)
    assert stopping(run) == (True, True)


def test_what_remains_after_an_interrupt_is_this_batch(job, engine, run, clock):
    run.order(lambda m: m.begin_batch(0, 4, 10))
    clock.now += 1.0
    run.order(lambda m: m.step_done(1))
    engine.interrupt(job.id)
    assert job.progress.eta_seconds == 9.0


def test_skip_ends_this_batch_and_only_this(job, engine, run):
    run.order(lambda m: m.begin_batch(0, 4, 10))
    assert engine.skip(job.id)
    assert job.progress.text == "Batch 1 out of 4: Skipping"
    assert stopping(run) == (True, False)
    run.order(lambda m: m.begin_batch(1, 4, 10))
    assert stopping(run) == (False, False)


def test_skip_before_the_first_batch_skips_nothing(job, engine, run):
    engine.skip(job.id)
    assert stopping(run) == (False, False)


def test_previews_are_wanted_while_somebody_looks(job, run, clock):
    assert run.ask(lambda m: m.wants_preview(1))
    clock.now += 6.0
    assert not run.ask(lambda m: m.wants_preview(2)), "nobody asked for six seconds"
    job.watch()
    assert run.ask(lambda m: m.wants_preview(3))


def test_previews_keep_to_the_period_of_the_settings(job, run, clock):
    run.order(lambda m: m.offer_preview(lambda: Image.new("RGB", (8, 8))))
    clock.now += 0.39
    assert not run.ask(lambda m: m.wants_preview(1))
    clock.now += 0.02
    assert run.ask(lambda m: m.wants_preview(1))


@pytest.mark.parametrize(
    ("settings", "step", "wanted"),
    [
        ({"live_previews_enable": False}, 1, False),
        ({"show_progress_every_n_steps": 5}, 4, False),
        ({"show_progress_every_n_steps": 5}, 5, True),
    ],
)
def test_previews_follow_the_settings(engine, run, settings, step, wanted):
    engine.submit(plan_for(settings=settings), "ann")
    run.wait_until_running()
    assert run.ask(lambda m: m.wants_preview(step)) is wanted


def test_a_preview_is_a_small_jpeg():
    jpeg = encode(Image.new("RGBA", (2000, 1000), "red"))
    assert jpeg.startswith(b"\xff\xd8")
    with Image.open(io.BytesIO(jpeg)) as picture:
        assert picture.size == (512, 256)


class Gallows:
    """A draw that says when it begins and waits to be let go."""

    def __init__(self, error: Exception | None = None) -> None:
        self.begun, self.may_end = threading.Event(), threading.Event()
        self.error = error

    def __call__(self) -> Image.Image:
        self.begun.set()
        assert self.may_end.wait(PATIENCE)
        if self.error:
            raise self.error
        return Image.new("RGB", (8, 8))


def test_only_the_newest_preview_offered_is_drawn(job):
    previews = PreviewThread()
    slow, passed_over, newest = Gallows(), Gallows(), Gallows()
    previews.offer(job, slow)
    assert slow.begun.wait(PATIENCE)
    previews.offer(job, passed_over)
    previews.offer(job, newest)
    slow.may_end.set()
    assert newest.begun.wait(PATIENCE)
    assert job.preview[0] == 1
    newest.may_end.set()
    previews.close(PATIENCE)
    assert job.preview[0] == 2
    assert not passed_over.begun.is_set()


def test_a_preview_that_fails_costs_nothing(job, caplog):
    previews = PreviewThread()
    broken = Gallows(ValueError("no picture"))
    broken.may_end.set()
    previews.offer(job, broken)
    assert broken.begun.wait(PATIENCE)
    previews.close(PATIENCE)
    assert job.state is JobState.running
    assert job.preview == (0, b"")
    assert "could not be drawn" in caplog.text


def test_previews_end_with_their_job(job, run):
    previews = PreviewThread()
    late = Gallows()
    previews.offer(job, late)
    assert late.begun.wait(PATIENCE)
    run.finish()
    assert job.wait(PATIENCE)
    late.may_end.set()
    previews.close(PATIENCE)
    assert job.preview == (0, b"")
