"""The question which caption is right: what is asked, of which pictures, what an answer costs."""

import math
import random
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from tools.demo_model import pictures
from tools.demo_model.captions import caption, swapped
from tools.demo_model.recipe import MINIATURE, SideRecipe
from tools.demo_model.scene import Attributes, Thing
from tools.demo_model.training import latents, sides
from tools.demo_model.training.sides import Pairs

RECIPE = SideRecipe(pictures=6)


def shown(*things: tuple[str, float]) -> Attributes:
    placed = tuple(Thing(name=name, x=x, y=0.6, height=0.2) for name, x in things)
    return Attributes(
        time="day", terrain="hills", season="summer", sky="clear", style="flat", things=placed
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> latents.Latents:
    """Latents of noise for pictures that are described as the renderer draws them."""
    folder: Path = tmp_path_factory.mktemp("sides")
    pictures.draw_all(folder, MINIATURE)
    attributes = tuple(pictures.every_attributes(folder, MINIATURE))
    generator = torch.Generator().manual_seed(1)
    return latents.Latents(
        tensors=torch.randn((len(attributes), 4, 32, 32), generator=generator).half(),
        objects=torch.randint(0, 256, (len(attributes), 32, 32), generator=generator).byte(),
        attributes=attributes,
    )


def test_swapping_a_caption_is_captioning_the_mirrored_picture():
    picture = shown(("house", 0.2), ("tent", 0.8), ("tree", 0.5))
    for seed in range(20):
        here = caption(picture, random.Random(seed), side=1.0)
        there = caption(picture.mirrored(), random.Random(seed), side=1.0)
        assert swapped(here) == there != here
        assert swapped(there) == here


def test_every_side_is_said_if_it_is_asked_for_and_none_if_it_is_not():
    picture = shown(("house", 0.2))
    for seed in range(20):
        said = caption(picture, random.Random(seed), side=1.0)
        assert ("house" in said or "cottage" in said) <= ("left" in said)
        assert "left" not in caption(picture, random.Random(seed), side=0.0)


@pytest.mark.parametrize(
    ("things", "asked"),
    [
        ((("house", 0.2),), True),
        ((("house", 0.5),), False),
        ((("sun", 0.2),), False),
        ((("sun", 0.2), ("house", 0.5), ("tent", 0.9)), True),
        ((("house", 0.2), ("tent", 0.5), ("tree", 0.9)), False),
    ],
)
def test_pictures_are_asked_about_that_hold_one_or_two_things_not_all_in_the_middle(things, asked):
    assert sides.one_sided([shown(), shown(*things)]) == ([1] if asked else [])


def test_pairs_depend_on_their_step_alone_and_differ_in_the_sides_only(data):
    numbers = sides.one_sided(data.attributes)
    first, again, later = (sides.make_pairs(data, numbers, RECIPE, 0, step) for step in (5, 5, 6))
    assert (first.right, first.wrong) == (again.right, again.wrong) != (later.right, later.wrong)
    assert torch.equal(first.latents, again.latents)
    for right, wrong in zip(first.right, first.wrong, strict=True):
        assert right != wrong == swapped(right)
    assert torch.equal(first.regions, first.regions.flip(-1))


@pytest.mark.parametrize("further", [-0.2, 0.0, 0.2])
def test_an_answer_costs_the_more_the_better_the_wrong_caption_does(further):
    """Against the formula, on errors that are told rather than computed."""
    region = torch.zeros(1, 1, 4, 4)
    region[..., :2] = 1

    def losses(given: torch.Tensor, captions: list[str], *_: torch.Tensor) -> torch.Tensor:
        assert captions == ["left", "right"]
        errors = torch.ones(2, 4, 4, 4)
        errors[0, ..., :2] += further
        return errors

    pairs = Pairs(latents=torch.zeros(1, 4, 4, 4), regions=region, right=["left"], wrong=["right"])
    model = SimpleNamespace(losses=losses)
    cost = sides.side_loss(model, pairs, RECIPE, 3)  # pyright: ignore[reportArgumentType] a stand-in
    asked = math.log1p(math.exp(RECIPE.sharpness * further))
    assert float(cost) == pytest.approx(
        RECIPE.weight * asked + RECIPE.plain_weight * (1 + further / 2), abs=1e-5
    )


def test_both_captions_see_the_same_noise_at_the_same_late_timestep(data):
    numbers = sides.one_sided(data.attributes)
    pairs = sides.make_pairs(data, numbers, RECIPE, 0, 1)
    seen: list[tuple[torch.Tensor, ...]] = []

    def losses(
        given: torch.Tensor, captions: list[str], noise: torch.Tensor, timesteps: torch.Tensor
    ) -> torch.Tensor:
        seen.append((given, noise, timesteps))
        return torch.ones_like(given)

    model = SimpleNamespace(losses=losses)
    sides.side_loss(model, pairs, RECIPE, 1)  # pyright: ignore[reportArgumentType] a stand-in
    for tensor in seen[0]:
        first, second = tensor.chunk(2)
        assert torch.equal(first, second)
    assert seen[0][2].min() >= RECIPE.earliest
