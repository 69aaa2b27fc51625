"""Trains text encoder and UNet on the latents, from where the last run stopped."""

import random
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from tools.demo_model.captions import caption
from tools.demo_model.recipe import DenoiserRecipe, Recipe
from tools.demo_model.training import loop
from tools.demo_model.training.batches import make_batch
from tools.demo_model.training.denoiser import Denoiser
from tools.demo_model.training.latents import Latents
from tools.demo_model.training.noise import draw, fixed
from tools.demo_model.training.sides import make_pairs, one_sided, side_loss

MEASURED = 96  # held-out pictures that a loss is measured on
PART = 24  # of them at once


def train(
    data: Latents, tokenizer_folder: Path, folder: Path, recipe: Recipe, log: loop.Log
) -> None:
    """Runs the remaining steps; every few, and at the end, saves a checkpoint and the average."""
    settings = recipe.denoiser
    torch.manual_seed(recipe.seed)
    model = Denoiser(settings, tokenizer_folder)
    learnt, held_out = data.split(recipe.held_out)
    taught = settings.sides
    with_sides = replace(settings, batch=taught.batch)
    numbers = one_sided(learnt.attributes)

    def plain_loss_at(step: int, settings: DenoiserRecipe) -> Tensor:
        batch = make_batch(learnt, settings, recipe.seed, step)
        noise, timesteps = draw(batch.latents, step, settings.lateness)
        losses = model.losses(batch.latents, batch.captions, noise, timesteps)
        return emphasised(losses, batch.objects, settings.object_weight)

    def loss_at(step: int) -> Tensor:
        if step < taught.start:
            return plain_loss_at(step, settings)
        pairs = make_pairs(learnt, numbers, taught, recipe.seed, step)
        return plain_loss_at(step, with_sides) + side_loss(model, pairs, taught, step)

    def measure() -> float:
        model.unet.save_pretrained(folder / "unet")
        model.text_encoder.save_pretrained(folder / "text_encoder")
        return held_out_loss(model, held_out)

    words = model.text_encoder.parameters()
    optimizers = loop.optimizers(model.unet.named_parameters(), settings, words)
    loop.run(model, optimizers, settings, folder, loss_at, measure, log)


def emphasised(losses: Tensor, share: Tensor, weight: float) -> Tensor:
    """The mean of the losses, each counting 1, and up to `weight` more where `share` is 1."""
    weights = 1 + weight * share
    return (losses * weights).mean() / weights.mean()


@torch.no_grad()
def held_out_loss(model: Denoiser, data: Latents) -> float:
    """The loss on captioned pictures not trained on, with fixed noise and timesteps."""
    latents = data.tensors[:MEASURED].float()
    captions = [
        caption(shown, random.Random(number))
        for number, shown in enumerate(data.attributes[:MEASURED])
    ]
    noise, timesteps = fixed(latents)
    losses = [
        model.losses(latents[part], captions[part], noise[part], timesteps[part])
        for part in (slice(start, start + PART) for start in range(0, len(latents), PART))
    ]
    return torch.cat(losses).mean().item()
