"""Which objects a landscape gets, and where they stand."""

from collections.abc import Callable

from tools.demo_model.objects import buildings, plants, small
from tools.demo_model.scene import Scene

Drawer = Callable[[Scene, float, float, float], None]

DRAWERS: dict[str, Drawer] = {
    "house": buildings.draw_house,
    "tree": plants.draw_tree,
    "pines": plants.draw_pines,
    "cactus": plants.draw_cactus,
    "boat": small.draw_boat,
    "balloon": small.draw_balloon,
    "lighthouse": buildings.draw_lighthouse,
    "tent": buildings.draw_tent,
}
# How often each object is chosen where.
WEIGHTS: dict[str, dict[str, int]] = {
    "hills": {"house": 34, "tree": 34, "balloon": 14, "pines": 10, "tent": 8},
    "mountains": {"house": 26, "pines": 34, "tent": 22, "balloon": 12, "tree": 6},
    "desert": {"cactus": 50, "tent": 22, "balloon": 14, "house": 14},
    "sea": {"boat": 52, "lighthouse": 34, "balloon": 14},
}
_COUNTS = ([0, 1, 2], [10, 50, 40])
_NEAREST = 0.86  # height of the lowest foot
_THIRDS = (0.22, 0.5, 0.78)


def draw_objects(scene: Scene) -> None:
    """Draws up to two objects, each in a third of the picture of its own; the farther one first."""
    chance = scene.canvas.random
    thirds = chance.sample(_THIRDS, 3)
    places = [
        (_height(scene, name), thirds[i % 3] + chance.uniform(-0.06, 0.06), name)
        for i, name in enumerate(_choose(scene))
    ]
    for y, x, name in sorted(places):
        size = 1.7 * (0.62 + 0.85 * (y - scene.horizon))
        scene.flipped = chance.random() < 0.5
        scene.canvas.nearness = scene.canvas.nearness_at(y)
        DRAWERS[name](scene, x, y, size)


def _choose(scene: Scene) -> list[str]:
    if scene.choices.objects is not None:
        return list(scene.choices.objects)
    chance, weights = scene.canvas.random, WEIGHTS[scene.attributes.terrain]
    chosen: list[str] = []
    for _ in range(chance.choices(*_COUNTS)[0]):
        left = {name: weight for name, weight in weights.items() if name not in chosen}
        chosen.append(chance.choices(list(left), list(left.values()))[0])
    return chosen


def _height(scene: Scene, name: str) -> float:
    """Where the foot of an object is; a balloon and a lighthouse choose for themselves."""
    if name == "balloon":
        return scene.horizon
    if name == "lighthouse":
        return scene.horizon + scene.canvas.random.uniform(0.14, 0.3)
    return scene.canvas.random.uniform(scene.ground + 0.04, _NEAREST)
