"""A scene being drawn: what was decided about it, what stands in it, and the canvas it is on."""

from dataclasses import dataclass, field, replace
from typing import Any

from tools.demo_model.canvas import Canvas
from tools.demo_model.palette import AMBIENT, Colour, brighten, multiply

GLOOMY_SKIES = ("rain", "overcast", "snowfall")
# Things that spread over the picture: their place is not worth a word.
SPREAD = ("river", "road", "birds", "fence")


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """Something a caption may mention. Place and height are fractions of the picture's side."""

    name: str
    colour: str = ""  # a name of the palette; for pine trees their number; empty where it has none
    x: float
    y: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """All that a caption may say about a picture."""

    time: str
    terrain: str
    season: str
    sky: str
    style: str
    snowy_peaks: bool = False
    beach: bool = False
    flowers: bool = False
    things: tuple[Thing, ...] = ()

    def mirrored(self) -> "Attributes":
        """The attributes of the picture seen in a mirror."""
        return replace(self, things=tuple(replace(one, x=1 - one.x) for one in self.things))

    def cropped(self, left: float, top: float, width: float, height: float) -> "Attributes":
        """The attributes of a window of the picture, given in fractions of its sides.

        Things that are outside, or cut by more than a bit, are left out.
        """
        kept: list[Thing] = []
        for thing in self.things:
            x, y = (thing.x - left) / width, (thing.y - top) / height
            if thing.name in ("river", "road"):
                seen = top + height > 0.8
            elif thing.name == "birds":
                seen = top < 0.15
            elif thing.name == "fence":
                seen = 0.03 < y < 0.98
            else:
                seen = 0.06 < x < 0.94 and 0.06 < y < 0.97
            if seen:
                kept.append(replace(thing, x=x, y=y, height=thing.height / height))
        return replace(self, things=tuple(kept))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> "Attributes":
        """The inverse of `dataclasses.asdict`."""
        things = tuple(Thing(**thing) for thing in fields["things"])
        return cls(**{**fields, "things": things})


@dataclass(frozen=True, kw_only=True, slots=True)
class Choices:
    """What of a scene is fixed instead of left to chance; None leaves it to chance."""

    time: str | None = None
    terrain: str | None = None
    season: str | None = None
    sky: str | None = None
    style: str | None = None
    objects: tuple[str, ...] | None = None
    house_colour: str | None = None
    balloon_colour: str | None = None
    whole_view: bool = False  # never crop the drawing


@dataclass(kw_only=True)
class Scene:
    """What the parts of the drawing read and add to."""

    canvas: Canvas
    choices: Choices
    attributes: Attributes
    ambient: Colour
    horizon: float  # height of the horizon
    ground: float = 0.0  # height from which down objects may stand
    sun_x: float | None = None  # where the sun or the moon hangs
    flipped: bool = False  # whether the object being drawn looks to the left
    things: list[Thing] = field(default_factory=list)

    @property
    def gloomy(self) -> bool:
        """Whether clouds hide the sun and the moon."""
        return self.attributes.sky in GLOOMY_SKIES

    def lit(self, colour: Colour, brightness: float = 1.0) -> Colour:
        """`colour` in the light of the scene's time and weather."""
        return brighten(multiply(colour, self.ambient), brightness)

    def add(self, name: str, x: float, y: float, height: float, colour: str = "") -> None:
        """Notes that something was drawn, for the captions."""
        self.things.append(Thing(name=name, colour=colour, x=x, y=y, height=height))


def begin(seed: int, choices: Choices) -> Scene:
    """Decides time, terrain, season, sky and style."""
    canvas = Canvas(seed)
    chance = canvas.random
    times, terrains = ["day", "sunset", "night", "dawn"], list(_SEASONS)
    time = choices.time or chance.choices(times, [45, 20, 23, 12])[0]
    terrain = choices.terrain or chance.choices(terrains, [26, 22, 12, 20, 20])[0]
    season = choices.season
    if season is None:
        season = "summer"
        if _SEASONS[terrain]:
            season = chance.choices(["summer", "autumn", "winter"], [66, 17, 17])[0]
    skies, weights = _SKIES[time]
    sky = chance.choices(skies, weights)[0]
    if season == "winter" and chance.random() < 0.3 and time != "sunset":
        sky = "snowfall"
    sky = choices.sky or sky
    style = choices.style or chance.choices(["flat", "watercolor", "ink"], [70, 18, 12])[0]
    ambient = AMBIENT[time]
    if sky in GLOOMY_SKIES:
        ambient = brighten(ambient, 0.85)
    return Scene(
        canvas=canvas,
        choices=choices,
        attributes=Attributes(time=time, terrain=terrain, season=season, sky=sky, style=style),
        ambient=ambient,
        horizon=chance.uniform(0.42, 0.6),
    )


# Every terrain, and whether it changes with the season.
_SEASONS = {"hills": True, "mountains": True, "desert": False, "sea": False, "meadow": True}
_CLEAR_OR_CLOUDY = (["clear", "cloudy"], [50, 50])
_SKIES = {
    "day": (["clear", "cloudy", "overcast", "rain", "rainbow"], [28, 40, 10, 12, 10]),
    "sunset": _CLEAR_OR_CLOUDY,
    "dawn": _CLEAR_OR_CLOUDY,
    "night": (["stars", "clear", "cloudy", "rain"], [55, 20, 15, 10]),
}
