"""Boat, balloon, campfire, cat and person. `(x, y)` is where each stands; `size` is about 1."""

import math
from itertools import pairwise

import numpy as np

from tools.demo_model.objects.buildings import facing
from tools.demo_model.palette import NAMED, WHITE, Colour, mix
from tools.demo_model.scene import Scene


def draw_boat(scene: Scene, x: float, y: float, _size: float) -> None:
    """A sailboat, larger the lower it is on the picture."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    name = chance.choice(["red", "blue", "white", "yellow"])
    colour = NAMED[name]
    width = 0.1 * (0.7 + 1.4 * (y - scene.horizon)) * chance.uniform(0.9, 1.4)
    at = facing(scene, x)
    keel, below = y + width * 0.42, y + width * 0.5
    shadow = [(-width, keel), (width, keel), (width * 0.8, below), (-width * 0.8, below)]
    canvas.polygon([(at(px), py) for px, py in shadow], lit((30, 60, 100)))
    mast = 0.012 * (width / 0.1)
    canvas.line((at(0), y), (at(0), y - width * 1.75), lit((110, 76, 50)), mast)
    cloth: Colour = (250, 246, 236)
    boom = y - width * 0.16
    main = [(0.06 * width, boom), (0.06 * width, y - width * 1.7), (width * 0.95, boom)]
    canvas.polygon([(at(px), py) for px, py in main], lit(cloth), "boat")
    jib = [(-0.08 * width, boom), (-0.08 * width, y - width * 1.45), (-width * 0.7, boom)]
    canvas.polygon([(at(px), py) for px, py in jib], lit(cloth, 0.84), "boat")
    deck = [(-width, y), (width * 1.15, y)]
    hull = [*deck, (width * 0.75, keel), (-width * 0.72, keel)]
    canvas.polygon([(at(px), py) for px, py in hull], lit(colour), "boat")
    rail = y + width * 0.1
    band = [*deck, (width * 1.06, rail), (-width * 0.94, rail)]
    canvas.polygon([(at(px), py) for px, py in band], lit(mix(colour, WHITE, 0.5)), "boat")
    scene.add("sailboat", x, y - width * 0.5, width * 2, name)


def draw_balloon(scene: Scene, x: float, _y: float, _size: float) -> None:
    """A hot air balloon with a light stripe; chooses its own height in the sky."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    colours = ["red", "blue", "yellow", "orange", "purple"]
    name = scene.choices.balloon_colour or chance.choice(colours)
    colour = NAMED[name]
    radius = chance.uniform(0.05, 0.095)
    y = chance.uniform(radius * 1.3 + 0.02, max(0.2, scene.horizon - 0.12))
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


def draw_campfire(scene: Scene, x: float, y: float, size: float) -> None:
    """A fire on two logs; it glows more when it is not day."""
    canvas = scene.canvas
    width = 0.05 * size
    strength = 0.3 if scene.attributes.time == "day" else 0.55
    canvas.glow((x, y - width), 0.26 * size, (255, 160, 60), strength)
    for side in (-1, 1):
        start, end = (x - side * width, y + width * 0.2), (x + side * width, y - width * 0.2)
        canvas.line(start, end, scene.lit((110, 70, 44), 1.2), 0.018 * size, "fire")
    flames: list[tuple[float, Colour]] = [
        (1, (236, 84, 30)),
        (0.68, (252, 156, 44)),
        (0.38, (255, 232, 130)),
    ]
    for scale, colour in flames:
        outline = [
            (x - width * 0.75 * scale, y - width * 0.1),
            (x - width * 0.8 * scale, y - width * 0.8 * scale),
            (x - width * 0.35 * scale, y - width * 1.3 * scale),
            (x - width * 0.2 * scale, y - width * 2.2 * scale),
            (x + width * 0.3 * scale, y - width * 1.45 * scale),
            (x + width * 0.75 * scale, y - width * 0.85 * scale),
            (x + width * 0.7 * scale, y - width * 0.1),
        ]
        canvas.polygon(outline, colour, "fire")
    scene.add("campfire", x, y - width, width * 2)


