"""Captions: many ways to say in words what a picture shows, in the manner of prompts."""

import random

from tools.demo_model.scene import GLOOMY_SKIES, SPREAD, Attributes, Thing

_TIMES = {
    "day": ("day", "daytime", "a sunny day", "by day", "bright day"),
    "sunset": ("sunset", "at sunset", "evening", "sunset sky", "orange sunset"),
    "night": ("night", "at night", "night", "dark night", "night scene"),
    "dawn": ("dawn", "at dawn", "sunrise", "early morning", "pink morning sky"),
}
_SKIES = {
    "cloudy": ("clouds", "cloudy sky", "clouds in the sky"),
    "overcast": ("overcast", "gray sky", "overcast sky"),
    "rain": ("rain", "rainy", "raining", "rainy weather"),
    "rainbow": ("a rainbow", "rainbow", "rainbow in the sky"),
    "stars": ("stars", "starry sky", "starry night", "stars in the sky"),
    "snowfall": ("snowfall", "snowing", "falling snow"),
}
_SEASONS = {
    "autumn": ("autumn", "fall", "autumn colors"),
    "winter": ("winter", "snow", "snowy", "covered in snow"),
}
_STYLES = {
    "flat": (
        *("storybook illustration", "flat illustration", "illustration", "digital painting"),
        *("vector art", "painting", "cartoon"),
    ),
    "watercolor": ("watercolor", "watercolor painting", "watercolour", "aquarelle painting"),
    "ink": (
        *("ink drawing", "black and white ink drawing", "pen sketch", "line drawing"),
        "black and white sketch",
    ),
}
_SEA = ("sea", "ocean", "the sea", "seascape")
_HILLS = {
    "summer": ("green hills", "green hills", "rolling hills", "hills", "countryside"),
    "autumn": ("autumn hills", "hills"),
    "winter": ("snowy hills", "hills"),
}
_MEADOWS = {
    "summer": ("meadow", "green meadow", "grass field", "field"),
    "flowers": ("meadow", "grass field", "field of flowers", "flower meadow"),
    "autumn": ("autumn field", "meadow", "field"),
    "winter": ("snowy field", "snowy meadow", "field"),
}
_TREES = {"2": ("two ", "two "), "3": ("three ",)}
_SIDES = {
    "left": (" on the left", " on the left", " on the left side", " at left"),
    "right": (" on the right", " on the right", " on the right side", " at right"),
    "middle": (" in the center", " in the middle", " in the centre"),
}
_PEOPLE = ("person", "person", "man", "woman", "girl", "boy", "child")


def caption(attributes: Attributes, chance: random.Random) -> str:
    """One of the many captions of a picture; most leave something out, as prompts do.

    The same state of `chance` words a picture and its mirror image alike, left and right swapped.
    """
    told = [
        thing
        for thing in attributes.things
        if chance.random() < (0.6 if thing.name in ("sun", "birds") else 0.92)
    ]
    chance.shuffle(told)
    objects = [_phrase(thing, chance) for thing in told]
    place = "landscape" if chance.random() < 0.12 else _place(attributes, chance)
    named_place = [place] if chance.random() < 0.85 or not objects else []
    extras = _extras(attributes, chance)
    order = chance.choices(["sentence", "shuffled", "with", "extras", "objects"], _ORDERS)[0]
    if not objects or order == "shuffled":
        parts = [*named_place, *objects, *extras]
        chance.shuffle(parts)
    elif order == "sentence":
        joint = " and " if len(objects) <= 2 and chance.random() < 0.6 else ", "
        where = f" {_located(place, attributes, chance)}" if named_place else ""
        parts = [joint.join(objects) + where, *extras]
    elif order == "with":
        parts = [f"{place} with {' and '.join(objects)}", *extras]
    elif order == "extras":
        parts = [*extras, *named_place, *objects]
    else:
        parts = [*objects, *extras, *named_place]
    return _styled(", ".join(parts), attributes, chance)


_ORDERS = [34, 26, 16, 12, 12]


def _styled(text: str, attributes: Attributes, chance: random.Random) -> str:
    if chance.random() >= (0.35 if attributes.style == "flat" else 0.93):
        return text
    style = chance.choice(_STYLES[attributes.style])
    if chance.random() < 0.35:
        return chance.choice([f"{style} of ", f"a {style} of ", f"{style}, "]) + text
    return f"{text}, {style}"


