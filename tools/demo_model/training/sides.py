"""Teaches which side is left: a picture shown with its caption, and with the sides swapped.

From captions alone a small network does not learn it. Where a thing stands changes so little of the
loss, and so late, that the words seemed to mean nothing after 200,000 pictures. So it is asked
outright: of the two captions the right one must lead to the smaller error where the thing is, or
would be. A hundred steps of that are enough.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tools.demo_model.captions import caption, side_of, swapped
from tools.demo_model.recipe import SideRecipe
from tools.demo_model.scene import CELESTIAL, Attributes
from tools.demo_model.training.denoiser import Denoiser
from tools.demo_model.training.latents import Latents
from tools.demo_model.training.noise import TIMESTEPS

_MOST_THINGS = 2  # in a picture, so that a caption stays short and what it says is clear


@dataclass(frozen=True, kw_only=True, slots=True)
class Pairs:
    """Latents, where their things are or would be in a mirror, and two captions for each."""

    latents: Tensor  # count×4×height×width
    regions: Tensor  # count×1×height×width, 0 to 1
    right: list[str]
    wrong: list[str]


def one_sided(attributes: Sequence[Attributes]) -> list[int]:
    """The numbers of the pictures whose captions can name a side, and hold few things."""
    found: list[int] = []
    for number, shown in enumerate(attributes):
        things = [thing for thing in shown.things if thing.name not in CELESTIAL]
        if len(things) <= _MOST_THINGS and any(side_of(thing) != "middle" for thing in things):
            found.append(number)
    return found


def make_pairs(
    data: Latents, numbers: Sequence[int], recipe: SideRecipe, seed: int, step: int
) -> Pairs:
    """The pairs of `step`, out of the pictures of these numbers; always the same for a step."""
    chance = random.Random(f"sides {seed} {step}")
    chosen: list[int] = []
    right: list[str] = []
    while len(chosen) < recipe.pictures:
        number = chance.choice(numbers)
        text = caption(data.attributes[number], chance, side=1.0)
        if swapped(text) != text:
            chosen.append(number)
            right.append(text)
    objects = data.objects[chosen][:, None].float() / 255
    return Pairs(
        latents=data.tensors[chosen].float(),
        regions=torch.maximum(objects, objects.flip(-1)),
        right=right,
        wrong=[swapped(text) for text in right],
    )


def side_loss(model: Denoiser, pairs: Pairs, recipe: SideRecipe, step: int) -> Tensor:
    """The weighted cross-entropy of the question which caption is right, and the ordinary loss."""
    generator = torch.Generator().manual_seed(step)
    count = len(pairs.latents)
    places = torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)
    late = recipe.earliest + places / count * (TIMESTEPS - recipe.earliest)
    timesteps = late.long().clamp(max=TIMESTEPS - 1)
    noise = torch.randn(pairs.latents.shape, generator=generator)
    losses = model.losses(
        pairs.latents.repeat(2, 1, 1, 1),
        [*pairs.right, *pairs.wrong],
        noise.repeat(2, 1, 1, 1),
        timesteps.repeat(2),
    )
    right, wrong = losses.chunk(2)
    further = _inside(right, pairs.regions) - _inside(wrong, pairs.regions)
    asked = functional.softplus(recipe.sharpness * further).mean()
    return recipe.weight * asked + recipe.plain_weight * right.mean()


def _inside(losses: Tensor, regions: Tensor) -> Tensor:
    """The mean loss of each picture within its region."""
    return (losses * regions).mean((1, 2, 3)) / regions.mean((1, 2, 3)).clamp(min=1e-6)
