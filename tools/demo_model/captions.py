"""Captions: many ways to say in words what a picture shows, in the manner of prompts."""

import random
import re

from tools.demo_model.scene import CELESTIAL, DUSK, Attributes, Thing

_TIMES = {
    "day": ("day", "day", "daytime", "a sunny day", "by day"),
    "sunset": ("sunset", "sunset", "at sunset", "evening", "sunset sky"),
    "night": ("night", "night", "at night", "dark night"),
    "dawn": ("dawn", "dawn", "at dawn", "sunrise", "early morning"),
}
_SKIES = {
    "cloudy": ("clouds", "cloudy sky", "clouds in the sky"),
    "stars": ("stars", "starry sky", "starry night"),
    "clear": ("clear sky",),
}
_WINTER = ("winter", "snow", "snowy", "covered in snow")
_STYLES = ("storybook illustration", "illustration", "painting")
_PLACES = {
    "hills": ("green hills", "hills", "rolling hills"),
    "mountains": ("mountains",),
    "desert": ("desert", "desert", "sand dunes"),
    "sea": ("sea", "the sea", "ocean"),
}
_SIDES = {
    "left": (" on the left", " on the left", " on the left side"),
    "right": (" on the right", " on the right", " on the right side"),
    "middle": (" in the middle", " in the center", " in the centre"),
}
_OTHER_SIDE = {"left": "right", "right": "left"}
_SIDE_WORD = re.compile(r"\b(left|right)\b")
_ARTICLES = ("a ", "a ", "a ", "one ")
_WORDS = {
    "sailboat": ("sailboat", "sailboat", "boat", "sailing boat"),
    "hot air balloon": ("hot air balloon", "hot air balloon", "balloon"),
    "house": ("house", "house", "house", "cottage"),
}
# How often each part is said.
_THING, _SUN, _PLACE, _TIME, _SKY, _SNOW, _STYLE = 0.96, 0.7, 0.94, 0.88, 0.5, 0.9, 0.12
_SIDE, _COLOUR, _GREEN = 0.5, 0.94, 0.3


def caption(attributes: Attributes, chance: random.Random, *, side: float = _SIDE) -> str:
    """One of the many captions of a picture; some leave something out, as prompts do.

    `side` is how often the side that a thing is on is said. The same state of `chance` words a
    picture and its mirror image alike, left and right swapped.
    """
    told = [
        thing
        for thing in attributes.things
        if chance.random() < (_SUN if thing.name in CELESTIAL else _THING)
    ]
    chance.shuffle(told)
    objects = [phrase(thing, chance, side=side) for thing in told]
    place = _place(attributes, chance)
    named_place = [place] if chance.random() < _PLACE or not objects else []
    extras = _extras(attributes, chance)
    order = chance.choice(("sentence", "sentence", "shuffled", "with"))
    if not objects or not named_place or order == "shuffled":
        parts = [*named_place, *objects, *extras]
        chance.shuffle(parts)
    elif order == "sentence":
        joint = chance.choice((" and ", ", "))
        parts = [f"{joint.join(objects)} {_located(place, attributes, chance)}", *extras]
    else:
        parts = [f"{place} with {' and '.join(objects)}", *extras]
    if chance.random() < _STYLE:
        parts.append(chance.choice(_STYLES))
    return ", ".join(parts)


def _extras(attributes: Attributes, chance: random.Random) -> list[str]:
    """Time, sky and season, each with the chance that it is worth saying."""
    extras: list[str] = []
    if attributes.time != DUSK and chance.random() < _TIME:
        extras.append(chance.choice(_TIMES[attributes.time]))
    if chance.random() < _SKY:
        extras.append(chance.choice(_SKIES[attributes.sky]))
    if attributes.season == "winter" and chance.random() < _SNOW:
        extras.append(chance.choice(_WINTER))
    return extras


def _place(attributes: Attributes, chance: random.Random) -> str:
    if attributes.season == "winter":
        return f"{chance.choice(('snowy ', ''))}{attributes.terrain}"
    return chance.choice(_PLACES[attributes.terrain])


def _located(place: str, attributes: Attributes, chance: random.Random) -> str:
    """`place` with a preposition that fits, as in "on green hills"."""
    if attributes.terrain == "desert":
        return f"in the {place}"
    if attributes.terrain == "sea":
        return chance.choice(("by the ", "on the ", "at ")) + place.removeprefix("the ")
    if attributes.terrain == "mountains":
        return chance.choice(("in the ", "in front of ")) + place
    return chance.choice(("on ", "among ")) + place


def swapped(text: str) -> str:
    """The caption of the mirrored picture: left and right have changed places."""
    return _SIDE_WORD.sub(lambda match: _OTHER_SIDE[match.group()], text)


def side_of(thing: Thing) -> str:
    """The side that a caption says of a thing: left, right or middle."""
    return "left" if thing.x < 0.37 else "right" if thing.x > 0.63 else "middle"


def phrase(thing: Thing, chance: random.Random, *, side: float = _SIDE) -> str:
    """A thing in words, with the side it is on as often as `side` says."""
    text = _named(thing, chance)
    return text if chance.random() >= side else text + chance.choice(_SIDES[side_of(thing)])


def _named(thing: Thing, chance: random.Random) -> str:
    name, colour = thing.name, thing.colour
    if name == "pine trees":
        counted = {"2": "two ", "3": "three "}[colour]
        return chance.choice((counted, "")) + name
    if name in CELESTIAL:
        return chance.choice(("the ", "a ", "")) + name
    likelihood = _GREEN if name == "tree" and colour == "green" else _COLOUR
    said = f"{colour} " if colour and chance.random() < likelihood else ""
    text = said + chance.choice(_WORDS.get(name, (name,)))
    article = chance.choice(_ARTICLES)
    return ("an " if article == "a " and text[0] in "aeiou" else article) + text
