"""Batches with ControlNet units that follow the files, have folders of their own, or loop."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.batch.control import batch_over_units
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.plan import BatchPlan, FileBatch, make_batch_plan
from pipelines.batch.produce import BatchProduction
from pipelines.batch.report import Outcome
from pipelines.control.menus import ControlMenus
from pipelines.control.units import ControlUnit
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.produce import Production
from pipelines.requests import Inpaint, ResizeBy, Seeds
from pipelines.results import Result
from pipelines.settings import Settings
from pipelines.storage import Storage
from tests.helpers.batches import NO_STYLES, RecordingRun, batch_for, files_in, write_pictures
from tests.helpers.control import canny, menus_for
from tests.helpers.images import assert_same_picture, noise
from tests.helpers.jobs import OneCheckpoint, request_for


@pytest.fixture
def menus(tmp_path: Path) -> ControlMenus:
    return menus_for(tmp_path / "models")


def folder_of(path: Path, *seeds: int) -> Path:
    """Pictures of noise by these seeds, named 1.png and so on; of a broken one for -1."""
    path.mkdir(parents=True)
    for number, seed in enumerate(seeds, 1):
        if seed < 0:
            (path / f"{number}.png").write_bytes(b"\x89PNG and no more")
        else:
            noise(seed=seed).save(path / f"{number}.png")
    return path.resolve()


def plan_of(batch: FileBatch, menus: ControlMenus, **settings: Any) -> BatchPlan:
    return make_batch_plan(
        batch, Settings().with_changes(settings), OneCheckpoint(), NO_STYLES, control=menus
    )


def carried_out(plan: Plan, tmp_path: Path) -> tuple[Result, list[Plan]]:
    run = RecordingRun()
    result = BatchProduction(Production(run, Storage(tmp_path)))(plan, Unwatched())
    return result, run.plans


def images(plans: Sequence[Plan], place: int = 0) -> list[Image.Image]:
    return [plan.control[place].unit.images[0] for plan in plans]


def assert_same(actual: Sequence[Image.Image], expected: Sequence[Image.Image]) -> None:
    for one, other in zip(actual, expected, strict=True):
        assert_same_picture(one, other)


def test_units_without_images_follow_each_file_and_others_keep_theirs(
    menus: ControlMenus, tmp_path: Path
):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png"))
    own = noise(seed=9)
    plan = plan_of(batch_for(files, control=(canny(), canny(1, images=(own,)))), menus)
    result, plans = carried_out(plan, tmp_path)
    assert [planned.control[0].unit.images for planned in plans] == [(), ()]
    assert_same(images(plans, 1), [own, own])
    assert [picture.extra for picture in result.pictures] == [False, False]


def test_a_folder_gives_the_nth_picture_to_the_nth_file(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png", "c.png"))
    folder = folder_of(tmp_path / "control", 1, 2, 3)
    unit = canny(folder=folder, independent=True)
    _, plans = carried_out(plan_of(batch_for(files, control=(unit,)), menus), tmp_path)
    assert_same(images(plans), [noise(seed=seed) for seed in (1, 2, 3)])


def test_the_smallest_folder_ends_the_batch_and_that_is_said(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png", "c.png"))
    units = (
        canny(folder=folder_of(tmp_path / "one", 1, 2, 3, 4)),
        canny(1, folder=folder_of(tmp_path / "two", 5, 6)),
    )
    result, plans = carried_out(plan_of(batch_for(files, control=units), menus), tmp_path)
    assert len(plans) == 2
    assert "Only the first 2 of 3 files are done: a ControlNet unit has no more." in result.comments


def test_a_file_whose_units_image_is_broken_is_skipped_by_name(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png"))
    unit = canny(2, folder=folder_of(tmp_path / "control", -1, 2))
    result, plans = carried_out(plan_of(batch_for(files, control=(unit,)), menus), tmp_path)
    assert_same(images(plans), [noise(seed=2)])
    assert result.report is not None
    first, second = result.report.files
    assert (first.outcome, second.outcome) == (Outcome.skipped, Outcome.done)
    assert first.notes[0].startswith("ControlNet Unit 2: its image 1.png cannot be used.")


def test_a_link_out_of_the_allowed_folders_is_not_opened(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png"))
    folder = folder_of(tmp_path / "control")
    noise().save(tmp_path / "secret.png")
    (folder / "1.png").symlink_to(tmp_path / "secret.png")
    allowed = AllowedFolders(roots=(folder, tmp_path / "in"))
    batch = batch_for(files, control=(canny(folder=folder),), more={"folders": allowed})
    with pytest.raises(InvalidPicture, match="a link that leads out of the allowed folders"):
        plan_of(batch, menus).plan_file(files[0])


def test_an_empty_folder_is_refused_in_the_units_name(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png"))
    unit = canny(1, folder=folder_of(tmp_path / "nothing"))
    with pytest.raises(InvalidPicture, match=r"^ControlNet Unit 1: its input directory nothing"):
        plan_of(batch_for(files, control=(unit,)), menus)


def test_a_mistake_in_a_unit_is_refused_before_the_batch_waits(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png"))
    unit = canny(folder=folder_of(tmp_path / "control", 1), model="None")
    with pytest.raises(InvalidRequest, match=r"^ControlNet Unit 0: no model is chosen"):
        plan_of(batch_for(files, control=(unit,)), menus)


def test_results_in_a_units_folder_are_not_taken_for_its_images(
    menus: ControlMenus, tmp_path: Path
):
    files = files_in(write_pictures(tmp_path / "in", "a.png"))
    folder = folder_of(tmp_path / "control", 1)
    out = folder_of(folder / "0 out", 7)
    batch = batch_for(files, control=(canny(folder=folder),), more={"output": out})
    planned = plan_of(batch, menus).plan_file(files[0])
    assert_same(images([planned.plan]), [noise(seed=1)])


def test_loopback_feeds_what_was_made_to_the_next_file(menus: ControlMenus, tmp_path: Path):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png", "c.png"))
    unit = canny(folder=folder_of(tmp_path / "control", 1, -1, -1), loopback=True)
    plan = plan_of(batch_for(files, control=(unit,), seeds=Seeds(seed=40)), menus)
    result, plans = carried_out(plan, tmp_path)
    made = [picture.image for picture in result.pictures]
    assert_same(images(plans), [noise(seed=1), made[0], made[1]])


def test_loopback_begins_with_the_file_itself_where_the_unit_has_nothing(
    menus: ControlMenus, tmp_path: Path
):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png"))
    plan = plan_of(batch_for(files, control=(canny(loopback=True),)), menus)
    result, plans = carried_out(plan, tmp_path)
    assert plans[0].control[0].unit.images == ()
    assert_same(images(plans[1:]), [result.pictures[0].image])


@pytest.mark.parametrize(("setting", "seeds"), [(False, [5, 5]), (True, [5, 6])])
def test_seeds_follow_the_units_files_if_the_setting_says_so(
    menus: ControlMenus, tmp_path: Path, setting: bool, seeds: list[int]
):
    files = files_in(write_pictures(tmp_path / "in", "a.png", "b.png"))
    unit = canny(folder=folder_of(tmp_path / "control", 1, 2))
    batch = batch_for(files, control=(unit,), seeds=Seeds(seed=5))
    plan = plan_of(batch, menus, controlnet_increment_seed_during_batch=setting)
    _, plans = carried_out(plan, tmp_path)
    assert [planned.images[0].seed for planned in plans] == seeds
    plain = plan_of(
        replace(batch, request=replace(batch.request, control=(canny(),))),
        menus,
        controlnet_increment_seed_during_batch=setting,
    )
    _, plans = carried_out(plain, tmp_path)
    assert [planned.images[0].seed for planned in plans] == [5, 5]


# One picture, and units that go through folders


def test_one_picture_is_made_once_for_each_file_of_its_units(menus: ControlMenus, tmp_path: Path):
    picture, mask = noise(100, 50), Image.new("L", (100, 50), 255)
    units: tuple[ControlUnit, ...] = (canny(), canny(1, folder=folder_of(tmp_path / "c", 1, 2)))
    request = request_for(
        picture, control=units, inpaint=Inpaint(mask=mask), size=ResizeBy(scale=2)
    )
    batch = batch_over_units(request, None)
    assert batch is not None
    result, plans = carried_out(plan_of(batch, menus), tmp_path)
    assert_same(images(plans, 1), [noise(seed=1), noise(seed=2)])
    for plan in plans:
        assert plan.request.init_image is picture
        assert plan.request.inpaint == request.inpaint
        assert (plan.size.width, plan.size.height) == (200, 100)
    assert result.report is not None
    assert [file.name for file in result.report.files] == ["1.png", "2.png"]


def test_units_without_folders_make_no_batch():
    assert batch_over_units(request_for(control=(canny(),)), None) is None