def _extras(attributes: Attributes, chance: random.Random) -> list[str]:
    """Time, sky and season, each with the chance that it is worth saying."""
    extras: list[str] = []
    sky, season, time = attributes.sky, attributes.season, attributes.time
    if chance.random() < (0.9 if time == "night" else 0.72):
        dull_day = time == "day" and sky in GLOOMY_SKIES
        extras.append("day" if dull_day else chance.choice(_TIMES[time]))
    if chance.random() < (0.35 if sky in ("clear", "cloudy") else 0.75):
        clear = ("clear sky", "clear sky", "blue sky" if time == "day" else "clear sky")
        extras.append(chance.choice(_SKIES.get(sky, clear)))
    if season != "summer":
        if chance.random() < 0.7:
            extras.append(chance.choice(_SEASONS[season]))
    elif attributes.terrain != "desert" and chance.random() < 0.12:
        extras.append("summer" if attributes.terrain == "sea" else chance.choice(_WARM))
    return extras


_WARM = ("summer", "spring")


def _place(attributes: Attributes, chance: random.Random) -> str:
    season = attributes.season
    if attributes.terrain == "hills":
        return chance.choice(_HILLS[season])
    if attributes.terrain == "mountains":
        snowy = attributes.snowy_peaks and chance.random() < 0.6
        return "snowy mountains" if snowy else "mountains"
    if attributes.terrain == "desert":
        return chance.choice(("desert", "desert dunes", "sand dunes", "desert"))
    if attributes.terrain == "sea":
        shore = ("beach", "sea and beach", "sandy beach") if attributes.beach else ("open sea",)
        return chance.choice((*_SEA, *shore))
    return chance.choice(_MEADOWS["flowers" if attributes.flowers else season])


def _located(place: str, attributes: Attributes, chance: random.Random) -> str:
    """`place` with the preposition that fits, as in "among green hills"."""
    if attributes.terrain == "desert":
        return "in the desert"
    if attributes.terrain == "sea":
        return f"by the {place.removeprefix('the ')}"
    if attributes.terrain == "mountains":
        return chance.choice(["in the ", "in front of ", "with "]) + place
    if "field" in place or place == "meadow":
        return chance.choice(["in a ", "on a "]) + place
    return chance.choice(["among ", "on ", "in "]) + place


def _phrase(thing: Thing, chance: random.Random) -> str:
    text = _named(thing, chance)
    if thing.name in SPREAD or chance.random() >= 0.38:
        return text
    side = "left" if thing.x < 0.37 else "right" if thing.x > 0.63 else "middle"
    return text + chance.choice(_SIDES[side])


def _named(thing: Thing, chance: random.Random) -> str:
    name, colour = thing.name, thing.colour
    if name == "pine trees":
        if chance.random() >= 0.75:
            return name
        return chance.choice(_TREES.get(colour, ("some ", "a group of ", ""))) + name
    if name in ("sun", "moon", "crescent moon"):
        short = name if chance.random() < 0.8 else name.split()[-1]
        return chance.choice(["the ", "a ", ""]) + short
    if name == "person":
        who = "a " + chance.choice(_PEOPLE)
        coats = [f" in {colour}", f" in a {colour} coat", f" wearing {colour}"]
        return who + chance.choice(coats) if chance.random() < 0.7 else who
    if name in _PLAIN:
        return chance.choice(_PLAIN[name])
    articles, words, likelihood = _WORDS.get(name, (("",), (name,), 0.8))
    if name == "tree" and colour == "green":
        likelihood = 0.25
    said = f"{colour} " if colour and chance.random() < likelihood else ""
    text = said + chance.choice(words)
    article = chance.choice(articles) or ("an " if text[0] in "aeiou" else "a ")
    return article + text


_PLAIN = {
    "pine tree": ("a pine tree",),
    "birds": ("birds", "flying birds"),
    "river": ("a river", "a river", "a stream"),
    "road": ("a road", "a path", "a winding road"),
}
# Articles, nouns, and how often the colour is said.
_WORDS: dict[str, tuple[tuple[str, ...], tuple[str, ...], float]] = {
    "sailboat": (("a ",), ("sailboat", "boat", "sailing boat"), 0.7),
    "hot air balloon": (("a ",), ("hot air balloon", "hot air balloon", "balloon"), 0.85),
    "house": (
        ("a ", "a ", "a ", "one ", "a small "),
        ("house", "house", "house", "cottage", "cabin"),
        0.88,
    ),
    "tree": (("a ", "a ", "a big "), ("tree",), 0.6),
}
