"""Which files a batch has, in which order, and when one of them is refused."""

import errno
import os
from pathlib import Path

import pytest

from pipelines.batch import files
from pipelines.batch.files import (
    InputFile,
    in_order,
    list_folder,
    list_masks,
    natural_key,
    open_input,
)
from pipelines.batch.folders import AllowedFolders
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.settings import Settings
from tests.helpers.files import png_header
from tests.helpers.images import assert_same_picture, gradient


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder.resolve()


def names_of(listing) -> list[str]:
    return [file.name for file in listing.files]


def test_numbers_are_sorted_as_people_count():
    mixed = ["img10.png", "img9.png", "IMG1.png", "img02.png", "a.png", "10.png", "9.png"]
    assert sorted(mixed, key=natural_key) == [
        "9.png", "10.png", "a.png", "IMG1.png", "img02.png", "img9.png", "img10.png",
    ]  # fmt: skip


def test_superscripts_are_letters_and_no_number_breaks_the_order():
    assert sorted(["x²", "x2", "x", "", "2", "²"], key=natural_key)[0] == ""


def test_a_folder_is_walked_folder_by_folder_in_natural_order(tmp_path):
    root = touch(tmp_path, "b/1.png", "2.png", "10.png", "b10/1.png", "b/c/1.png", "b2/1.png")
    assert names_of(list_folder(root)) == [
        "2.png", "10.png", "b/1.png", "b/c/1.png", "b2/1.png", "b10/1.png",
    ]  # fmt: skip


def test_only_picture_files_count(tmp_path):
    wanted = ["a.png", "b.jpg", "c.jpeg", "d.webp", "e.tif", "f.tiff", "g.PNG"]
    root = touch(tmp_path, *wanted, "h.gif", "i.txt", "j.png.txt", "png", "k", "l.avif")
    assert names_of(list_folder(root)) == wanted


def test_hidden_entries_are_passed_over(tmp_path):
    root = touch(tmp_path, "a.png", ".b.png", ".git/c.png", "._d.png")
    assert names_of(list_folder(root)) == ["a.png"]


def test_folders_of_masks_and_results_are_left_out(tmp_path):
    root = touch(tmp_path, "a.png", "out/a.png", "masks/a.png", "more/out/b.png")
    listing = list_folder(root, leave_out=[root / "out", root / "masks"])
    assert names_of(listing) == ["a.png", "more/out/b.png"]


def test_links_to_folders_are_named_and_not_followed(tmp_path):
    root = touch(tmp_path / "in", "a.png")
    touch(tmp_path / "private", "secret.png")
    (root / "out").symlink_to(tmp_path / "private")
    (root / "loop").symlink_to(root)
    listing = list_folder(root)
    assert names_of(listing) == ["a.png"]
    assert listing.problems == (
        "Folder loop is a link and was not followed.",
        "Folder out is a link and was not followed.",
    )


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    root = touch(tmp_path, "a.png", "locked/b.png")
    scandir = os.scandir

    def refuse(place):
        if Path(place).name == "locked":
            raise PermissionError(errno.EACCES, "Permission denied", str(place))
        return scandir(place)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_folder(root)
    assert names_of(listing) == ["a.png"]
    assert listing.problems == ("Folder locked cannot be read: Permission denied.",)


def test_a_folder_of_too_many_pictures_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "MAX_FILES", 3)
    root = touch(tmp_path, *(f"{number}.png" for number in range(4)))
    with pytest.raises(InvalidRequest, match="more than 3 pictures"):
        list_folder(root)
    (root / "0.png").unlink()
    assert len(list_folder(root).files) == 3


def test_uploads_are_put_in_order_and_namesakes_stay_as_they_came():
    given = [
        InputFile(path=Path(str(number)), name=name)
        for number, name in enumerate(["10.png", "2.png", "a.png", "2.png"])
    ]
    assert [file.path.name for file in in_order(given)] == ["1", "3", "0", "2"]


