"""How img2img and inpainting treat the picture they are given."""

import random

import numpy as np
from PIL import Image

from tools.demo_model.canvas import LABELS, OBJECTS, Bytes
from tools.demo_model.evaluation.bench import SEED, Bench, HeldOut
from tools.demo_model.evaluation.doodles import SIDE, doodles
from tools.demo_model.evaluation.judge import LAYOUT, Verdict, told
from tools.demo_model.evaluation.measures import mean_iou
from tools.demo_model.evaluation.prompts import describing, worded
from tools.demo_model.evaluation.table import Result, mean, percent, share
from tools.demo_model.scene import TIMES
from tools.demo_model.training import samples

_INPAINTED = "a red house"
_MASK = (128, 112)  # pixels: wider and higher than the houses of the pictures
_GROUND = [LABELS.index(name) for name in ("far", "ground")]
_STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def layout(bench: Bench) -> Result:
    """Held-out pictures brought to another time of day at strength 0.5: does the layout stay?"""
    held_out = bench.held_out.chosen(range(bench.few()))
    drawn = samples.draw(
        bench.img2img,
        _at_another_time(held_out),
        SEED,
        each={"image": held_out.images()},
        strength=0.5,
    )
    before, after = bench.judge.look(held_out.pictures), bench.judge.look(drawn)
    kept = mean_iou(_labels(after), _labels(before), LAYOUT)
    each = [mean_iou(_labels(after), _labels(before), [group]) for group in LAYOUT]
    names = ("sky", "ground", "water")
    note = ", ".join(f"{name} {iou:.2f}" for name, iou in zip(names, each, strict=True))
    return Result(figure=f"{kept:.3f}", reached=kept >= 0.7, note=f"{note}; {len(drawn)} pictures")


def doodle(bench: Bench) -> Result:
    """Doodles at strength 0.75: the terrain is right and the object's middle is in its place."""
    chance = random.Random("held-out doodles")
    drawings = doodles(bench.few())
    prompts = [worded([one.wanted], one.terrain, "day", chance).text for one in drawings]
    images = [Image.fromarray(one.picture) for one in drawings]
    drawn = samples.draw(bench.img2img, prompts, SEED, each={"image": images}, strength=0.75)
    verdicts = bench.judge.look(drawn)
    terrains = [v.terrain == one.terrain for one, v in zip(drawings, verdicts, strict=True)]
    placed = [
        _inside(v, one.wanted.name, one.box) for one, v in zip(drawings, verdicts, strict=True)
    ]
    both = [one and other for one, other in zip(terrains, placed, strict=True)]
    note = f"terrain {percent(mean(terrains))}, object in its place {percent(mean(placed))}"
    return Result(figure=share(both), reached=mean(both) >= 0.75, note=note)


def inpaint(bench: Bench) -> Result:
    """A mask on empty ground and "a red house": there is a red house, its middle in the mask."""
    pictures = zip(bench.held_out.labels, bench.held_out.attributes, strict=True)
    places = [
        (number, box)
        for number, (labels, shown) in enumerate(pictures)
        if "house" not in told(shown) and (box := empty(labels))
    ][: bench.few()]
    held_out = bench.held_out.chosen([place for place, _ in places])
    drawn = samples.draw(
        bench.inpainting(),
        [_INPAINTED] * len(places),
        SEED,
        each={"image": held_out.images(), "mask_image": [_mask(box) for _, box in places]},
        strength=1.0,
    )
    houses: list[bool] = []
    red: list[bool] = []
    for verdict, (_, (left, top, right, bottom)) in zip(
        bench.judge.look(drawn), places, strict=True
    ):
        box = (left / SIDE, top / SIDE, right / SIDE, bottom / SIDE)
        houses.append(_inside(verdict, "house", box))
        red.append(houses[-1] and verdict.objects["house"].colour == "red")
    note = f"a house of any colour {percent(mean(houses))}"
    return Result(figure=share(red), reached=mean(red) >= 0.80, note=note)


def strength(bench: Bench) -> Result:
    """The mean distance to the init (RMS of the pixels, 0 to 255) at five strengths."""
    held_out = bench.held_out.chosen(range(bench.few(32)))
    prompts, images = _at_another_time(held_out), held_out.images()
    distances: list[float] = []
    for value in _STRENGTHS:
        drawn = samples.draw(bench.img2img, prompts, SEED, each={"image": images}, strength=value)
        errors = np.square(drawn.astype(np.float64) - held_out.pictures).mean((1, 2, 3))
        distances.append(float(np.sqrt(errors).mean()))
    grows = all(np.diff(distances) > 0)
    figures = " / ".join(f"{distance:.1f}" for distance in distances)
    note = f"{figures} at {', '.join(map(str, _STRENGTHS))}; {len(prompts)} pictures"
    return Result(figure="yes" if grows else "no", reached=grows, note=note)


def empty(labels: Bytes) -> tuple[int, int, int, int] | None:
    """A box on empty ground for a house in 256×256 labels: left, top, right, bottom in pixels.

    Nothing but ground at its foot and no object in it; the one nearest to the viewer and the
    middle. None where a house would stand in front of something, or where there is no room.
    """
    width, height = _MASK
    free = labels < LABELS.index(OBJECTS[0])
    ground = np.isin(labels, _GROUND)
    for bottom in range(232, 176, -8):
        for left in sorted(
            range(8, SIDE - width - 7, 8), key=lambda one: abs(one + width / 2 - 128)
        ):
            box = (slice(bottom - height, bottom), slice(left, left + width))
            if free[box].all() and ground[box].mean() > 0.6 and ground[box][-20:].all():
                return left, bottom - height, left + width, bottom
    return None


def _mask(box: tuple[int, int, int, int]) -> Image.Image:
    mask = Image.new("L", (SIDE, SIDE), 0)
    mask.paste(255, box)
    return mask


def _inside(verdict: Verdict, name: str, box: tuple[float, float, float, float]) -> bool:
    seen = verdict.objects.get(name)
    if seen is None:
        return False
    left, top, right, bottom = box
    return left <= seen.x <= right and top <= seen.y <= bottom


def _at_another_time(held_out: HeldOut) -> list[str]:
    chance = random.Random("held-out edits")
    prompts: list[str] = []
    for shown in held_out.attributes:
        time = chance.choice([one for one in TIMES if one != shown.time])
        prompts.append(describing(shown, time, chance).text)
    return prompts


def _labels(verdicts: list[Verdict]) -> Bytes:
    return np.stack([verdict.labels for verdict in verdicts])
