"""Colours of the landscapes and their arithmetic; a colour is (red, green, blue), 0 to 255."""

Colour = tuple[float, float, float]

NAMED: dict[str, Colour] = {
    "red": (206, 46, 40),
    "blue": (48, 96, 200),
    "yellow": (240, 200, 56),
    "white": (240, 238, 230),
    "pink": (240, 140, 170),
    "green": (60, 150, 70),
    "orange": (238, 130, 40),
    "purple": (134, 74, 176),
}

# What each time of day multiplies the colours of lit things by.
AMBIENT: dict[str, Colour] = {
    "day": (1, 1, 1),
    "sunset": (1.0, 0.74, 0.60),
    "dawn": (0.96, 0.84, 0.90),
    "night": (0.34, 0.40, 0.60),
    "dusk": (0.74, 0.52, 0.82),
}

WHITE: Colour = (255, 255, 255)


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """`first` moved towards `second` by `share`, 0 to 1."""
    return (
        first[0] + (second[0] - first[0]) * share,
        first[1] + (second[1] - first[1]) * share,
        first[2] + (second[2] - first[2]) * share,
    )


def multiply(first: Colour, second: Colour) -> Colour:
    """Each channel of `first` times that of `second`."""
    return first[0] * second[0], first[1] * second[1], first[2] * second[2]


def brighten(colour: Colour, factor: float) -> Colour:
    """`colour` times `factor`, no channel above 255."""
    return (
        min(255.0, colour[0] * factor),
        min(255.0, colour[1] * factor),
        min(255.0, colour[2] * factor),
    )


def clamp(colour: Colour) -> tuple[int, int, int]:
    """Every channel brought into 0 to 255 and its fraction cut off."""
    red, green, blue = (int(max(0, min(255, channel))) for channel in colour)
    return red, green, blue
