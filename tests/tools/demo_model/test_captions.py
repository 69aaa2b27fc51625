"""Captions say what is in the picture and nothing else."""

import random

import pytest

from tools.demo_model.captions import caption
from tools.demo_model.render import render
from tools.demo_model.scene import DUSK, TERRAINS, TIMES, Attributes, Thing

# Words that only one thing may bring into a caption.
TELLTALE = {
    "house": {"house"},
    "cottage": {"house"},
    "boat": {"sailboat"},
    "sailboat": {"sailboat"},
    "balloon": {"hot air balloon"},
    "cactus": {"cactus"},
    "lighthouse": {"lighthouse"},
    "tent": {"tent"},
    "pine": {"pine tree", "pine trees"},
    "tree": {"tree", "pine tree"},
    "trees": {"pine trees"},
    "sun": {"sun"},
    "moon": {"moon", "crescent moon"},
}
TIME_WORDS = {
    "night": {"night", "starry", "stars"},
    "sunset": {"sunset", "evening"},
    "dawn": {"dawn", "sunrise", "morning"},
    "day": {"day", "daytime", "sunny"},
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
    return [
        (one, caption(one, random.Random(f"{number} {time}")))
        for number, one in enumerate(shown)
        for time in range(4)
    ]


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
    named = [text for text in texts if {"house", "cottage"} & set(words(text))]
    assert len(named) > 180
    assert sum("red" in text for text in named) > 0.85 * len(named)


def test_the_mirror_image_swaps_left_and_right():
    mirrored = HOUSE_LEFT.mirrored()
    sides = 0
    for i in range(100):
        here, there = caption(HOUSE_LEFT, random.Random(i)), caption(mirrored, random.Random(i))
        assert here.replace("left", "right") == there
        assert "right" not in words(here)
        sides += "left" in words(here)
    assert sides > 30, "sides are hardly ever told"


def test_a_picture_has_many_captions():
    texts = {caption(HOUSE_LEFT, random.Random(i)) for i in range(50)}
    assert len(texts) > 30


@pytest.mark.parametrize("terrain", TERRAINS)
@pytest.mark.parametrize("time", [*TIMES, DUSK])
def test_an_empty_landscape_has_captions_too(terrain: str, time: str):
    nothing = Attributes(time=time, terrain=terrain, season="summer", sky="cloudy", style="flat")
    assert all(caption(nothing, random.Random(i)).strip(", ") for i in range(20))


def test_dusk_has_no_word():
    dusk = Attributes(time=DUSK, terrain="sea", season="summer", sky="clear", style="flat")
    for i in range(100):
        said = set(words(caption(dusk, random.Random(i))))
        assert not said & {DUSK, *(word for some in TIME_WORDS.values() for word in some)}
