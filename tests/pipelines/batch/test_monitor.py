"""One file's monitor inside the whole job's: figures, texts, Interrupt and Skip."""

import pytest
from PIL import Image

from pipelines.batch.monitor import FileMonitor
from pipelines.engine.jobs import Job
from pipelines.engine.previews import PreviewThread
from pipelines.engine.watch import JobMonitor
from tests.helpers.plans import plan_for


@pytest.fixture
def previews():
    thread = PreviewThread()
    yield thread
    thread.close(10)


@pytest.fixture
def job() -> Job:
    job = Job(plan_for(), "ann", queue_place=lambda job: (0, 0))
    job.start()
    return job


def monitor(job: Job, previews: PreviewThread, position: int = 0, **changes) -> FileMonitor:
    values = {"name": "cat.png", "files": 3, "skipped": 0, **changes}
    whole = JobMonitor(job, previews, lambda: 0.0)
    return FileMonitor(whole, position=position, **values)


def test_the_job_counts_the_batches_of_all_files(job, previews):
    second = monitor(job, previews, 1)
    second.begin_batch(0, 2, 10)
    assert (job.progress.batch, job.progress.batches) == (3, 6)
    second.begin_batch(1, 2, 10)
    second.step_done(5)
    assert (job.progress.batch, job.progress.batches, job.progress.step) == (4, 6, 5)
    assert job.progress.fraction == pytest.approx(3.5 / 6)


def test_the_file_is_named_while_it_runs(job, previews):
    first = monitor(job, previews, skipped=2)
    first.stage("Loading demo")
    assert job.progress.text == "cat.png (2 skipped): Loading demo"
    first.begin_batch(0, 1, 10)
    assert job.progress.text == "Batch 1 out of 3: cat.png (2 skipped)"
    first.stage("Decoding")
    assert job.progress.text == "Batch 1 out of 3: cat.png (2 skipped): Decoding"


def test_a_long_name_is_shown_from_its_end(job, previews):
    monitor(job, previews, name="folder/" * 30 + "cat.png").stage("")
    assert len(job.progress.text) == 60
    assert job.progress.text.endswith("folder/cat.png")
    assert job.progress.text.startswith("…")


def test_skip_ends_all_batches_of_this_file_and_no_other(job, previews):
    first = monitor(job, previews, 0)
    first.begin_batch(0, 2, 10)
    assert (first.stop_now, first.stop_after_batch, first.skipped) == (False, False, False)
    job.skip()
    assert (first.stop_now, first.stop_after_batch, first.skipped) == (True, True, True)
    second = monitor(job, previews, 1)
    assert (second.stop_now, second.stop_after_batch) == (False, False)
    second.begin_batch(0, 2, 10)
    assert (second.stop_now, second.stop_after_batch, second.skipped) == (False, False, False)


def test_a_skip_that_came_too_late_does_not_hit_the_next_file(job, previews):
    first = monitor(job, previews, 0)
    first.begin_batch(0, 1, 10)
    first.step_done(10)
    job.skip()  # while it is being saved, when nobody asks any more
    second = monitor(job, previews, 1)
    assert not second.stop_now
    assert not second.stop_after_batch


def test_interrupt_lets_the_file_finish_and_then_ends_the_job(job, previews):
    first = monitor(job, previews, 0)
    first.begin_batch(0, 1, 10)
    job.interrupt()
    assert (first.stop_now, first.stop_after_batch, first.skipped) == (False, True, False)
    job.interrupt()
    assert (first.stop_now, first.stop_after_batch, first.skipped) == (True, True, False)


def test_previews_go_to_the_job(job, previews):
    first = monitor(job, previews)
    first.begin_batch(0, 1, 10)
    assert first.wants_preview(1)
    first.offer_preview(lambda: Image.new("RGB", (8, 8)))
    assert not first.wants_preview(2), "too soon after the last"
