"""The token counters: of all that a prompt says at its steps, the longest is counted."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import pytest

from pipelines.catalog.checkpoints import Checkpoint
from tests.helpers.page import SlowPainter, make_context
from ui.form_events import FormEvents


def counters(
    folder: Path,
    prompt: object,
    negative: object = "",
    *,
    steps: Any = 20,
    sampler: Any = "Euler",
    **settings: Any,
) -> tuple[str, str]:
    """By the page's counter of words."""
    context = make_context(folder, SlowPainter())
    context.settings.change(settings)
    return FormEvents(context).count_tokens(prompt, negative, [], steps, sampler)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("", 0),
        (None, 0),
        ("a cat", 2),
        ("[a|b c d] e", 4),
        ("[a:b c:5]", 2),
        ("[a:b c:30]", 1),
        ("a AND b c d:2 AND e", 3),
        ("a <lora:b c d:1> e # f g h", 2),
    ],
)
def test_the_longest_text_of_a_prompt_is_counted(tmp_path: Path, prompt: object, words: int):
    assert counters(tmp_path, prompt)[0] == f"{words}/75"


def test_the_negative_prompt_is_counted_as_it_is_read(tmp_path: Path):
    assert counters(tmp_path, "a", "[b|c d] AND e # f")[1] == "4/75"


def test_steps_and_sampler_decide_what_is_ever_read(tmp_path: Path):
    assert counters(tmp_path, "[a:b c:30]", sampler="Heun")[0] == "2/75"
    assert counters(tmp_path, "[a:b c:30]", steps=40)[0] == "2/75"


def test_settings_decide_what_is_counted(tmp_path: Path):
    assert counters(tmp_path, "a # b", enable_prompt_comments=False)[0] == "3/75"


@pytest.mark.parametrize(("steps", "sampler"), [(None, "Euler"), (10**9, "Euler"), (5, ["gone"])])
def test_steps_and_samplers_that_no_form_can_have_count_as_a_new_forms(
    tmp_path: Path, steps: object, sampler: object
):
    assert counters(tmp_path, "[a:b c:19]", steps=steps, sampler=sampler)[0] == "2/75"


def test_nothing_is_shown_while_nothing_can_count(tmp_path: Path):
    def not_yet(texts: Collection[str], checkpoint: Checkpoint) -> None:
        return None

    form = FormEvents(make_context(tmp_path, SlowPainter(), not_yet))
    assert form.count_tokens("a", "b", [], 20, "Euler") == ("", "")
