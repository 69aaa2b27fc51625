"""What a checkpoint says on the page: its line, its example, and what taking that back brings."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.images import assert_same_picture, gradient
from tests.helpers.models import EXAMPLE, write_example, write_folder
from tests.helpers.page import SlowPainter, make_context
from ui.context import Context
from ui.example_events import ExampleEvents
from ui.form_events import FormEvents
from ui.panels.models import BUILT_IN_NOTE


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Everything real but the network, with a model of the user's own."""
    context = make_context(tmp_path, SlowPainter())
    write_folder(tmp_path / "models" / "Stable-diffusion" / "paint")
    context.catalog.refresh()
    return context


@pytest.fixture
def folder(context: Context) -> Path:
    """The folder of that model."""
    return context.catalog.find("paint").path


@pytest.fixture
def events(context: Context) -> ExampleEvents:
    """The handlers."""
    return ExampleEvents(context, FormEvents(context))


def test_the_built_in_model_says_what_it_is_and_offers_its_example(
    context: Context, events: ExampleEvents
):
    note, offer, _ = events.describe(context.catalog.find("").title)
    assert BUILT_IN_NOTE in note
    assert offer["visible"] is True


def test_a_model_of_the_users_says_nothing_and_may_bring_an_example(
    folder: Path, events: ExampleEvents
):
    note, offer, _ = events.describe("paint")
    assert (note, offer["visible"]) == ("", False)
    write_example(folder)
    note, offer, _ = events.describe("paint")
    assert (note, offer["visible"]) == ("", True)


def test_an_inpainting_model_says_so(context: Context, events: ExampleEvents):
    write_folder(context.data_dir / "models" / "Stable-diffusion" / "fill", in_channels=9, fill=1)
    context.catalog.refresh()
    note, offer, _ = events.describe("fill")
    assert note == "<p>Made for inpainting.</p>"
    assert offer["visible"] is False


def test_a_model_that_edits_by_instruction_says_so_and_shows_its_slider(
    context: Context, events: ExampleEvents
):
    write_folder(context.data_dir / "models" / "Stable-diffusion" / "edit", in_channels=8, fill=1)
    context.catalog.refresh()
    note, _, editing = events.describe("edit")
    assert note == "<p>Made for editing by instruction.</p>"
    assert editing["visible"] is True
    assert events.describe(None)[2]["visible"] == "hidden"


@pytest.mark.parametrize("title", [None, "", "no such model", 5, ["demo"]])
def test_a_title_that_names_nothing_says_nothing(events: ExampleEvents, title: object):
    note, offer, _ = events.describe(title)
    assert (note, offer["visible"]) == ("", False)


def test_one_click_fills_in_all_that_decides_the_picture(folder: Path, events: ExampleEvents):
    write_example(folder)
    updates, message = events.fill("paint")
    assert "press Generate" in message
    assert_same_picture(updates.pop("image"), gradient(96, 64))
    assert updates.pop("schedule")["value"] == EXAMPLE["schedule"]
    assert updates.pop("override_settings")["value"] == []
    expected = {key: value for key, value in EXAMPLE.items() if key != "schedule"}
    rest = {"styles": [], "extra": False, "size_tab": 0, "resize_mode": "Just resize"}
    assert updates == {**expected, **rest}


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("paint", "The example of checkpoint &#x27;paint&#x27; cannot be used: prompt must be"),
        ("nothing", "There is no checkpoint &#x27;nothing&#x27;"),
    ],
)
def test_an_example_that_cannot_be_used_changes_nothing(
    folder: Path, events: ExampleEvents, title: str, words: str
):
    write_example(folder, prompt=5)
    updates, message = events.fill(title)
    assert updates == {}
    assert words in message
    assert 'class="error"' in message


def test_an_examples_picture_has_the_same_limit_as_any_other(
    context: Context, folder: Path, events: ExampleEvents
):
    write_example(folder)
    gradient(1200, 1000).save(folder / "example.png")
    context.settings.change({"max_picture_megapixels": 1.0})
    updates, message = events.fill("paint")
    assert updates == {}
    assert "example.png is 1200x1000" in message


def test_taking_it_back_restores_every_field_and_empties_those_that_were_empty(
    context: Context, events: ExampleEvents
):
    before: dict[str, Any] = {
        "prompt": "mine",
        "checkpoint": context.catalog.find("paint").title,
        "image": None,
        "steps": None,
        "sampler": "DDIM",
        "schedule": "Automatic",
        "override_settings": ["Clip skip: 2"],
    }
    updates = events.undo(before)
    assert updates["prompt"] == "mine"
    assert updates["image"] is None
    assert updates["steps"] is None
    assert updates["schedule"]["choices"] == ["Automatic"]
    assert updates["override_settings"]["value"] == ["Clip skip: 2"]
    assert updates["checkpoint"]["value"] == before["checkpoint"]


@pytest.mark.parametrize("before", [None, [], "text"])
def test_taking_back_nothing_is_survived(events: ExampleEvents, before: object):
    assert "image" not in events.undo(before)


def test_without_any_model_the_page_says_nothing(context: Context):
    class Nothing:
        def find(self, name: str) -> None:
            raise AssertionError(f"{name!r} was looked up")

    events = ExampleEvents(replace(context, catalog=Nothing()), FormEvents(context))
    assert events.describe(None)[0] == ""
