"""A text from the network becomes a folder only below the roots that were allowed."""

import os
from pathlib import Path

import pytest

from pipelines.batch.folders import AllowedFolders
from pipelines.errors import InvalidRequest

LABEL = "Input directory"


@pytest.fixture
def root(tmp_path) -> Path:
    """An allowed folder with one below it, beside one that is not allowed."""
    (tmp_path / "allowed" / "inner").mkdir(parents=True)
    (tmp_path / "allowed" / "note.txt").write_text("x")
    (tmp_path / "private" / "inner").mkdir(parents=True)
    (tmp_path / "allowed-too-but-not-really").mkdir()
    return tmp_path / "allowed"


@pytest.fixture
def folders(root) -> AllowedFolders:
    return AllowedFolders(roots=(root,), base=root.parent)


def refusal(folders: AllowedFolders, text: str, *, new: bool = False) -> str:
    with pytest.raises(InvalidRequest) as caught:
        (folders.find_or_new if new else folders.find)(LABEL, text)
    return str(caught.value)


def test_a_root_and_what_lies_below_it_are_found(folders, root):
    assert folders.find(LABEL, str(root)) == root.resolve()
    assert folders.find(LABEL, str(root / "inner")) == (root / "inner").resolve()
    assert folders.find(LABEL, f"  {root}/inner/  ") == (root / "inner").resolve()


def test_a_relative_text_starts_at_the_base(folders, root):
    assert folders.find(LABEL, "allowed/inner") == (root / "inner").resolve()


def test_dots_that_stay_inside_are_fine(folders, root):
    assert folders.find(LABEL, f"{root}/inner/../inner/./") == (root / "inner").resolve()
    assert folders.find(LABEL, f"{root}/inner/..") == root.resolve()


@pytest.mark.parametrize(
    "text",
    [
        "{root}/..",
        "{root}/../private",
        "{root}/inner/../../private/inner",
        "allowed/../private",
        "private",
        "{parent}/private",
        "{parent}",
        "{root}-too-but-not-really",
        "/",
        "/etc",
        "~",
        "~root",
        "..",
        ".",
        "{root}\0",
        "{root}\0/../../private",
        "\0",
        "C:\\Windows",
        "D:\\",
        "\\\\server\\share",
        "//server/share",
        "file://{root}",
        "{root}/\ud800",
        "{parent}/private/" + "x" * 5000,
    ],
)
@pytest.mark.parametrize("new", [False, True])
def test_everything_else_is_refused(folders, root, text, new):
    text = text.format(root=root, parent=root.parent)
    sentence = refusal(folders, text, new=new)
    assert "must lie below a folder that was allowed at the start" in sentence
    assert str(root) in sentence
    assert len(sentence) < 500 + 2 * len(str(root))


def test_whether_something_outside_exists_is_not_told(folders, root):
    there, nowhere = (str(root.parent / name) for name in ("private", "unicorn"))
    assert refusal(folders, there).replace(there, "") == refusal(folders, nowhere).replace(
        nowhere, ""
    )


def test_a_link_out_of_the_root_is_refused(folders, root):
    (root / "out").symlink_to(root.parent / "private")
    for text in ("out", "out/inner", "out/unicorn"):
        assert "must lie below" in refusal(folders, str(root / text))
        assert "must lie below" in refusal(folders, str(root / text), new=True)


def test_a_way_through_a_link_and_back_is_judged_by_where_it_leads(folders, root):
    (root / "out").symlink_to(root.parent / "private" / "inner")
    # By its letters this is the root; the disk says it is the folder outside.
    assert "must lie below" in refusal(folders, f"{root}/out/..")


def test_a_link_within_the_root_is_followed(folders, root):
    (root / "short").symlink_to(root / "inner")
    assert folders.find(LABEL, str(root / "short")) == (root / "inner").resolve()


def test_a_loop_of_links_is_refused(folders, root):
    (root / "a").symlink_to(root / "b")
    (root / "b").symlink_to(root / "a")
    assert refusal(folders, str(root / "a"))
    assert not folders.contains(root / "a" / "b" / "c")


def test_a_root_that_is_a_link_counts_under_both_its_names(tmp_path):
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    folders = AllowedFolders(roots=(tmp_path / "link",), base=tmp_path)
    wanted = (tmp_path / "real" / "inner").resolve()
    assert folders.find(LABEL, str(tmp_path / "link" / "inner")) == wanted
    assert folders.find(LABEL, str(tmp_path / "real" / "inner")) == wanted


def test_the_whole_disk_can_be_allowed(root):
    folders = AllowedFolders(roots=(Path(os.sep),))
    assert folders.find(LABEL, str(root.parent / "private")) == (root.parent / "private").resolve()


def test_a_folder_that_is_missing_is_refused_for_reading_and_fine_for_writing(folders, root):
    assert "there is none at" in refusal(folders, str(root / "new" / "er"))
    assert folders.find_or_new(LABEL, str(root / "new" / "er")) == (root / "new" / "er").resolve()
    assert not (root / "new").exists(), "nothing is made before it is needed"


def test_a_file_is_no_folder(folders, root):
    assert "there is none at" in refusal(folders, str(root / "note.txt"))
    assert "is a file" in refusal(folders, str(root / "note.txt"), new=True)


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_an_empty_text_says_what_to_type(folders, root, text):
    assert refusal(folders, text) == f"{LABEL} is empty; type a folder below {root}."


def test_nothing_is_allowed_unless_it_was():
    assert "--allow-dir" in refusal(AllowedFolders(), str(Path.cwd()))
    assert not AllowedFolders().contains(Path.cwd())


def test_a_path_outside_is_refused_before_the_disk_is_asked(folders, monkeypatch):
    # A look at another machine's share gives that machine the user's credentials, on Windows.
    asked: list[Path] = []
    real = Path.resolve

    def resolve(path: Path, strict: bool = False) -> Path:
        asked.append(path)
        return real(path, strict)

    monkeypatch.setattr(Path, "resolve", resolve)
    refusal(folders, "//server/share/pictures")
    assert asked, "the roots are resolved"
    assert [path for path in asked if "server" in str(path)] == []
