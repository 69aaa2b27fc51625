"""Prompt editing and alternation, step by step against a slow reading of their description."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.prompting.schedule import position_at, texts_by_step
from tests.helpers.examples import examples
from tests.helpers.slow_schedule import slow_text_at


def by_step(text: str, steps: int, *, old_rule: bool = False) -> list[str]:
    """One text for each step, be they the same."""
    texts = texts_by_step(text, steps, old_rule=old_rule)
    assert len(texts) in (1, steps)
    return list(texts) * (steps // len(texts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a [b:c:2] d", ["a b d", "a b d", "a c d", "a c d"]),
        ("[b:c:0.5]", ["b", "b", "c", "c"]),
        ("[b:c: 1 ]", ["b", "c", "c", "c"]),
        ("[c:3]", ["", "", "", "c"]),
        ("[b::1]", ["b", "", "", ""]),
        ("[:c:1]", ["", "c", "c", "c"]),
        ("[b:c:0]", ["c"]),
        ("[b:c:-2]", ["c"]),
        ("[b:c:4]", ["b"]),
        ("[b:c:99]", ["b"]),
        # A point makes a share of the steps, up to the whole and beyond it.
        ("[b:c:1.0]", ["b"]),
        ("[b:c:1.5]", ["b"]),
        ("[b:c:.3]", ["b", "c", "c", "c"]),
        ("[b:c:2.]", ["b"]),
        ("[b:c:2e0]", ["b", "b", "c", "c"]),
        ("[b:c:1e999]", ["b"]),
        ("[a|b]", ["a", "b", "a", "b"]),
        ("[a|b|c] d", ["a d", "b d", "c d", "a d"]),
        ("[a|]", ["a", "", "a", ""]),
        ("[a|a]", ["a"]),
        ("[[a|b]:c:2]", ["a", "b", "c", "c"]),
        ("[[a:b:1]|c]", ["a", "c", "b", "c"]),
        ("[a:[b:c:3]:1]", ["a", "b", "b", "c"]),
        ("([a|b]:1.2)", ["(a:1.2)", "(b:1.2)", "(a:1.2)", "(b:1.2)"]),
        ("[(a:1.2)|b]", ["(a:1.2)", "b", "(a:1.2)", "b"]),
        ("[(a:1.2):b:2]", ["(a:1.2)", "(a:1.2)", "b", "b"]),
    ],
)
def test_a_prompt_says_at_each_step_what_a1111_says(text: str, expected: list[str]):
    assert by_step(text, 4) == (expected * 4 if len(expected) == 1 else expected)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat, 8:30",
        "a | b",
        "[cat]",
        "[[cat]]",
        "[a:b]",
        "[a:b:c:5]",
        "[a:b|c]",
        "[a|b:5]",
        "[a:b:five]",
        "[a:b:5",
        "a:b:5]",
        "[a:(b:5]",
        "[a:b):5]",
        "([a:b:2)]",
        "(a:b:5)",
        "(a|b)",
        r"\[a:b:5]",
        r"[a\:b\:5]",
        r"[a\|b]",
        "[a:b:5\\",
    ],
)
def test_what_is_neither_editing_nor_alternation_is_text(text: str):
    assert texts_by_step(text, 10) == (text,)


def test_a_mark_behind_a_backslash_is_an_ordinary_character():
    assert texts_by_step(r"[a\]:b\::1]", 2) == (r"a\]", r"b\:")


def test_brackets_that_close_nothing_leave_the_others_alone():
    assert texts_by_step("a) [b|c] (d", 2) == ("a) b (d", "a) c (d")


def test_by_the_old_rule_a_number_below_one_is_a_share_and_any_other_a_step():
    assert by_step("[a:b:0.5]", 4, old_rule=True) == ["a", "a", "b", "b"]
    assert by_step("[a:b:1.0]", 4, old_rule=True) == ["a", "b", "b", "b"]
    assert by_step("[a:b:2.9]", 4, old_rule=True) == ["a", "a", "b", "b"]
    assert by_step("[a:b:1.0]", 4) == ["a"] * 4


def test_the_first_two_calls_read_the_first_step_and_late_ones_the_last():
    assert [position_at(call, 3) for call in range(6)] == [0, 0, 1, 2, 2, 2]
    assert [position_at(call, 1) for call in range(3)] == [0, 0, 0]


PIECES = ("[", "]", "(", ")", ":", "|", "\\", "a", "b ", "2", "0.5", "1.", " ", "\n", "-1", "3e0")
prompts = st.lists(st.sampled_from(PIECES), max_size=30).map("".join)


@examples(400)
@given(prompts, st.integers(1, 9), st.booleans())
def test_any_prompt_says_what_a_slow_reader_reads(text: str, steps: int, old_rule: bool):
    expected = [slow_text_at(text, step, steps, old_rule=old_rule) for step in range(1, steps + 1)]
    assert by_step(text, steps, old_rule=old_rule) == expected


nested = st.recursive(
    st.sampled_from(["a", "b", "c d", "", r"\:", "(e:1.1)"]),
    lambda inner: st.one_of(
        st.builds("[{}:{}:{}]".format, inner, inner, st.sampled_from(["1", "2", "0.4", ".9"])),
        st.builds("[{}:{}]".format, inner, st.sampled_from(["2", "0.6"])),
        st.lists(inner, min_size=2, max_size=4).map(lambda options: f"[{'|'.join(options)}]"),
        st.builds("({}:1.2)".format, inner),
        st.builds("{} {}".format, inner, inner),
    ),
    max_leaves=12,
)


@examples(200)
@given(nested, st.integers(1, 12))
def test_any_nesting_says_what_a_slow_reader_reads(text: str, steps: int):
    assert by_step(text, steps) == [slow_text_at(text, step, steps) for step in range(1, steps + 1)]


@examples(200)
@given(st.text())
def test_a_text_without_square_brackets_is_left_as_it_is(text: str):
    plain = re.sub(r"[\[\]]", "", text)
    assert texts_by_step(plain, 20) == (plain,)


LENGTH = 100_000
BOMBS = {
    "openers": "[" * LENGTH,
    "closers": "]" * LENGTH,
    "pairs inside each other": "[" * (LENGTH // 2) + "]" * (LENGTH // 2),
    "edits inside each other": "[" * (LENGTH // 4) + "a" + ":9]" * (LENGTH // 4),
    "alternations inside each other": "[" * (LENGTH // 4) + "a" + "|b]" * (LENGTH // 4),
    "openers of both kinds": "[(" * (LENGTH // 2),
    "pairs that cross": "[(" * (LENGTH // 4) + "])" * (LENGTH // 4),
    "edits beside each other": "[a:b:5]" * (LENGTH // 7),
    "marks": "[" + ":|" * (LENGTH // 2) + "]",
    "a long number": "[a:" + "9" * LENGTH + "]",
    "white space for a number": "[a:" + " " * LENGTH + "]",
    "backslashes": "[a:" + "\\" * LENGTH + ":5]",
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_prompt_made_to_break_the_reader_is_read(bomb: str):
    # Anything that took quadratic time, or recursed, would not come to an end here.
    texts = texts_by_step(bomb, 20)
    assert all(len(text) <= len(bomb) for text in texts)
