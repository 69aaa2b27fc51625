"""Wildcards: names to lines by the seed, and nothing that names, files or prompts could do harm."""

import random
import re
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.prompting import wildcards
from pipelines.prompting.wildcards import WildcardFolders
from pipelines.requests import Prompt

FILES = {
    "colour.txt": "red\n\n# warm ones\n  orange  # nice\nblue\n",
    "Animals/cats.txt": "a __colour__ cat\na __Animals/wild__\n",
    "Animals/wild.txt": "lynx\n",
    "loop.txt": "x __loop__\n",
    "empty.txt": "# nothing\n\n",
    "wörter/große.txt": "groß\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("wildcards")
    for name, text in FILES.items():
        path = root / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8-sig")
    return root


def fill(folder: Path, text: str, seed: int = 1) -> str:
    return WildcardFolders((folder,)).fill(Prompt(positive=text), [seed]).prompts[0].positive


def slowly(text: str, seed: int) -> str:
    """The description, written again for names without sub-folders and nesting."""
    numbers = random.Random(seed)
    pieces = re.split("(__[a-z]+__)", text)
    for place, piece in enumerate(pieces):
        lines = FILES.get(f"{piece.strip('_')}.txt", "") if piece.startswith("__") else ""
        choices = [line.split("#")[0].strip() for line in lines.splitlines()]
        choices = [choice for choice in choices if choice]
        if choices:
            pieces[place] = choices[int(numbers.random() * len(choices))]
    return "".join(pieces)


@pytest.mark.parametrize("seed", range(20))
def test_a_name_becomes_a_line_by_the_seed(folder: Path, seed: int):
    text = "a __colour__ cat, __colour__ and __empty__ __none__ __colour__"
    assert fill(folder, text, seed) == slowly(text, seed)


def test_every_line_is_drawn_about_as_often(folder: Path):
    drawn = Counter(fill(folder, "__colour__", seed) for seed in range(600))
    assert set(drawn) == {"red", "orange", "blue"}
    assert all(140 < count < 260 for count in drawn.values())


def test_folders_nesting_capitals_and_stars(folder: Path):
    cats = {fill(folder, "__ANIMALS/Cats__", seed) for seed in range(60)}
    assert cats == {"a red cat", "a orange cat", "a blue cat", "a lynx"}
    assert fill(folder, "__animals/w*__, __wörter/große__") == "lynx, groß"


def test_a_file_that_names_itself_ends(folder: Path):
    assert fill(folder, "__loop__") == "x " * wildcards.MAX_DEPTH + "__loop__"


def test_prompts_without_wildcards_are_left_alone(folder: Path):
    for text in ("a cat", "snake_case", "__", "____", "__ a __", "__a", "a__"):
        assert fill(folder, text) == text


def test_each_seed_has_its_prompt_and_each_prompt_its_draw(folder: Path):
    texts = Prompt(positive="__colour__", negative="__colour__ __colour__")
    seeds = list(range(40))
    found = WildcardFolders((folder,)).fill(texts, seeds)
    assert [prompt.positive for prompt in found.prompts] == [
        slowly("__colour__", seed) for seed in seeds
    ]
    other = WildcardFolders((folder,)).fill(Prompt(negative=texts.negative), seeds)
    assert [one.negative for one in other.prompts] == [one.negative for one in found.prompts]
    assert any(not one.negative.startswith(one.positive) for one in found.prompts)


def test_names_that_are_not_there_are_told_of_once(folder: Path):
    texts = Prompt(positive="__none__ __empty__ __none__", negative="__colour__ __more__")
    found = WildcardFolders((folder,)).fill(texts, [1, 2])
    assert found.notes == (
        "Wildcards that are not there, or have no lines, stay as they are: "
        "__none__, __empty__, __more__.",
    )
    many = " ".join(f"__n{number}__" for number in range(9))
    (note,) = WildcardFolders((folder,)).fill(Prompt(positive=many), [1]).notes
    assert note.endswith("__n3__, __n4__, and 4 more.")


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/../../secret", "..", "*/../x"])
def test_a_name_never_becomes_a_path(folder: Path, name: str):
    (folder.parent / "secret.txt").write_text("secret", encoding="utf-8")
    assert fill(folder, f"__{name}__") == f"__{name}__"


def test_links_that_lead_away_are_followed_only_where_they_may(tmp_path: Path):
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    root = tmp_path / "wildcards"
    root.mkdir()
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    assert WildcardFolders((root,)).names() == ("link",)
    assert WildcardFolders((root,), within=(root,)).names() == ()


def test_files_that_come_and_change_are_seen(tmp_path: Path):
    found = WildcardFolders((tmp_path / "first", tmp_path / "second"))
    assert found.names() == ()
    (tmp_path / "second").mkdir()
    (tmp_path / "second" / "a.txt").write_text("old", encoding="utf-8")
    assert found.fill(Prompt(positive="__a__"), [1]).prompts[0].positive == "old"
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "a.txt").write_text("new", encoding="utf-8")
    assert found.fill(Prompt(positive="__a__"), [1]).prompts[0].positive == "new"


def test_what_a_prompt_may_grow_by_is_limited(tmp_path: Path):
    long = "y" * 4000
    (tmp_path / "many.txt").write_text(" ".join(["__many__"] * 500), encoding="utf-8")
    (tmp_path / "long.txt").write_text(f"{'z' * 6000}\n{long}", encoding="utf-8")
    grown = fill(tmp_path, "__long__ " * 100)
    assert grown.count(long) == wildcards.MAX_ADDED // 4000
    assert grown.count("__long__") == 100 - grown.count(long)
    assert len(fill(tmp_path, "__many__")) < 2 * wildcards.MAX_ADDED


@given(st.text(alphabet="_ab/.* -\n(", max_size=300))
def test_nothing_that_is_typed_fails_and_text_around_stays(text: str):
    assert WildcardFolders(()).fill(Prompt(positive=text), [1]).prompts[0].positive == text


def test_a_prompt_of_a_hundred_thousand_characters_is_read_in_a_moment(folder: Path):
    for piece in ("_", "__", "__a", "__a_", "a" * 300 + "__"):
        text = piece * (100_000 // len(piece))
        assert len(fill(folder, text)) == len(text)
