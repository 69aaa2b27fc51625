"""Captions say what is in the picture and nothing else."""

import random

import pytest

from tools.demo_model.captions import caption
from tools.demo_model.render import render
from tools.demo_model.scene import Attributes, Thing

# Words that only one thing may bring into a caption.
TELLTALE = {
    "house": {"house"},
    "cottage": {"house"},
    "boat": {"sailboat"},
    "sailboat": {"sailboat"},
    "balloon": {"hot air balloon"},
    "cactus": {"cactus"},
    "lighthouse": {"lighthouse"},
    "windmill": {"windmill"},
    "castle": {"castle"},
    "campfire": {"campfire"},
    "tent": {"tent"},
    "cat": {"cat"},
    "river": {"river"},
    "road": {"road"},
    "pine": {"pine tree", "pine trees"},
    "tree": {"tree", "bare tree", "pine tree", "palm tree"},
    "sun": {"sun"},
    "moon": {"moon", "crescent moon"},
    "birds": {"birds"},
    "fence": {"fence"},
}
TIME_WORDS = {
    "night": {"night"},
    "sunset": {"sunset", "evening"},
    "dawn": {"dawn", "sunrise", "morning"},
    "day": {"day", "daytime"},
}

HOUSE_LEFT = Attributes(
    time="day",
    terrain="hills",
    season="summer",
    sky="clear",
    style="flat",
    things=(Thing(name="house", colour="red", x=0.2, y=0.6, height=0.2),),
)


def words(text: str) -> list[str]:
    return text.replace(",", " ").split()


@pytest.fixture(scope="module")
def told() -> list[tuple[Attributes, str]]:
    shown = [render(seed).attributes for seed in range(30)]
    return [(one, caption(one, random.Random(i))) for i, one in enumerate(shown) for _ in "ab"]


def test_captions_name_no_thing_that_is_not_there(told: list[tuple[Attributes, str]]):
    for attributes, text in told:
        names = {thing.name for thing in attributes.things}
        for word, things in TELLTALE.items():
            if word in words(text):
                assert names & things, f"{text!r}, but there is only {names}"


def test_captions_name_no_other_time_of_day(told: list[tuple[Attributes, str]]):
    for attributes, text in told:
        for time, telling in TIME_WORDS.items():
            if time != attributes.time:
                assert not telling & set(words(text)), f"{text!r} at {attributes.time}"


def test_most_captions_name_an_object_and_its_colour():
    texts = [caption(HOUSE_LEFT, random.Random(i)) for i in range(200)]
    named = [text for text in texts if {"house", "cottage", "cabin"} & set(words(text))]
    assert len(named) > 150
    assert sum("red" in text for text in named) > 0.7 * len(named)


def test_the_mirror_image_swaps_left_and_right():
    mirrored = HOUSE_LEFT.mirrored()
    sides = 0
    for i in range(100):
        here, there = caption(HOUSE_LEFT, random.Random(i)), caption(mirrored, random.Random(i))
        assert here.replace("left", "right") == there
        assert "right" not in words(here)
        sides += "left" in words(here)
    assert sides > 10, "sides are hardly ever told"


def test_a_picture_has_many_captions():
    texts = {caption(HOUSE_LEFT, random.Random(i)) for i in range(50)}
    assert len(texts) > 30


def test_an_empty_landscape_has_captions_too():
    nothing = Attributes(time="dawn", terrain="sea", season="summer", sky="cloudy", style="ink")
    assert all(caption(nothing, random.Random(i)).strip(", ") for i in range(50))


def test_a_dull_day_is_never_called_sunny():
    rainy = Attributes(time="day", terrain="hills", season="summer", sky="rain", style="flat")
    assert not any("sunny" in caption(rainy, random.Random(i)) for i in range(80))
