"""The queue: order, limits, failures, memory, and the end."""

import logging

import pytest
from PIL import Image

from pipelines.engine.engine import Engine
from pipelines.engine.jobs import Job, JobState
from pipelines.errors import InvalidRequest, QueueFull, UserError
from pipelines.requests import Batch, Seeds
from tests.helpers.plans import plan_for
from tests.helpers.rig import PATIENCE, SteeredRun, result_for


def fail_with(error: Exception):
    def act(monitor) -> None:
        raise error

    return act


def seed_of(job: Job) -> str:
    assert job.result is not None
    return job.result.pictures[0].infotext


def test_ten_quick_presses_each_get_their_own_result():
    engine = Engine(lambda plan, monitor: result_for(plan))
    jobs = [engine.submit(plan_for(seeds=Seeds(seed=seed)), "ann") for seed in range(10)]
    assert all(job.wait(PATIENCE) for job in jobs)
    assert [seed_of(job) for job in jobs] == [str(n) for n in range(10)]
    assert len({job.id for job in jobs}) == 10
    engine.close()


def test_jobs_run_in_the_order_they_came(engine, run):
    plans = [plan_for(seeds=Seeds(seed=seed)) for seed in range(3)]
    jobs = [engine.submit(plan, "ann") for plan in plans]
    for job in jobs:
        run.wait_until_running()
        run.finish()
        assert job.wait(PATIENCE)
    assert run.plans == plans


def test_waiting_jobs_know_their_place(engine, run):
    jobs = [engine.submit(plan_for(), "ann") for _ in range(3)]
    run.wait_until_running()
    assert [job.progress.queue_position for job in jobs] == [0, 1, 2]
    assert jobs[2].progress.text == "In queue: 2/2"
    assert jobs[2].progress.queue_length == 2
    run.finish()
    run.wait_until_running()
    assert [job.progress.queue_position for job in jobs] == [0, 0, 1]
    run.finish()
    run.wait_until_running()


def test_a_full_queue_is_refused_with_a_sentence(engine, run):
    plan = plan_for(settings={"max_queued_jobs": 2})
    engine.submit(plan, "ann")
    run.wait_until_running()
    waiting = [engine.submit(plan, "ann") for _ in range(2)]
    with pytest.raises(QueueFull, match="2 jobs are waiting already, and the settings allow 2"):
        engine.submit(plan, "ann")
    assert all(engine.cancel(job.id) for job in waiting)
    assert engine.cancel(engine.submit(plan, "ann").id)


def test_a_cancelled_job_never_runs(engine, run):
    first, second = (engine.submit(plan_for(), "ann") for _ in range(2))
    run.wait_until_running()
    assert engine.cancel(second.id)
    assert second.state is JobState.cancelled
    assert second.wait(0)
    assert second.progress.elapsed_seconds == 0.0
    assert not engine.cancel(first.id), "a running job is not taken out of the queue"
    run.finish()
    assert first.wait(PATIENCE)
    assert len(run.plans) == 1


def test_interrupting_a_waiting_job_cancels_it(engine, run):
    engine.submit(plan_for(), "ann")
    run.wait_until_running()
    second = engine.submit(plan_for(), "ann")
    assert engine.interrupt(second.id)
    assert second.state is JobState.cancelled


def test_nothing_can_be_done_to_a_job_that_ended_or_never_was(engine, run):
    job = engine.submit(plan_for(), "ann")
    run.wait_until_running()
    run.finish()
    assert job.wait(PATIENCE)
    for job_id in (job.id, "no such job"):
        assert not engine.interrupt(job_id)
        assert not engine.skip(job_id)
        assert not engine.cancel(job_id)
    assert engine.get("no such job") is None


def test_a_users_mistake_is_the_jobs_error_and_the_next_job_works():
    def produce(plan, monitor):
        if plan.images[0].seed == 1:
            raise InvalidRequest("Steps must lie between 1 and 150, got 0.")
        return result_for(plan)

    engine = Engine(produce)
    bad = engine.submit(plan_for(seeds=Seeds(seed=1)), "ann")
    good = engine.submit(plan_for(seeds=Seeds(seed=2)), "ann")
    assert good.wait(PATIENCE)
    assert bad.state is JobState.failed
    assert bad.error == "Steps must lie between 1 and 150, got 0."
    assert bad.progress.error == bad.error
    assert bad.result is None
    assert good.state is JobState.done
    engine.close()


def test_an_unforeseen_error_is_logged_and_named_in_one_sentence(caplog):
    def produce(plan, monitor):
        raise ZeroDivisionError("division by zero\nand more lines")

    engine = Engine(produce)
    with caplog.at_level(logging.ERROR):
        job = engine.submit(plan_for(), "ann")
        assert job.wait(PATIENCE)
    assert job.error == (
        "Something went wrong inside Redraw (ZeroDivisionError: division by zero); "
        "the console says more."
    )
    assert "Traceback" in caplog.text
    engine.close()


def test_everybody_sees_only_their_own_jobs_newest_first(engine, run):
    first, theirs, last = (engine.submit(plan_for(), owner) for owner in ("ann", "bob", "ann"))
    run.wait_until_running()
    assert engine.jobs("ann") == (last, first)
    assert engine.jobs("bob") == (theirs,)
    assert engine.jobs("eve") == ()


def test_only_the_last_results_are_kept():
    engine = Engine(lambda plan, monitor: result_for(plan), kept_jobs=2)
    jobs = [engine.submit(plan_for(), "ann") for _ in range(4)]
    last = engine.submit(plan_for(), "ann")
    assert last.wait(PATIENCE)
    engine.close()
    assert engine.jobs("ann") == (last, jobs[3])
    assert engine.get(jobs[0].id) is None


def test_large_results_are_forgotten_sooner_but_the_newest_stays():
    engine = Engine(lambda plan, monitor: result_for(plan), kept_bytes=1000)
    picture = Image.new("RGB", (100, 100))
    jobs = [engine.submit(plan_for(init_image=picture), "ann") for _ in range(3)]
    assert jobs[-1].wait(PATIENCE)
    engine.close()
    assert engine.jobs("ann") == (jobs[-1],)


def test_closing_stops_what_runs_and_cancels_what_waits():
    run = SteeredRun()
    engine = Engine(run)
    running, waiting = (engine.submit(plan_for(batch=Batch(count=3)), "ann") for _ in range(2))
    run.wait_until_running()
    engine.close(timeout=0)
    assert waiting.state is JobState.cancelled
    assert run.ask(lambda monitor: monitor.stop_now)
    run.finish()
    assert running.wait(PATIENCE)
    with pytest.raises(UserError, match="shutting down"):
        engine.submit(plan_for(), "ann")
