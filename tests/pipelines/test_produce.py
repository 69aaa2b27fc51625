"""From a plan to a result, with a run that draws noise instead of denoising."""

import errno
import os

import pytest

from pipelines.errors import InvalidRequest, OutOfMemory
from pipelines.imaging.opening import open_picture
from pipelines.imaging.prepare import prepare_init_image
from pipelines.monitor import Unwatched
from pipelines.produce import Production
from pipelines.requests import Batch, Prompt, Seeds
from pipelines.results import DenoisedBatch
from pipelines.storage import Storage, init_image_hash, read_infotext
from tests.helpers.images import assert_same_picture, gradient, noise, plain
from tests.helpers.jobs import plan_for


class FakeRun:
    """Pictures of noise, one for each seed; may stop or fail after so many batches."""

    def __init__(self, *, incomplete_at=None, stop_after=None, failure=None, comments=()):
        self.incomplete_at = incomplete_at
        self.stop_after = stop_after
        self.failure = failure
        self.comments = comments
        self.started = False

    def __call__(self, plan, monitor):
        self.started = True
        for index, batch in enumerate(plan.batches):
            if index == self.stop_after:
                if self.failure:
                    raise self.failure
                return
            yield DenoisedBatch(
                images=tuple((image, noise(seed=image.seed)) for image in batch),
                init_image=prepare_init_image(plan),
                complete=index != self.incomplete_at,
                comments=self.comments,
            )


class Stopped(Unwatched):
    """A Monitor whose Interrupt was pressed."""

    stop_after_batch = True


def job(count=1, size=1, init_image=None, **settings):
    return plan_for(
        init_image,
        prompt=Prompt(positive="a cat"),
        seeds=Seeds(seed=7),
        batch=Batch(count=count, size=size),
        settings=settings,
    )


def produce(tmp_path, plan, run=None, monitor=None):
    return Production(run or FakeRun(), Storage(tmp_path))(plan, monitor or Unwatched())


def saved(tmp_path, kind="img2img-images"):
    return sorted(path.name for path in (tmp_path / "outputs").glob(f"{kind}/*/*"))


def test_a_picture_is_made_named_and_saved(tmp_path):
    result = produce(tmp_path, job())
    (picture,) = result.pictures
    assert picture.path is not None
    assert picture.path.name == "00000-7.png"
    assert picture.infotext.startswith("a cat\nSteps: 20, ")
    on_disk = open_picture(picture.path, max_pixels=10**6)
    assert read_infotext(on_disk) == picture.infotext
    assert_same_picture(on_disk, picture.image)
    assert result.grid is None
    assert not result.interrupted
    assert result.comments == ()
    assert result.seconds > 0
    assert_same_picture(result.init_image, gradient())


def test_every_picture_has_its_own_seed_in_name_and_text(tmp_path):
    result = produce(tmp_path, job(count=2, size=2))
    assert saved(tmp_path) == [f"0000{n}-{7 + n}.png" for n in range(4)]
    for number, picture in enumerate(result.pictures):
        assert f"Seed: {7 + number}," in picture.infotext


def test_each_batch_is_saved_before_the_next_begins(tmp_path):
    seen = []

    def run(plan, monitor):
        for batch in FakeRun()(plan, monitor):
            seen.append(len(saved(tmp_path)))
            yield batch

    produce(tmp_path, job(count=3), run)
    assert seen == [0, 1, 2]


def test_several_pictures_make_a_grid(tmp_path):
    result = produce(tmp_path, job(count=4))
    assert result.grid is not None
    assert result.grid.image.size == (128, 128)
    assert result.grid.plan is None
    assert result.grid.infotext == result.pictures[0].infotext
    assert saved(tmp_path, "img2img-grids") == ["grid-0000.png"]
    assert_same_picture(result.grid.image.crop((64, 64, 128, 128)), noise(seed=10))


@pytest.mark.parametrize("grid_save", [True, False])
@pytest.mark.parametrize("return_grid", [True, False])
def test_a_grid_is_saved_and_shown_as_the_settings_say(tmp_path, grid_save, return_grid):
    result = produce(tmp_path, job(count=2, grid_save=grid_save, return_grid=return_grid))
    assert (result.grid is not None) is return_grid
    assert len(saved(tmp_path, "img2img-grids")) == grid_save


def test_nothing_is_saved_when_saving_is_off(tmp_path):
    result = produce(tmp_path, job(samples_save=False))
    assert result.pictures[0].path is None
    assert not (tmp_path / "outputs").exists()


