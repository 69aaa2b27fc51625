"""A batch from plan to result, with a run that records what it is asked."""

import logging
import weakref
from pathlib import Path

import pytest

from pipelines.batch.plan import BatchPlan
from pipelines.batch.produce import BatchProduction
from pipelines.batch.report import Outcome
from pipelines.engine.engine import Engine
from pipelines.engine.jobs import JobState
from pipelines.errors import ModelBroken, OutOfMemory
from pipelines.imaging.opening import open_picture
from pipelines.monitor import Monitor, Unwatched
from pipelines.plan import Plan
from pipelines.produce import Production
from pipelines.requests import Batch, Prompt, Seeds
from pipelines.results import Result
from pipelines.storage import Storage, read_infotext
from tests.helpers.batches import RecordingRun, batch_for, batch_plan, files_in, write_pictures
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.jobs import plan_for
from tests.helpers.rig import PATIENCE


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_pictures(tmp_path / "in", "1.png", "2.png", "broken.png", "x/3.png")


def production(tmp_path: Path, run: RecordingRun | None = None, **options) -> BatchProduction:
    return BatchProduction(Production(run or RecordingRun(), Storage(tmp_path)), **options)


def job(folder: Path, *, more=None, count: int = 1, **settings) -> BatchPlan:
    wanted = batch_for(
        files_in(folder),
        more=more,
        prompt=Prompt(positive="a cat"),
        seeds=Seeds(seed=7),
        batch=Batch(count=count),
    )
    return batch_plan(wanted, **settings)


def outcomes(result: Result) -> list[tuple[str, str]]:
    assert result.report is not None
    return [(file.name, file.outcome.value) for file in result.report.files]


def notes(result: Result, name: str) -> tuple[str, ...]:
    assert result.report is not None
    return next(file.notes for file in result.report.files if file.name == name)


def test_every_file_is_done_or_reported(tmp_path, folder):
    run = RecordingRun()
    result = production(tmp_path, run)(job(folder), Unwatched())
    assert outcomes(result) == [
        ("1.png", "done"), ("2.png", "done"), ("broken.png", "skipped"), ("x/3.png", "done"),
    ]  # fmt: skip
    assert len(run.plans) == 3
    (reason,) = notes(result, "broken.png")
    assert reason.startswith("broken.png is a PNG picture that is damaged")
    assert result.report is not None
    assert result.report.sentence == "4 files: 3 done, 1 skipped."
    assert not result.interrupted
    assert result.seconds > 0
    assert [file.saved for file in result.report.files] == [
        ("00000-7.png",), ("00001-7.png",), (), ("00002-7.png",),
    ]  # fmt: skip


def test_results_are_saved_as_those_of_any_job(tmp_path, folder):
    result = production(tmp_path)(job(folder), Unwatched())
    paths = [picture.path for picture in result.pictures]
    saved = sorted((tmp_path / "outputs" / "img2img-images").rglob("*.png"))
    assert paths == saved
    assert not list((tmp_path / "outputs").glob("img2img-grids/**/*.png"))
    assert result.grid is None


def test_results_go_to_the_folder_that_was_asked_for(tmp_path, folder):
    out = tmp_path / "out"
    make = production(tmp_path)
    for _ in range(2):
        make(job(folder, more={"output": out}), Unwatched())
    make(job(folder, more={"output": out}, count=2), Unwatched())
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{stem}.png"
        for number in (1, 2, 3)
        # The third job's first picture would be named as the second job's was.
        for stem in (f"{number}", f"{number}-1", f"{number}-1-1", f"{number}-2")
    )
    assert not (tmp_path / "outputs").exists()


def test_the_saved_file_tells_its_parameters(tmp_path, folder):
    out = tmp_path / "out"
    result = production(tmp_path)(job(folder, more={"output": out}), Unwatched())
    saved = open_picture(out / "1.png", max_pixels=10**6)
    assert read_infotext(saved) == result.pictures[0].infotext
    assert "Seed: 7" in result.pictures[0].infotext


def test_every_picture_is_kept_beside_its_own_source(tmp_path, folder):
    noise(seed=99).save(folder / "2.png")
    result = production(tmp_path)(job(folder), Unwatched())
    sources = [picture.init_image for picture in result.pictures]
    assert sources[0] is not None
    assert sources[1] is not None
    assert_same_picture(sources[0], gradient())
    assert_same_picture(sources[1], noise(seed=99))
    assert result.init_image is sources[0]


