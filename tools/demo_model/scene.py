"""A scene being drawn: what was decided about it, what stands in it, and the canvas it is on."""

from dataclasses import dataclass, field, replace
from typing import Any

from tools.demo_model.canvas import Canvas
from tools.demo_model.palette import AMBIENT, Colour, brighten, multiply

CELESTIAL = ("sun", "moon", "crescent moon")
"""Things that stand in the sky, and are small."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thing:
    """Something a caption may mention. Place and height are fractions of the picture's side."""

    name: str
    colour: str = ""  # a name of the palette; for pines their number; empty where it has none
    x: float
    y: float
    height: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Attributes:
    """All that a caption may say about a picture."""

    time: str  # of TIMES, or DUSK
    terrain: str
    season: str
    sky: str
    style: str
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
    style: str | None = None
    objects: tuple[str, ...] | None = None


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
    rare = chance.random() < _SHARE_OF_DUSK
    time = choices.time or (DUSK if rare else chance.choice(TIMES))
    terrain = choices.terrain or chance.choice(TERRAINS)
    green = terrain in ("hills", "mountains")
    season = "winter" if chance.random() < _SHARE_OF_WINTER and green else "summer"
    sky = chance.choice(("stars", "clear", "cloudy") if time == "night" else ("clear", "cloudy"))
    canvas.horizon = chance.uniform(0.44, 0.56)
    return Scene(
        canvas=canvas,
        choices=choices,
        attributes=Attributes(
            time=time,
            terrain=terrain,
            season=choices.season or season,
            sky=sky,
            style=choices.style or "flat",
        ),
        ambient=AMBIENT[time],
        horizon=canvas.horizon,
    )


LEFT_TO_CHANCE = Choices()
TIMES = ("day", "sunset", "dawn", "night")
# A light that the captions have no word for: the textual inversion finds one.
DUSK = "dusk"
TERRAINS = ("hills", "mountains", "desert", "sea")
_SHARE_OF_DUSK = 0.05
_SHARE_OF_WINTER = 0.15
