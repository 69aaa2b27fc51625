"""Styles: the file, applying them, and finding them in a prompt again."""

import os
from pathlib import Path

import pytest

from pipelines.errors import InvalidRequest, StorageFailed
from pipelines.requests import Prompt
from pipelines.styles import Style, StyleBook


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "styles.csv"


@pytest.fixture
def book(path: Path) -> StyleBook:
    book = StyleBook(path)
    book.save(Style(name="oil", positive="oil painting of {prompt}", negative="photo"))
    book.save(Style(name="soft", positive="soft light"))
    return book


def test_without_a_file_there_are_no_styles(path: Path):
    book = StyleBook(path)
    assert book.names == ()
    assert book.problem is None
    assert book.apply(Prompt(positive=" a ")) == Prompt(positive=" a ")


def test_saved_styles_are_read_by_another_book(book: StyleBook, path: Path):
    other = StyleBook(path)
    assert other.names == ("oil", "soft")
    assert other.get("oil") == Style(
        name="oil", positive="oil painting of {prompt}", negative="photo"
    )


def test_the_file_is_a1111s(book: StyleBook, path: Path):
    assert path.read_bytes() == (
        b"\xef\xbb\xbfname,prompt,negative_prompt\r\n"
        b"oil,oil painting of {prompt},photo\r\n"
        b"soft,soft light,\r\n"
    )


def test_texts_with_commas_quotes_and_lines_survive(path: Path):
    style = Style(name='a, "b"', positive="one\ntwo, é", negative='"three"')
    StyleBook(path).save(style)
    assert StyleBook(path).get('a, "b"') == style


def test_a_style_of_the_same_name_is_replaced_in_its_place(book: StyleBook):
    book.save(Style(name="oil", positive="oil"))
    assert book.names == ("oil", "soft")
    assert book.get("oil").positive == "oil"


def test_a_deleted_style_is_gone_from_the_file(book: StyleBook, path: Path):
    book.delete("oil")
    assert StyleBook(path).names == ("soft",)


def test_deleting_what_is_not_there_is_refused(book: StyleBook):
    with pytest.raises(InvalidRequest, match="'none' is not known; there are: oil, soft"):
        book.delete("none")


@pytest.mark.parametrize("name", ["", "  ", "# heading"])
def test_a_name_that_would_be_lost_is_refused(book: StyleBook, name: str):
    with pytest.raises(InvalidRequest, match="needs a name"):
        book.save(Style(name=name))


def test_a_file_that_changed_is_read_again(book: StyleBook, path: Path):
    assert book.names == ("oil", "soft")
    path.write_text("name,prompt,negative_prompt\nink,ink,\n", encoding="utf-8")
    os.utime(path, ns=(1, 1))
    assert book.names == ("ink",)
    path.unlink()
    assert book.names == ()


@pytest.mark.parametrize(
    ("styles", "positive", "negative"),
    [
        ((), "a cat", "ugly"),
        (("soft",), "a cat, soft light", "ugly"),
        (("oil",), "oil painting of a cat", "ugly, photo"),
        (("oil", "soft"), "oil painting of a cat, soft light", "ugly, photo"),
        (("soft", "oil"), "oil painting of a cat, soft light", "ugly, photo"),
        (("soft", "soft"), "a cat, soft light, soft light", "ugly"),
    ],
)
def test_styles_are_applied_in_order(
    book: StyleBook, styles: tuple[str, ...], positive: str, negative: str
):
    prompt = Prompt(positive="a cat", negative="ugly", styles=styles)
    assert book.apply(prompt) == Prompt(positive=positive, negative=negative)


def test_a_style_on_an_empty_prompt_stands_alone(book: StyleBook):
    assert book.apply(Prompt(styles=("soft",))).positive == "soft light"


def test_an_unknown_style_is_refused_by_name(book: StyleBook):
    with pytest.raises(InvalidRequest, match="'ink'"):
        book.apply(Prompt(styles=("ink",)))