def draw_cat(scene: Scene, x: float, y: float, _size: float) -> None:
    """A sitting cat, near the viewer."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    name = chance.choice(["black", "orange", "white", "gray"])
    colour = NAMED[name]
    y = max(y, chance.uniform(0.78, 0.94))
    size = 0.085 * chance.uniform(0.85, 1.6)
    direction = -1 if scene.flipped else 1
    canvas.shadow((x, y), size * 0.9)
    dark = lit(colour, 0.82)
    tail = [
        (
            x + direction * size * (0.5 + 0.45 * math.sin(share * 2.6)),
            y - size * 0.1 - size * 1.05 * share,
        )
        for share in np.linspace(0, 1, 7)
    ]
    for start, end in pairwise(tail):
        canvas.line(start, end, dark, size * 0.17, "cat")
    canvas.ellipse((x, y - size * 0.55), (size * 0.48, size * 0.6), lit(colour), "cat")
    for side in (-1, 1):
        paw = (x + side * size * 0.2, y - size * 0.05)
        canvas.ellipse(paw, (size * 0.17, size * 0.1), dark, "cat")
    _cat_head(scene, (x, y - size * 1.3), size, name)
    scene.add("cat", x, y - size * 0.8, size * 1.8, name)


def _cat_head(scene: Scene, centre: tuple[float, float], size: float, name: str) -> None:
    canvas, lit = scene.canvas, scene.lit
    x, y = centre
    fur = lit(NAMED[name])
    for side in (-1, 1):
        ear = [
            (x + side * size * 0.42, y - size * 0.02),
            (x + side * size * 0.36, y - size * 0.62),
            (x + side * size * 0.05, y - size * 0.3),
        ]
        canvas.polygon(ear, fur, "cat")
    canvas.ellipse(centre, (size * 0.44, size * 0.37), fur, "cat")
    eye: Colour = (250, 220, 80) if name in ("black", "gray") else lit((60, 110, 60))
    for side in (-1, 1):
        place = (x + side * size * 0.17, y - size * 0.03)
        canvas.ellipse(place, (size * 0.075, size * 0.085), eye)
        canvas.ellipse(place, (size * 0.03, size * 0.07), (20, 20, 20))
    bridge = y + size * 0.11
    nose = [(x - size * 0.05, bridge), (x + size * 0.05, bridge), (x, y + size * 0.17)]
    canvas.polygon(nose, (230, 130, 140))


def draw_person(scene: Scene, x: float, y: float, _size: float) -> None:
    """A standing person in a coloured coat, near the viewer."""
    canvas, chance, lit = scene.canvas, scene.canvas.random, scene.lit
    name = chance.choice(["red", "blue", "yellow", "green", "purple"])
    coat = NAMED[name]
    y = max(y, chance.uniform(0.72, 0.92))
    height = 0.17 * (0.6 + 1.0 * (y - scene.horizon)) * chance.uniform(1.0, 1.35)
    canvas.shadow((x, y), height * 0.3)
    skins: list[Colour] = [(246, 210, 180), (206, 156, 116), (130, 86, 60)]
    hairs: list[Colour] = [(60, 40, 30), (180, 110, 50), (30, 28, 30)]
    skin, hair = chance.choice(skins), chance.choice(hairs)
    for side in (-1, 1):
        hip, foot = x + side * height * 0.07, x + side * height * 0.08
        start, end = (hip, y - height * 0.34), (foot, y - height * 0.03)
        canvas.line(start, end, lit((60, 60, 90)), height * 0.09, "person")
    for side in (-1, 1):
        start = (x + side * height * 0.1, y - height * 0.66)
        end = (x + side * height * 0.24, y - height * 0.4)
        canvas.line(start, end, lit(coat, 0.85), height * 0.075, "person")
    shoulders, hem = y - height * 0.72, y - height * 0.26
    body = [(x - height * 0.11, shoulders), (x + height * 0.11, shoulders)]
    body += [(x + height * 0.2, hem), (x - height * 0.2, hem)]
    canvas.polygon(body, lit(coat), "person")
    canvas.ellipse((x, y - height * 0.86), (height * 0.125, height * 0.135), lit(hair), "person")
    canvas.ellipse((x, y - height * 0.835), (height * 0.1, height * 0.105), lit(skin), "person")
    for side in (-1, 1):
        eye = (x + side * height * 0.035, y - height * 0.84)
        canvas.ellipse(eye, (height * 0.013, height * 0.016), (30, 26, 26))
    scene.add("person", x, y - height * 0.5, height, name)
