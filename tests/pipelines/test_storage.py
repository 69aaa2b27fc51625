"""Pictures on disk: numbers, formats, texts, and what happens when the disk says no."""

import errno
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InvalidRequest, StorageFailed
from pipelines.imaging.opening import open_picture
from pipelines.requests import Batch, Prompt, Seeds
from pipelines.storage import Destination, Storage, init_image_hash, read_infotext
from tests.helpers.images import assert_same_picture, gradient, noise, plain
from tests.helpers.jobs import plan_for

FOLDER = Path("outputs/img2img-images/2024-05-06")
TEXT = "a café 猫\nSteps: 20, Seed: 7"


def job(prompt="a cat", **settings):
    return plan_for(prompt=Prompt(positive=prompt), seeds=Seeds(seed=7), settings=settings)


def save(data_dir, plan=None, image=None, text=TEXT):
    plan = plan or job()
    return Storage(data_dir).save_picture(image or gradient(), text, plan.images[0], plan)


def files_in(data_dir):
    return sorted(path.relative_to(data_dir).as_posix() for path in data_dir.rglob("*.*"))


def opened(path):
    return open_picture(path, max_pixels=10**9)


def test_a_picture_lies_where_a1111_puts_it(tmp_path):
    path = save(tmp_path)
    assert path == tmp_path / FOLDER / "00000-7.png"
    assert_same_picture(opened(path), gradient())
    assert read_infotext(opened(path)) == TEXT
    assert files_in(tmp_path) == [f"{FOLDER.as_posix()}/00000-7.png"]


def test_without_subfolders_the_name_tells_the_prompt(tmp_path):
    path = save(tmp_path, job(save_to_dirs=False))
    assert path == tmp_path / "outputs/img2img-images/00000-7-a cat.png"


def test_numbers_go_on_from_the_highest_there_is(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    for name in ("00004-1.png", "00017.webp", "0003-x.jpg", "readme.txt", "grid-0900.png"):
        (folder / name).touch()
    assert save(tmp_path).name == "00018-7.png"
    assert save(tmp_path).name == "00019-7.png"


def test_grids_have_their_own_numbers(tmp_path):
    storage = Storage(tmp_path)
    first, second = (storage.save_grid(plain(), TEXT, job()) for _ in range(2))
    assert first == tmp_path / "outputs/img2img-grids/2024-05-06/grid-0000.png"
    assert second.name == "grid-0001.png"


@pytest.mark.parametrize("pattern", ["[none]", "[user]"])
def test_a_name_may_be_the_number_alone(tmp_path, pattern):
    assert save(tmp_path, job(samples_filename_pattern=pattern)).name == "00000.png"


@pytest.mark.parametrize("extension", ["jpg", "webp"])
def test_other_formats_keep_the_text(tmp_path, extension):
    path = save(tmp_path, job(samples_format=extension))
    assert path.name == f"00000-7.{extension}"
    assert read_infotext(opened(path)) == TEXT


def test_lossless_webp_is_lossless(tmp_path):
    path = save(tmp_path, job(samples_format="webp", webp_lossless=True), noise())
    assert_same_picture(opened(path).convert("RGB"), noise())


@pytest.mark.parametrize(("extension", "side"), [("jpg", 65536), ("webp", 16384)])
def test_a_side_too_long_for_the_format_makes_a_png(tmp_path, extension, side):
    path = save(tmp_path, job(samples_format=extension), Image.new("RGB", (side, 1)))
    assert path.suffix == ".png"
    assert read_infotext(opened(path)) == TEXT


def test_a_text_too_long_for_a_jpeg_makes_a_png(tmp_path):
    path = save(tmp_path, job(samples_format="jpg"), text="x" * 40_000)
    assert path.suffix == ".png"
    assert read_infotext(opened(path)) == "x" * 40_000


@pytest.mark.parametrize("extension", ["png", "jpg", "webp"])
def test_the_text_can_be_left_out(tmp_path, extension):
    path = save(tmp_path, job(samples_format=extension, enable_pnginfo=False))
    assert read_infotext(opened(path)) is None


def test_half_a_character_in_a_prompt_does_not_stop_saving(tmp_path):
    path = save(tmp_path, job("a\ud83d", samples_filename_pattern="[prompt]"), text="a\ud83d")
    assert path.name == "00000-a_.png"
    assert read_infotext(opened(path)) == "a?"


@pytest.mark.parametrize("prompt", ["../../../up", "/etc/passwd", "貓" * 900, "..", "C:\\x\0y"])
@pytest.mark.parametrize("pattern", ["[prompt]", "../[prompt]/[prompt_spaces]"])
def test_a_hostile_prompt_stays_in_the_output_folder(tmp_path, prompt, pattern):
    plan = job(prompt, samples_filename_pattern="[prompt]", directories_filename_pattern=pattern)
    path = save(tmp_path, plan)
    assert path.resolve().is_relative_to(tmp_path / "outputs" / "img2img-images")
    assert path.is_file()
    assert len(os.fsencode(path.name)) <= 255


@pytest.mark.parametrize(
    "outside", ["", ".", "..", "models", "/tmp/x", "outputs/../x", "outputs/.x", "a\0b", "outputs2"]
)
def test_an_output_folder_outside_outputs_is_refused(tmp_path, outside):
    plan = job(outdir_img2img_samples=outside)
    with pytest.raises(InvalidRequest, match="must be a folder inside outputs") as refusal:
        Storage(tmp_path).check_folders(plan.settings)
    assert "Output directory for img2img images" in str(refusal.value)


def test_a_link_that_leads_outside_is_refused(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "away").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidRequest, match="must be a folder inside outputs"):
        save(tmp_path, job(outdir_img2img_samples="outputs/away"))


