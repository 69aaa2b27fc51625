"""Prompts kept out of training: known words in an order that no caption has.

The captions set time, place and things apart by commas; here the time of day is said in one breath
with the place ("a red house on green hills at night"), so that no prompt is among the captions,
however many are made. Very short captions such as "hills, night" could not be kept apart otherwise.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from tools.demo_model.canvas import OBJECTS
from tools.demo_model.evaluation.judge import LABEL_OF
from tools.demo_model.placement import WEIGHTS
from tools.demo_model.scene import TERRAINS, TIMES, Attributes

# The colours that the renderer gives each kind of object.
COLOURS_OF: dict[str, tuple[str, ...]] = {
    "house": ("red", "blue", "yellow", "white"),
    "tree": ("green", "orange", "pink"),
    "boat": ("red", "blue", "white", "yellow"),
    "balloon": ("red", "blue", "yellow", "purple"),
    "tent": ("red", "orange", "blue", "yellow"),
}
_TIMES: dict[str, tuple[str, ...]] = {
    "day": ("by day", "on a sunny day"),
    "sunset": ("at sunset", "in the evening"),
    "dawn": ("at dawn", "at sunrise"),
    "night": ("at night", "by night"),
}
_PLACES: dict[str, tuple[str, ...]] = {
    "hills": ("green hills", "hills", "rolling hills"),
    "mountains": ("mountains",),
    "desert": ("desert",),
    "sea": ("sea",),
}
_PREPOSITIONS = {"hills": "on", "mountains": "in the", "desert": "in the", "sea": "by the"}
_WORDS = {
    "pine": "pine tree",
    "boat": "sailboat",
    "balloon": "hot air balloon",
}
_LABEL_OF_DRAWER = {"pines": "pine"}
_SIDES = ("left", "right")
_COUNTS = (1, 2, 1, 0, 1, 2, 1, 0, 2, 1)  # objects in a prompt, over and over


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """An object that a prompt names."""

    name: str  # of canvas.OBJECTS
    colour: str = ""  # empty where the prompt says none
    side: str = ""  # left or right; empty where the prompt says none

    def words(self) -> str:
        """As in "a red house on the left"."""
        text = " ".join(filter(None, (self.colour, _WORDS.get(self.name, self.name))))
        article = "an" if text[0] in "aeiou" else "a"
        return f"{article} {text}" + (f" on the {self.side}" if self.side else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Prompt:
    """A prompt and what a picture of it should show."""

    text: str
    time: str  # empty where the prompt says none
    terrain: str
    objects: tuple[Wanted, ...]


def objects_of(terrain: str) -> tuple[str, ...]:
    """The labels of what may stand in a terrain."""
    return tuple(_LABEL_OF_DRAWER.get(name, name) for name in WEIGHTS[terrain])


def scenes(count: int) -> list[Prompt]:
    """Always the same prompts: all times and terrains equally often, every object often enough."""
    chance = random.Random("held-out scenes")
    named = dict.fromkeys(OBJECTS, 0)
    places = [(time, terrain) for time in TIMES for terrain in TERRAINS]
    prompts: list[Prompt] = []
    for number in range(count):
        if number % len(places) == 0:
            chance.shuffle(places)
        time, terrain = places[number % len(places)]
        wanted: list[Wanted] = []
        sides = chance.sample(_SIDES, 2) if chance.random() < 0.7 else ["", ""]
        for side in sides[: _COUNTS[number % len(_COUNTS)]]:
            # The least used first; among those, whichever comes.
            left = [name for name in objects_of(terrain) if name not in {o.name for o in wanted}]
            name = min(left, key=lambda one: (named[one], chance.random()))
            named[name] += 1
            colour = chance.choice(COLOURS_OF.get(name, ("",)))
            wanted.append(Wanted(name=name, colour=colour, side=side))
        prompts.append(worded(wanted, terrain, time, chance))
    return prompts


def worded(
    wanted: Sequence[Wanted], terrain: str, time: str, chance: random.Random, moment: str = ""
) -> Prompt:
    """A prompt for these objects in a terrain; `moment` is said where `time` is empty."""
    objects = " and ".join(one.words() for one in wanted)
    place = chance.choice(_PLACES[terrain])
    moment = chance.choice(_TIMES[time]) if time else moment
    when = f" {moment}" if moment else ""
    if not wanted:
        text = f"{place}{when}"
    elif chance.random() < 0.5:
        text = f"{objects} {_PREPOSITIONS[terrain]} {place}{when}"
    else:
        text = f"{place}{when} with {objects}"
    return Prompt(text=text, time=time, terrain=terrain, objects=tuple(wanted))


def describing(shown: Attributes, time: str, chance: random.Random) -> Prompt:
    """A prompt for what a drawn picture shows, at the given time of day; it names no sides."""
    wanted = [
        Wanted(
            name=LABEL_OF[thing.name],
            colour=thing.colour if LABEL_OF[thing.name] in COLOURS_OF else "",
        )
        for thing in shown.things
        if thing.name in LABEL_OF
    ]
    return worded(wanted, shown.terrain, time, chance)
