"""Sailboat and hot air balloon. `(x, y)` is where each is; `size` is about 1."""

from tools.demo_model.objects.buildings import facing
from tools.demo_model.palette import NAMED, WHITE, Colour, mix
from tools.demo_model.scene import Scene

_HULL: Colour = (120, 78, 52)


def draw_boat(scene: Scene, x: float, y: float, size: float) -> None:
    """A sailboat with coloured sails."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    name = chance.choice(["red", "blue", "white", "yellow"])
    colour = NAMED[name]
    width = 0.1 * size * chance.uniform(0.95, 1.25)
    at = facing(scene, x)
    keel, below = y + width * 0.42, y + width * 0.5
    shadow = [(-width, keel), (width, keel), (width * 0.8, below), (-width * 0.8, below)]
    canvas.polygon([(at(px), py) for px, py in shadow], lit((30, 60, 100)))
    mast = 0.012 * (width / 0.1)
    canvas.line((at(0), y), (at(0), y - width * 1.75), lit((110, 76, 50)), mast)
    boom = y - width * 0.16
    main = [(0.06 * width, boom), (0.06 * width, y - width * 1.7), (width * 0.95, boom)]
    canvas.polygon([(at(px), py) for px, py in main], lit(colour), "boat")
    jib = [(-0.08 * width, boom), (-0.08 * width, y - width * 1.45), (-width * 0.7, boom)]
    canvas.polygon([(at(px), py) for px, py in jib], lit(mix(colour, WHITE, 0.35)), "boat")
    deck = [(-width, y), (width * 1.15, y)]
    hull = [*deck, (width * 0.75, keel), (-width * 0.72, keel)]
    canvas.polygon([(at(px), py) for px, py in hull], lit(_HULL), "boat")
    rail = y + width * 0.1
    band = [*deck, (width * 1.06, rail), (-width * 0.94, rail)]
    canvas.polygon([(at(px), py) for px, py in band], lit(mix(_HULL, WHITE, 0.4)), "boat")
    scene.add("sailboat", x, y - width * 0.5, width * 2, name)


def draw_balloon(scene: Scene, x: float, _y: float, _size: float) -> None:
    """A hot air balloon with a light stripe; chooses its own height in the sky."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    name = chance.choice(["red", "blue", "yellow", "purple"])
    colour = NAMED[name]
    radius = chance.uniform(0.085, 0.115)
    y = chance.uniform(radius * 1.3 + 0.02, scene.horizon - 0.18)
    for side in (-0.5, 0.5):
        start = (x + side * radius, y + radius * 0.7)
        end = (x + side * radius * 0.35, y + radius * 1.75)
        canvas.line(start, end, lit((90, 70, 60)), 0.0035)
    shoulder, mouth = y + radius * 0.36, y + radius * 1.42
    skirt = [
        (x - radius * 0.93, shoulder),
        (x + radius * 0.93, shoulder),
        (x + radius * 0.3, mouth),
        (x - radius * 0.3, mouth),
    ]
    canvas.polygon(skirt, lit(colour, 0.86), "balloon")
    canvas.ellipse((x, y), (radius, radius), lit(colour), "balloon")
    stripe = lit(mix(colour, (255, 255, 240), 0.62))
    canvas.ellipse((x, y + 0.05 * radius), (radius * 0.36, radius * 0.99), stripe)
    lower = [
        (x - radius * 0.345, shoulder),
        (x + radius * 0.345, shoulder),
        (x + radius * 0.12, mouth),
        (x - radius * 0.12, mouth),
    ]
    canvas.polygon(lower, stripe)
    shine = (x - radius * 0.5, y - radius * 0.4)
    highlight = lit(mix(colour, WHITE, 0.45))
    canvas.ellipse(shine, (radius * 0.16, radius * 0.26), highlight, tilt=25)
    rim, bottom = y + radius * 1.7, y + radius * 2.1
    basket = [(x - radius * 0.32, rim), (x + radius * 0.32, rim)]
    basket += [(x + radius * 0.26, bottom), (x - radius * 0.26, bottom)]
    canvas.polygon(basket, lit((130, 86, 52)), "balloon")
    scene.add("hot air balloon", x, y, radius * 3, name)