def test_outputs_itself_may_be_a_link(tmp_path):
    (tmp_path / "big disk").mkdir()
    (tmp_path / "outputs").symlink_to(tmp_path / "big disk")
    assert save(tmp_path).is_file()


def test_a_kill_between_writing_and_naming_leaves_no_picture(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("pipelines.storage._claim", killed)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path)
    assert files_in(tmp_path) == []


def test_what_an_earlier_kill_left_is_cleared_away(tmp_path):
    folder = tmp_path / FOLDER
    folder.mkdir(parents=True)
    old, new = folder / ".redraw-old.tmp", folder / ".redraw-new.tmp"
    for leftover in (old, new):
        leftover.write_bytes(b"half")
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    save(tmp_path)
    assert not old.exists()
    assert new.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch, code):
    def full(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    plan = job(save_init_img=True)
    storage = Storage(tmp_path)
    attempts = (
        lambda: storage.save_picture(gradient(), TEXT, plan.images[0], plan),
        lambda: storage.save_grid(gradient(), TEXT, plan),
        lambda: storage.save_init_image(plan),
        lambda: storage.save_sidecar(tmp_path / "outputs" / "a.png", TEXT),
        lambda: storage.remember(TEXT),
    )
    for attempt in attempts:
        with pytest.raises(StorageFailed, match=r"^The disk is full: [\d.]+ MB could not be"):
            attempt()
    assert files_in(tmp_path) == []
    monkeypatch.undo()
    assert save(tmp_path).name == "00000-7.png"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "outputs").write_text("in the way")
    with pytest.raises(StorageFailed, match=r"could not be saved to outputs/img2img-images/2024"):
        save(tmp_path)


def test_threads_never_share_a_number(tmp_path):
    plan, storage = job(), Storage(tmp_path)
    paths = []

    def work():
        for _ in range(5):
            paths.append(storage.save_picture(plain(), TEXT, plan.images[0], plan))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(path.name for path in paths) == [f"{n:05}-7.png" for n in range(30)]