def test_the_text_lies_beside_the_picture_if_wanted(tmp_path):
    result = produce(tmp_path, job(count=2, save_txt=True))
    assert saved(tmp_path) == ["00000-7.png", "00000-7.txt", "00001-8.png", "00001-8.txt"]
    assert saved(tmp_path, "img2img-grids") == ["grid-0000.png", "grid-0000.txt"]
    path = result.pictures[1].path
    assert path is not None
    assert path.with_suffix(".txt").read_text("utf-8") == result.pictures[1].infotext + "\n"


def test_the_job_is_remembered_for_the_paste_button(tmp_path):
    result = produce(tmp_path, job(count=2, samples_save=False))
    assert (tmp_path / "params.txt").read_text("utf-8") == result.pictures[0].infotext


def test_the_source_picture_is_kept_if_wanted(tmp_path):
    plan = job(save_init_img=True)
    result = produce(tmp_path, plan)
    digest = init_image_hash(plan.request.init_image)
    assert f"Init image hash: {digest}" in result.pictures[0].infotext
    assert (tmp_path / "outputs/init-images" / f"{digest}.png").is_file()


@pytest.mark.parametrize("keep", [True, False])
def test_an_unfinished_picture_is_shown_but_saved_only_if_wanted(tmp_path, keep):
    plan = job(count=2, save_incomplete_images=keep)
    result = produce(tmp_path, plan, FakeRun(incomplete_at=1), Stopped())
    assert len(result.pictures) == 2
    assert result.interrupted
    assert (result.pictures[1].path is not None) is keep
    assert len(saved(tmp_path)) == 1 + keep
    assert len(saved(tmp_path, "img2img-grids")) == keep


def test_a_skipped_batch_is_no_interruption(tmp_path):
    assert not produce(tmp_path, job(count=2), FakeRun(incomplete_at=0)).interrupted


def test_a_job_that_ends_early_says_so(tmp_path):
    result = produce(tmp_path, job(count=3), FakeRun(stop_after=1))
    assert result.interrupted
    assert len(result.pictures) == 1
    assert result.grid is None


def test_a_job_stopped_before_its_first_batch_has_no_pictures(tmp_path):
    result = produce(tmp_path, job(), FakeRun(stop_after=0))
    assert result.pictures == ()
    assert result.interrupted
    assert result.init_image.size == (64, 64)


def test_a_failure_keeps_the_pictures_made_before_it(tmp_path):
    run = FakeRun(stop_after=1, failure=OutOfMemory("Not enough memory."))
    result = produce(tmp_path, job(count=2, samples_save=False), run)
    assert len(result.pictures) == 1
    assert result.comments == ("Not enough memory.",)
    assert result.interrupted


def test_a_failure_without_pictures_is_raised(tmp_path):
    run = FakeRun(stop_after=0, failure=OutOfMemory("Not enough memory."))
    with pytest.raises(OutOfMemory):
        produce(tmp_path, job(), run)


def test_a_full_disk_costs_no_picture(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = produce(tmp_path, job(count=2, save_init_img=True, save_txt=True))
    assert [picture.path for picture in result.pictures] == [None, None]
    assert_same_picture(result.pictures[1].image, noise(seed=8))
    assert result.grid is not None
    assert result.grid.path is None
    assert all(comment.startswith("The disk is full") for comment in result.comments)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    monkeypatch.undo()
    assert produce(tmp_path, job()).pictures[0].path is not None


def test_a_folder_outside_outputs_is_refused_before_any_work(tmp_path):
    run = FakeRun()
    with pytest.raises(InvalidRequest, match="must be a folder inside outputs"):
        produce(tmp_path, job(outdir_img2img_grids="../elsewhere"), run)
    assert not run.started


def test_comments_of_the_run_are_passed_on_once(tmp_path):
    result = produce(tmp_path, job(count=3), FakeRun(comments=("Decoded in 32 bits.",)))
    assert result.comments == ("Decoded in 32 bits.",)


def test_a_damaged_colour_profile_is_mentioned(tmp_path):
    image = plain()
    image.info["icc_profile"] = b"damaged"
    (comment,) = produce(tmp_path, job(init_image=image)).comments
    assert "colour profile" in comment


def test_a_grid_of_too_many_pixels_is_left_out_and_mentioned(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.imaging.grids.MAX_PIXELS", 64 * 64)
    result = produce(tmp_path, job(count=2))
    assert result.grid is None
    assert len(result.pictures) == 2
    assert "grid of 2 pictures would be 128x64" in result.comments[0]


def test_the_writer_of_texts_can_be_replaced(tmp_path):
    def write(plan, image_plan, *, extra=()):
        return f"picture {image_plan.index}"

    production = Production(FakeRun(), Storage(tmp_path), write_infotext=write)
    result = production(job(), Unwatched())
    assert result.pictures[0].infotext == "picture 0"