@pytest.mark.parametrize(
    ("name", "stem", "safe"),
    [
        ("cat.png", "cat", "cat"),
        ("a/b/cat.png", "cat", "cat"),
        ("a\\b\\cat.png", "cat", "cat"),
        ("../../etc/passwd.png", "passwd", "passwd"),
        ("cat.tar.png", "cat.tar", "cat.tar"),
        ("...png", "..", "picture"),
        ("a:b|c?.png", "a:b|c?", "a_b_c_"),
        ("line\nbreak\0.png", "line\nbreak\0", "line_break_"),
        ("  cat  .png", "  cat  ", "cat"),
        ("猫" * 100 + ".png", "猫" * 100, "猫" * 66),
        ("", "", "picture"),
        ("/", "", "picture"),
    ],
)
def test_a_stem_finds_masks_and_a_safe_one_names_results(name, stem, safe):
    file = InputFile(path=Path("x"), name=name)
    assert (file.stem, file.safe_stem) == (stem, safe)


def test_a_single_mask_is_for_all(tmp_path):
    masks = list_masks(touch(tmp_path, "any.png", "notes.txt", ".hidden.png", "deeper/b.png"))
    assert masks.for_all is not None
    assert masks.for_all.name == "any.png"
    assert masks.find("whatever") is masks.for_all


def test_of_several_masks_each_is_for_its_namesake(tmp_path):
    masks = list_masks(touch(tmp_path, "cat.jpg", "dog.png", "d[o]g.webp", "cat.png"))
    found = {stem: masks.find(stem) for stem in ("cat", "dog", "d[o]g", "Cat", "bird")}
    assert {stem: mask and mask.name for stem, mask in found.items()} == {
        "cat": "cat.jpg",  # the first of two
        "dog": "dog.png",
        "d[o]g": "d[o]g.webp",
        "Cat": None,
        "bird": None,
    }


def test_a_folder_without_masks_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="holds no picture"):
        list_masks(touch(tmp_path, "notes.txt"))


def opened(path: Path, folders: AllowedFolders | None = None, **settings: float):
    return open_input(
        InputFile(path=path, name=path.name), Settings().with_changes(settings), folders
    )


def test_a_picture_is_opened(tmp_path):
    gradient().save(tmp_path / "a.png")
    assert_same_picture(opened(tmp_path / "a.png"), gradient())


def test_the_limits_hold_for_files_too(tmp_path):
    (tmp_path / "huge.png").write_bytes(png_header(20_000, 20_000))
    with pytest.raises(InvalidPicture, match=r"400\.0 megapixels; at most 64"):
        opened(tmp_path / "huge.png")
    (tmp_path / "fat.png").write_bytes(bytes(3 * 2**20))
    with pytest.raises(InvalidPicture, match=r"It has 3.0 MB; at most 1 MB are allowed."):
        opened(tmp_path / "fat.png", max_upload_megabytes=1.0)


def test_what_is_not_a_picture_is_refused(tmp_path):
    (tmp_path / "a.png").write_text("hello there")
    with pytest.raises(InvalidPicture, match="a text file, not a picture"):
        opened(tmp_path / "a.png")
    with pytest.raises(InvalidPicture, match="It cannot be read: No such file"):
        opened(tmp_path / "gone.png")
    with pytest.raises(InvalidPicture, match="It is not a file"):
        opened(tmp_path)


def test_a_pipe_does_not_keep_the_batch_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InvalidPicture, match="It is not a file"):
        opened(tmp_path / "pipe.png")


def test_a_link_out_of_the_allowed_folders_is_not_opened(tmp_path):
    (tmp_path / "in").mkdir()
    gradient().save(tmp_path / "secret.png")
    gradient().save(tmp_path / "in" / "a.png")
    (tmp_path / "in" / "out.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "in" / "same.png").symlink_to(tmp_path / "in" / "a.png")
    folders = AllowedFolders(roots=(tmp_path / "in",))
    assert opened(tmp_path / "in" / "same.png", folders).size == gradient().size
    with pytest.raises(InvalidPicture, match="leads out of the allowed folders"):
        opened(tmp_path / "in" / "out.png", folders)
