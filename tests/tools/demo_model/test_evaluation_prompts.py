"""The evaluation's prompts: outside of what the captions say, balanced, and drawable."""

import random
import re
from collections import Counter
from itertools import chain

import numpy as np
import pytest

from tools.demo_model.canvas import OBJECTS
from tools.demo_model.captions import caption
from tools.demo_model.evaluation.doodles import SIDE, doodles
from tools.demo_model.evaluation.judge import LABEL_OF
from tools.demo_model.evaluation.prompts import (
    COLOURS_OF,
    Prompt,
    Wanted,
    describing,
    objects_of,
    scenes,
    worded,
)
from tools.demo_model.render import render
from tools.demo_model.scene import TERRAINS, TIMES, Attributes, Choices, Thing

PLACE = re.compile(r"\b(hills|mountains|desert|sea|ocean|sand dunes)\b")
TIME = re.compile(r"\b(day|daytime|sunset|evening|night|dawn|sunrise|morning)\b")


@pytest.fixture(scope="module")
def asked() -> list[Prompt]:
    return scenes(200)


@pytest.fixture(scope="module")
def shown() -> list[Attributes]:
    return [render(seed).attributes for seed in range(16)]


def test_every_prompt_says_place_and_time_in_one_breath(
    asked: list[Prompt], shown: list[Attributes]
):
    described = [describing(one, "night", random.Random(i)) for i, one in enumerate(shown)]
    for prompt in chain(asked, described):
        assert "," not in prompt.text
        assert PLACE.search(prompt.text), prompt.text
        assert TIME.search(prompt.text), prompt.text


def test_no_caption_ever_does(asked: list[Prompt], shown: list[Attributes]):
    captions = [caption(one, random.Random(f"{one} {i}")) for one in shown for i in range(60)]
    for text in captions:
        for part in text.split(", "):
            assert not (PLACE.search(part) and TIME.search(part)), text
    assert not {prompt.text for prompt in asked} & set(captions)


def test_all_words_of_the_prompts_are_in_captions(asked: list[Prompt]):
    captions: list[str] = []
    names = [name for name in LABEL_OF if name != "pine trees"]
    for number in range(2000):
        chance = random.Random(number)
        name = chance.choice(names)
        colour = chance.choice(COLOURS_OF.get(LABEL_OF[name], ("",)))
        shown = Attributes(
            time=chance.choice(TIMES),
            terrain=chance.choice(TERRAINS),
            season="summer",
            sky="clear",
            style="flat",
            things=(
                Thing(name=name, colour=colour, x=chance.random(), y=0.6, height=0.2),
                Thing(name="sun", x=0.5, y=0.4, height=0.1),
            ),
        )
        captions.append(caption(shown, chance))
    known = set(chain(*(text.replace(",", "").split() for text in captions)))
    asked_for = set(chain(*(prompt.text.split() for prompt in asked)))
    assert asked_for - known == set()


def test_prompts_are_the_same_every_time(asked: list[Prompt]):
    assert scenes(200) == asked
    assert scenes(40) == asked[:40]


def test_times_and_terrains_come_equally_often(asked: list[Prompt]):
    counts = Counter((prompt.time, prompt.terrain) for prompt in asked)
    assert set(counts) == {(time, terrain) for time in TIMES for terrain in TERRAINS}
    assert max(counts.values()) - min(counts.values()) <= 1


def test_every_object_is_named_often_and_only_where_it_may_stand(asked: list[Prompt]):
    counts = Counter(one.name for prompt in asked for one in prompt.objects)
    assert set(counts) == set(OBJECTS)
    assert min(counts.values()) >= 15, counts
    for prompt in asked:
        assert {one.name for one in prompt.objects} <= set(objects_of(prompt.terrain))
        assert all(one.colour in COLOURS_OF.get(one.name, ("",)) for one in prompt.objects)


def test_two_objects_are_on_different_sides_or_on_none(asked: list[Prompt]):
    pairs = [prompt.objects for prompt in asked if len(prompt.objects) == 2]
    assert len(pairs) > 30
    for first, second in pairs:
        assert first.name != second.name
        assert {first.side, second.side} in ({"left", "right"}, {""})


def test_a_prompt_reads_like_english():
    tree = Wanted(name="tree", colour="orange", side="left")
    texts = {worded([tree], "hills", "night", random.Random(i)).text for i in range(60)}
    assert "an orange tree on the left on green hills at night" in texts
    assert "rolling hills by night with an orange tree on the left" in texts


def test_a_drawn_picture_is_described_by_what_stands_in_it():
    attributes = render(3, Choices(terrain="sea", objects=("boat",), time="day")).attributes
    boat = next(thing for thing in attributes.things if thing.name == "sailboat")
    prompt = describing(attributes, "night", random.Random(1))
    assert prompt.objects == (Wanted(name="boat", colour=boat.colour),)
    assert (prompt.time, prompt.terrain) == ("night", "sea")


def test_doodles_show_every_object_inside_its_box():
    drawings = doodles(34)
    assert {one.wanted.name for one in drawings} == set(OBJECTS)
    assert {one.terrain for one in drawings} == set(TERRAINS)
    for one in drawings:
        left, top, right, bottom = one.box
        assert one.picture.shape == (SIDE, SIDE, 3)
        assert 0 < left < right < 1
        assert 0 < top < bottom < 1
        assert (right - left) * (bottom - top) > 0.02, f"{one.wanted.name} is too small"


def test_doodles_are_flat():
    for one in doodles(17):
        colours = np.unique(one.picture.astype(np.int32) @ [65536, 256, 1])
        assert len(colours) <= 7, one.wanted