def test_another_process_that_took_the_number_is_respected(tmp_path, monkeypatch):
    save(tmp_path)
    monkeypatch.setattr("pipelines.storage._next_number", lambda *_: 0)
    assert save(tmp_path, image=noise()).name == "00001-7.png"
    assert_same_picture(opened(tmp_path / FOLDER / "00000-7.png"), gradient())


def test_a_file_system_without_links_works_too(tmp_path, monkeypatch):
    def no_links(*_):
        raise OSError(errno.EPERM, "not here")

    monkeypatch.setattr(os, "link", no_links)
    monkeypatch.setattr("pipelines.storage._next_number", lambda *_: 0)
    assert [save(tmp_path).name for _ in range(2)] == ["00000-7.png", "00001-7.png"]
    assert len(files_in(tmp_path)) == 2


def test_when_no_number_is_free_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("pipelines.storage._claim", lambda *_: False)
    with pytest.raises(StorageFailed, match="No free file name was found in outputs/img2img"):
        save(tmp_path)
    assert files_in(tmp_path) == []


def test_pictures_have_the_usual_permissions(tmp_path):
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    assert save(tmp_path).stat().st_mode == ordinary.stat().st_mode


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "CMYK", "F"])
def test_the_source_picture_is_named_for_its_pixels(tmp_path, mode):
    image = noise().convert(mode)
    plan = plan_for(image)
    paths = {Storage(tmp_path).save_init_image(plan) for _ in range(2)}
    (path,) = paths
    assert path == tmp_path / "outputs/init-images" / f"{init_image_hash(image)}.png"
    if mode in ("RGB", "RGBA", "L"):
        assert np.array_equal(np.asarray(opened(path)), np.asarray(image))


def test_the_sidecar_holds_the_text_and_a_newline(tmp_path):
    path = save(tmp_path)
    assert Storage(tmp_path).save_sidecar(path, TEXT) == path.with_suffix(".txt")
    assert path.with_suffix(".txt").read_text("utf-8") == TEXT + "\n"


def test_the_last_job_is_remembered(tmp_path):
    Storage(tmp_path).remember("first")
    Storage(tmp_path).remember(TEXT)
    assert (tmp_path / "params.txt").read_text("utf-8") == TEXT


def deliver(folder, plan, stem="holiday"):
    """Save every picture of a job as a batch of files does."""
    storage = Storage(folder / "data").sent_to(Destination(folder=folder / "out", stem=stem))
    return [storage.save_picture(gradient(), TEXT, image, plan).name for image in plan.images]


def test_a_batch_names_a_picture_for_the_file_it_came_from(tmp_path):
    assert deliver(tmp_path, job()) == ["holiday.png"]
    assert files_in(tmp_path) == ["out/holiday.png"], "no number, no subfolder"
    assert read_infotext(opened(tmp_path / "out/holiday.png")) == TEXT


def test_a_batch_numbers_several_pictures_of_one_file(tmp_path):
    assert deliver(tmp_path, plan_for(batch=Batch(count=2, size=2))) == [
        f"holiday-{number}.png" for number in (1, 2, 3, 4)
    ]


def test_a_batch_writes_over_nothing(tmp_path):
    plan = plan_for(batch=Batch(count=2))
    assert [deliver(tmp_path, job())[0] for _ in range(3)] == [
        "holiday.png", "holiday-1.png", "holiday-2.png",
    ]  # fmt: skip
    assert deliver(tmp_path, plan) == ["holiday-1-1.png", "holiday-2-1.png"]


def test_a_batch_takes_its_format_from_the_settings(tmp_path):
    assert deliver(tmp_path, job(samples_format="webp")) == ["holiday.webp"]


def test_everything_but_a_batchs_pictures_stays_where_it_was(tmp_path):
    storage = Storage(tmp_path).sent_to(Destination(folder=tmp_path / "out", stem="holiday"))
    assert storage.save_grid(gradient(), TEXT, job()).is_relative_to(tmp_path / "outputs")
    assert storage.save_init_image(job()).is_relative_to(tmp_path / "outputs")