@pytest.mark.parametrize(("limit", "shown"), [(2, 2), (0, 0), (-1, 3), (32, 3)])
def test_only_the_first_results_are_kept_to_be_shown(tmp_path, folder, limit, shown):
    plan = job(folder, img2img_batch_show_results_limit=limit)
    result = production(tmp_path)(plan, Unwatched())
    assert len(result.pictures) == shown
    assert result.report is not None
    assert (result.report.made, result.report.shown) == (3, shown)
    assert len(list((tmp_path / "outputs").rglob("*.png"))) == 3


def test_no_more_are_kept_than_memory_allows(tmp_path, folder):
    one = 2 * 64 * 64 * 3
    make = production(tmp_path, shown_bytes=2 * one + 100)
    result = make(job(folder, img2img_batch_show_results_limit=-1), Unwatched())
    assert len(result.pictures) == 2


def test_one_picture_at_a_time_is_open(tmp_path):
    folder = write_pictures(tmp_path / "in", *(f"{number}.png" for number in range(12)))
    alive: list[weakref.ref] = []
    most = 0

    def act(plan: Plan, monitor: Monitor) -> None:
        nonlocal most
        run.plans.clear()
        alive.append(weakref.ref(plan.request.init_image))
        most = max(most, sum(reference() is not None for reference in alive))

    run = RecordingRun(act)
    plan = job(folder, img2img_batch_show_results_limit=3)
    production(tmp_path, run)(plan, Unwatched())
    assert len(alive) == 12
    assert most <= 2, "the one at work, and the one before until it is let go"


def test_a_failure_costs_its_file_alone(tmp_path, folder, caplog):
    errors = [OutOfMemory("Out of memory at 64x64."), ZeroDivisionError("division by zero")]

    def act(plan: Plan, monitor: Monitor) -> None:
        if errors:
            raise errors.pop(0)

    with caplog.at_level(logging.ERROR):
        result = production(tmp_path, RecordingRun(act))(job(folder), Unwatched())
    assert outcomes(result) == [
        ("1.png", "failed"), ("2.png", "failed"), ("broken.png", "skipped"), ("x/3.png", "done"),
    ]  # fmt: skip
    assert notes(result, "1.png") == ("Out of memory at 64x64.",)
    assert "ZeroDivisionError: division by zero" in notes(result, "2.png")[0]
    assert "2.png of a batch failed unexpectedly" in caplog.text


def test_a_model_that_cannot_be_loaded_fails_the_job_once(tmp_path, folder):
    def act(plan: Plan, monitor: Monitor) -> None:
        raise ModelBroken("Model demo is incomplete.")

    run = RecordingRun(act)
    with pytest.raises(ModelBroken, match="incomplete"):
        production(tmp_path, run)(job(folder), Unwatched())
    assert len(run.plans) == 1


def test_a_model_that_vanishes_in_the_middle_ends_the_batch_and_keeps_what_is_done(
    tmp_path, folder
):
    def act(plan: Plan, monitor: Monitor) -> None:
        if len(run.plans) == 2:
            raise ModelBroken("Model demo is incomplete.")

    run = RecordingRun(act)
    result = production(tmp_path, run)(job(folder), Unwatched())
    assert outcomes(result) == [("1.png", "done"), ("2.png", "failed")]
    assert result.report is not None
    assert result.report.unreached == 2
    assert result.comments == ("Model demo is incomplete.",)
    assert len(result.pictures) == 1
    assert result.interrupted


def test_nothing_more_is_made_once_nothing_can_be_saved(tmp_path, folder):
    out = tmp_path / "out"
    out.mkdir()

    def act(plan: Plan, monitor: Monitor) -> None:
        if len(run.plans) == 2:
            (out / "1.png").unlink()
            out.rmdir()
            out.write_text("no folder any more")

    run = RecordingRun(act)
    result = production(tmp_path, run)(job(folder, more={"output": out}), Unwatched())
    assert outcomes(result) == [("1.png", "done"), ("2.png", "done")]
    assert "could not be saved" in notes(result, "2.png")[0]
    assert result.comments == ("Nothing more was made, since results of 2.png were not saved.",)
    assert len(result.pictures) == 2, "what could not be saved is at least shown"


