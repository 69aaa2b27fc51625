"""Which objects a landscape gets, and where they stand."""

from collections.abc import Callable

from tools.demo_model.objects import buildings, ground, plants, small
from tools.demo_model.scene import Scene

Drawer = Callable[[Scene, float, float, float], None]

# Every object, in the order of drawing: what is far comes first.
DRAWERS: dict[str, Drawer] = {
    "river": ground.draw_river,
    "road": ground.draw_road,
    "balloon": small.draw_balloon,
    "castle": buildings.draw_castle,
    "windmill": buildings.draw_windmill,
    "lighthouse": buildings.draw_lighthouse,
    "pines": plants.draw_pines,
    "house": buildings.draw_house,
    "tree": plants.draw_tree,
    "palm": plants.draw_palm,
    "cactus": plants.draw_cactus,
    "boat": small.draw_boat,
    "tent": buildings.draw_tent,
    "fence": ground.draw_fence,
    "campfire": small.draw_campfire,
    "person": small.draw_person,
    "cat": small.draw_cat,
}
# Objects of one rank are drawn in the order in which they were chosen.
_SAME_RANK = {"lighthouse": "windmill", "palm": "tree", "cactus": "tree", "boat": "tree"}
_ORDER = {name: list(DRAWERS).index(_SAME_RANK.get(name, name)) for name in DRAWERS}

# How often each object is chosen where.
WEIGHTS: dict[str, dict[str, int]] = {
    "hills": {
        **{"house": 46, "tree": 34, "pines": 24, "river": 14, "road": 20, "fence": 14},
        **{"balloon": 14, "windmill": 10, "campfire": 7, "cat": 8, "person": 9, "castle": 8},
        "tent": 5,
    },
    "mountains": {
        **{"house": 34, "pines": 44, "river": 22, "road": 8, "campfire": 10, "balloon": 10},
        **{"tent": 14, "castle": 9, "tree": 8, "person": 8, "cat": 4, "fence": 5},
    },
    "desert": {
        **{"cactus": 48, "tent": 16, "campfire": 12, "balloon": 12, "palm": 18, "house": 20},
        **{"road": 14, "person": 10, "castle": 6, "cat": 6},
    },
    "sea": {
        **{"boat": 60, "lighthouse": 24, "balloon": 12, "palm": 20, "house": 8, "person": 6},
        "cat": 4,
    },
    "meadow": {
        **{"house": 44, "tree": 38, "fence": 22, "road": 16, "river": 14, "windmill": 12},
        **{"balloon": 10, "campfire": 6, "cat": 14, "person": 12, "pines": 8, "tent": 6},
    },
}
_NEEDS_BEACH = ("palm", "house", "person", "cat")
_ON_BEACH = (*_NEEDS_BEACH, "campfire")


def draw_objects(scene: Scene) -> None:
    """Draws up to four objects, each in its own third of the picture where there is room."""
    chance = scene.canvas.random
    wanted = _choose(scene)
    if scene.choices.objects is not None:
        wanted = list(scene.choices.objects)
    wanted.sort(key=lambda name: _ORDER[name])
    thirds = [0.2, 0.5, 0.8]
    chance.shuffle(thirds)
    standing = 0
    for name in wanted:
        x = thirds[standing % 3] + chance.uniform(-0.1, 0.1)
        if name not in ("river", "road", "fence"):
            standing += 1
        y = _height(scene, name)
        size = 1.22 * (0.55 + 1.25 * (y - scene.horizon))
        if chance.random() < 0.15:
            size *= 1.45
        scene.flipped = chance.random() < 0.5
        DRAWERS[name](scene, x, y, size)


def _choose(scene: Scene) -> list[str]:
    chance, attributes = scene.canvas.random, scene.attributes
    weights = WEIGHTS[attributes.terrain]
    count = chance.choices([0, 1, 2, 3, 4], [8, 32, 32, 20, 8])[0]
    chosen: list[str] = []
    while len(chosen) < count:
        name = chance.choices(list(weights), list(weights.values()))[0]
        twice = name in chosen and name not in ("tree", "pines")
        if twice and chance.random() < 0.9:
            continue
        if attributes.terrain == "sea" and not attributes.beach and name in _NEEDS_BEACH:
            count -= 1
            continue
        chosen.append(name)
    return chosen


def _height(scene: Scene, name: str) -> float:
    chance = scene.canvas.random
    nearest = scene.ground + chance.uniform(0.0, 0.9 - scene.ground) * chance.uniform(0.35, 1)
    if scene.attributes.terrain == "sea" and name in _ON_BEACH:
        return chance.uniform(0.9, 0.96)
    if scene.attributes.terrain == "sea" and name == "boat":
        return scene.horizon + chance.uniform(0.04, 0.3)
    return nearest