@pytest.mark.parametrize("styles", [("soft",), ("oil",), ("oil", "soft"), ()])
@pytest.mark.parametrize("prompt", ["", "a cat", "a (cat:1.2), in a hat"])
def test_what_was_applied_is_extracted(book: StyleBook, styles: tuple[str, ...], prompt: str):
    applied = book.apply(Prompt(positive=prompt, negative="ugly", styles=styles))
    positive, negative, found = book.extract(applied.positive, applied.negative)
    assert (positive, negative) == (prompt, "ugly")
    assert set(found) == set(styles)


def test_a_style_found_in_one_text_only_stays(book: StyleBook):
    assert book.extract("oil painting of a cat", "ugly") == ("oil painting of a cat", "ugly", ())


def test_a_text_that_merely_ends_like_a_style_stays(book: StyleBook):
    assert book.extract("very soft light", "") == ("very soft light", "", ())


@pytest.mark.parametrize("text", ["{prompt}", "", " "])
def test_a_style_that_says_nothing_is_never_found(path: Path, text: str):
    book = StyleBook(path)
    book.save(Style(name="nothing", positive=text))
    assert book.extract("a cat", "") == ("a cat", "", ())


def test_a_style_applied_a_thousand_times_is_found_once(book: StyleBook):
    positive, _, found = book.extract("a cat" + ", soft light" * 1000, "")
    assert found == ("soft",)
    assert positive.count("soft") == 999


def write(path: Path, content: bytes) -> StyleBook:
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return StyleBook(path)


def test_the_oldest_files_call_the_prompt_text(path: Path):
    book = write(path, b"name,text\nold,an old style\n")
    assert book.get("old") == Style(name="old", positive="an old style")


def test_headings_are_hidden_but_kept(path: Path):
    book = write(path, b"name,prompt,negative_prompt\n# light,,\nsoft,soft light,\n")
    assert book.names == ("soft",)
    book.save(Style(name="hard"))
    assert "# light,," in path.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize(
    "content",
    [
        b"name,prompt,negative_prompt\nshort\n",
        b"name,prompt,negative_prompt\na,b,c,d,e,f\n",
        b"name,prompt,negative_prompt\n,no name,\n\n\n",
        b"name,prompt,negative_prompt\n\0,\0,\0\n",
        b"prompt,name\nx,only\n",
        b"",
        b"\xef\xbb\xbf",
    ],
)
def test_a_crooked_file_is_read_as_far_as_it_goes(path: Path, content: bytes):
    book = write(path, content)
    assert book.problem is None
    book.save(Style(name="new"))
    assert "new" in StyleBook(path).names


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe\x00\x01 no text",
        b"color,shape\nred,round\n",
        b'name,prompt,negative_prompt\na,"' + b"x" * 200_000 + b'",\n',
    ],
    ids=["binary", "other columns", "endless field"],
)
def test_a_file_that_makes_no_sense_is_explained_and_never_overwritten(path: Path, content: bytes):
    book = write(path, content)
    assert book.names == ()
    assert book.problem is not None
    assert book.problem.startswith("Styles file styles.csv cannot be read")
    with pytest.raises(StorageFailed, match="cannot be read"):
        book.save(Style(name="new"))
    with pytest.raises(InvalidRequest, match="cannot be read"):
        book.apply(Prompt(styles=("new",)))
    assert path.read_bytes() == content


def test_a_folder_in_the_place_of_the_file_is_explained(path: Path):
    path.mkdir(parents=True)
    book = StyleBook(path)
    assert book.names == ()
    assert book.problem


def test_a_disk_that_refuses_is_reported(
    book: StyleBook, path: Path, monkeypatch: pytest.MonkeyPatch
):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageFailed, match=r"could not be saved .* No space left"):
        book.save(Style(name="new"))
    assert StyleBook(path).names == ("oil", "soft")
