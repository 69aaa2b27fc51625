"""A typed prompt to texts by part and step: comments, networks, AND."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.prompting.reading import (
    NetworkToken,
    PromptTexts,
    read_prompt,
    schedule_steps,
    split_at_ands,
    take_networks,
)
from pipelines.requests import Prompt, Sampling
from pipelines.settings import Settings
from tests.helpers.examples import examples


def read(positive: str, negative: str = "", *, steps: int = 4, **changes: Any) -> PromptTexts:
    chosen = Settings().with_changes(changes)
    return read_prompt(Prompt(positive=positive, negative=negative), chosen, steps=steps)


def parts(positive: str, **changes: Any) -> list[tuple[tuple[str, ...], float]]:
    return [(part.texts, part.weight) for part in read(positive, **changes).positive]


def test_a_prompt_without_any_syntax_is_left_as_it_is():
    texts = read(" a  cat, 8:30 ", "dull:1.2 AND blurry")
    assert [(part.texts, part.weight) for part in texts.positive] == [((" a  cat, 8:30 ",), 1.0)]
    assert (texts.negative.texts, texts.negative.weight) == (("dull:1.2 AND blurry",), 1.0)
    assert texts.networks == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat AND a dog", [("a cat", 1.0), ("a dog", 1.0)]),
        ("a cat :1.2 AND a dog:-.5", [("a cat", 1.2), ("a dog", -0.5)]),
        ("a AND b AND c : 2 ", [("a", 1.0), ("b", 1.0), ("c", 2.0)]),
        ("(a:1.3) AND b:3.", [("(a:1.3)", 1.0), ("b", 3.0)]),
        ("a AND", [("a", 1.0), ("", 1.0)]),
        ("a\nAND\nb", [("a", 1.0), ("b", 1.0)]),
        ("a:1.2.3 AND b:x", [("a:1.2.3", 1.0), ("b:x", 1.0)]),
        ("SAND BRAND and And ANDY", [("SAND BRAND and And ANDY", 1.0)]),
        ("at 8:30", [("at 8:30", 1.0)]),
    ],
)
def test_and_divides_a_prompt_into_parts_with_weights(text: str, expected: list[tuple[str, float]]):
    assert list(split_at_ands(text)) == expected


def test_each_part_has_a_schedule_of_its_own():
    assert parts("[a|b] AND c:0.5 AND [d:e:0.5]:2") == [
        (("a", "b", "a", "b"), 1.0),
        (("c",), 0.5),
        (("d", "d", "e", "e"), 2.0),
    ]


def test_the_negative_prompt_has_a_schedule_too():
    assert read("a", "[x:y:1]").negative.texts == ("x", "y", "y", "y")


def test_a_comment_reaches_to_the_end_of_its_line():
    text = "a cat, # [x|y] AND <lora:z:1>\n# whole line\na dog"
    assert parts(text) == [(("a cat, \n\na dog",), 1.0)]
    assert read("a", "b # c").negative.texts == ("b ",)


def test_without_comments_the_sign_is_an_ordinary_character():
    assert parts("a # b", enable_prompt_comments=False) == [(("a # b",), 1.0)]


def test_old_prompt_editing_timelines_are_a_setting():
    assert parts("[a:b:1.0]") == [(("a",), 1.0)]
    assert parts("[a:b:1.0]", use_old_scheduling=True) == [(("a", "b", "b", "b"), 1.0)]


def test_networks_are_taken_out_of_the_prompt():
    texts = read("a <lora:my style:0.8:te=0.5> cat<hypernet:x> [<lyco:b:1>dog|sea]")
    assert texts.positive[0].texts == ("a  cat dog", "a  cat sea", "a  cat dog", "a  cat sea")
    assert texts.networks == (
        NetworkToken(
            kind="lora",
            arguments=("my style", "0.8", "te=0.5"),
            written="<lora:my style:0.8:te=0.5>",
        ),
        NetworkToken(kind="hypernet", arguments=("x",), written="<hypernet:x>"),
        NetworkToken(kind="lyco", arguments=("b", "1"), written="<lyco:b:1>"),
    )


def test_in_the_negative_prompt_networks_are_words():
    texts = read("a", "b <lora:c:1>")
    assert texts.negative.texts == ("b <lora:c:1>",)
    assert texts.networks == ()


@pytest.mark.parametrize("text", ["a < b", "<a>", "<a:>", "<:b>", "a > b <c:d", "<3", "<<", "x>"])
def test_what_looks_like_a_network_but_is_none_is_text(text: str):
    assert take_networks(text) == (text, ())


@pytest.mark.parametrize(("sampler", "expected"), [("Euler a", 20), ("Heun", 40), ("DDIM", 20)])
def test_samplers_that_ask_twice_in_a_step_count_twice(sampler: str, expected: int):
    sampling = Sampling(sampler=sampler, steps=20, denoising_strength=0.3)
    assert schedule_steps(sampling) == expected


WORDS = ("AND", "BREAK", "<lora:", ">", "#", "\n", "0.5", "é")
SYNTAX = (*"[]():|\\ ", *WORDS)
prompts = st.lists(st.one_of(st.sampled_from(SYNTAX), st.text(max_size=5)), max_size=40)


@examples(300)
@given(prompts.map("".join), st.integers(1, 50), st.booleans(), st.booleans())
def test_no_prompt_fails(text: str, steps: int, comments: bool, old: bool):
    texts = read(text, text, steps=steps, enable_prompt_comments=comments, use_old_scheduling=old)
    assert all(len(part.texts) in (1, steps) for part in (*texts.positive, texts.negative))


@pytest.mark.parametrize(
    "part", ["<", "<a", "<a:", "<a:>", " AND ", ":1", ": ", "#", "# \n", "a" * 50, "1", "\n", " "]
)
def test_a_long_prompt_made_to_confuse_is_read(part: str):
    # Anything that took quadratic time would not come to an end here.
    text = part * (100_000 // len(part))
    assert read(text).positive
    assert read(f"a AND b:{text}x").positive
