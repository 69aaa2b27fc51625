"""What one step of the training sees: captioned latents, whole or cropped."""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from tools.demo_model.captions import caption
from tools.demo_model.recipe import DenoiserRecipe
from tools.demo_model.scene import CELESTIAL, Attributes
from tools.demo_model.training.latents import Latents

WHOLE = 32  # latents to a side
# Height and width in latents, and how many times more of them there are in a batch: all batches
# cover about the same area, so that a step takes about the same time.
_EARLY_CROPS = ((16, 16, 4.0),)
_LATER_CROPS = (
    *((16, 16, 4.0), (20, 20, 2.5), (24, 24, 1.75)),
    *((24, 32, 1.25), (32, 24, 1.25)),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Latents, what objects cover of them, and their captions."""

    latents: Tensor  # count×4×height×width
    objects: Tensor  # count×1×height×width, 0 to 1
    captions: list[str]


def make_batch(data: Latents, recipe: DenoiserRecipe, seed: int, step: int) -> Batch:
    """The batch of `step`: the same whenever and from wherever the training is resumed."""
    chance = random.Random(f"{seed} {step}")
    early = step < recipe.crop_steps
    share = recipe.crop_share_first if early else recipe.crop_share_later
    height, width, count = WHOLE, WHOLE, recipe.batch
    if chance.random() < share:
        height, width, times = chance.choice(_EARLY_CROPS if early else _LATER_CROPS)
        count = round(recipe.batch * times)
    tensors: list[Tensor] = []
    objects: list[Tensor] = []
    captions: list[str] = []
    for _ in range(count):
        index = chance.randrange(len(data.attributes))
        top, left = _window(data.attributes[index], height, width, chance)
        rows, columns = slice(top, top + height), slice(left, left + width)
        tensors.append(data.tensors[index, :, rows, columns])
        objects.append(data.objects[index, None, rows, columns])
        shown = data.attributes[index]
        if (height, width) != (WHOLE, WHOLE):
            box = (left / WHOLE, top / WHOLE, width / WHOLE, height / WHOLE)
            shown = shown.cropped(*box)
        forgotten = chance.random() < recipe.caption_dropout
        captions.append("" if forgotten else caption(shown, chance))
    return Batch(
        latents=torch.stack(tensors).float(),
        objects=torch.stack(objects).float() / 255,
        captions=captions,
    )


def _window(
    attributes: Attributes, height: int, width: int, chance: random.Random
) -> tuple[int, int]:
    """The upper left corner of a crop, most often around one of the objects."""
    landmarks = [thing for thing in attributes.things if thing.name not in CELESTIAL]
    x, y = chance.random(), chance.random()
    if landmarks and chance.random() < 0.8:
        landmark = chance.choice(landmarks)
        x = landmark.x + chance.uniform(-0.15, 0.15)
        y = landmark.y + chance.uniform(-0.15, 0.15)
    top = min(WHOLE - height, max(0, round(y * WHOLE - height / 2)))
    left = min(WHOLE - width, max(0, round(x * WHOLE - width / 2)))
    return top, left