def test_pictures_that_nobody_wants_saved_end_nothing(tmp_path, folder):
    result = production(tmp_path)(job(folder, samples_save=False), Unwatched())
    assert result.report is not None
    assert result.report.unreached == 0


def test_a_batch_of_broken_files_is_no_error_but_a_report(tmp_path):
    folder = write_pictures(tmp_path / "in", "broken1.png", "broken2.png")
    result = production(tmp_path)(job(folder), Unwatched())
    assert [outcome for _, outcome in outcomes(result)] == ["skipped", "skipped"]
    assert result.pictures == ()
    assert not result.interrupted


def test_what_was_not_listed_is_told(tmp_path, folder):
    plan = job(folder, more={"problems": ("Folder y is a link and was not followed.",)})
    result = production(tmp_path)(plan, Unwatched())
    assert result.comments == ("Folder y is a link and was not followed.",)


def test_any_other_plan_is_carried_out_as_ever(tmp_path):
    result = production(tmp_path)(plan_for(seeds=Seeds(seed=5)), Unwatched())
    assert result.report is None
    assert [picture.path and picture.path.name for picture in result.pictures] == ["00000-5.png"]


# In the engine


def in_engine(tmp_path: Path, plan: BatchPlan, run: RecordingRun):
    """The job, after an engine has carried it out."""
    engine = Engine(production(tmp_path, run))
    run.act = lambda file_plan, monitor, act=run.act: act((engine, engine.jobs("ann")[0]), monitor)
    job = engine.submit(plan, "ann")
    assert job.wait(PATIENCE)
    engine.close()
    return job


def test_a_batch_is_one_job_that_names_the_file_at_work(tmp_path, folder):
    texts: list[str] = []

    def act(place, monitor: Monitor) -> None:
        texts.append(place[1].progress.text)

    done = in_engine(tmp_path, job(folder, count=2), RecordingRun(act))
    assert done.state is JobState.done
    assert texts == [
        "Batch 1 out of 8: 1.png",
        "Batch 2 out of 8: 1.png",
        "Batch 3 out of 8: 2.png",
        "Batch 4 out of 8: 2.png",
        "Batch 7 out of 8: x/3.png (1 skipped)",
        "Batch 8 out of 8: x/3.png (1 skipped)",
    ]


def test_skip_ends_the_file_at_work(tmp_path, folder):
    def act(place, monitor: Monitor) -> None:
        if len(run.plans) == 1:
            place[0].skip(place[1].id)

    run = RecordingRun(act)
    done = in_engine(tmp_path, job(folder, count=2), run)
    assert done.result is not None
    assert outcomes(done.result)[:2] == [("1.png", "skipped"), ("2.png", "done")]
    assert notes(done.result, "1.png") == ("Skip was pressed.",)
    assert not done.result.interrupted
    assert len(list((tmp_path / "outputs").rglob("*.png"))) == 4, "the unfinished one is not saved"


def test_interrupt_ends_the_whole_batch_with_the_file_at_work(tmp_path, folder):
    def act(place, monitor: Monitor) -> None:
        if len(run.plans) == 2:
            place[0].interrupt(place[1].id)

    run = RecordingRun(act)
    done = in_engine(tmp_path, job(folder), run)
    assert done.result is not None
    assert outcomes(done.result) == [("1.png", "done"), ("2.png", "done")]
    assert done.result.report is not None
    assert done.result.report.unreached == 2
    assert done.result.interrupted


def test_a_second_interrupt_ends_it_at_once(tmp_path, folder):
    def act(place, monitor: Monitor) -> None:
        place[0].interrupt(place[1].id)
        place[0].interrupt(place[1].id)

    done = in_engine(tmp_path, job(folder, count=2), RecordingRun(act))
    assert done.result is not None
    assert done.result.report is not None
    assert [file.outcome for file in done.result.report.files] == [Outcome.interrupted]
    assert done.result.report.unreached == 3


def test_a_batch_waits_in_the_queue_and_can_be_cancelled(tmp_path, folder):
    run = RecordingRun()
    engine = Engine(production(tmp_path, run))
    first = engine.submit(job(folder), "ann")
    assert first.wait(PATIENCE)
    engine.close()
    assert first.state is JobState.done
    assert engine.get(first.id) is first
