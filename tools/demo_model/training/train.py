"""Trains text encoder and UNet on the latents, from where the last run stopped."""

import json
import random
import time
from collections.abc import Callable
from pathlib import Path

import torch

from pipelines.files import write_atomically
from tools.demo_model.captions import caption
from tools.demo_model.recipe import DenoiserRecipe, Recipe
from tools.demo_model.training.batches import make_batch
from tools.demo_model.training.checkpoint import Ema, load_checkpoint, save_checkpoint
from tools.demo_model.training.denoiser import Denoiser, build_scheduler
from tools.demo_model.training.latents import Latents

TIMESTEPS = build_scheduler().config["num_train_timesteps"]
_MEASURED = 96  # held-out pictures that the loss is measured on


def train(
    data: Latents, tokenizer_folder: Path, folder: Path, recipe: Recipe, log: Callable[[str], None]
) -> None:
    """Runs the remaining steps; every few, and at the end, saves a checkpoint and the average."""
    settings = recipe.denoiser
    torch.manual_seed(recipe.seed)
    model = Denoiser(settings, tokenizer_folder)
    parameters = list(model.parameters())
    optimizer = torch.optim.AdamW(
        parameters, settings.learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True
    )
    ema = Ema(parameters, settings.ema)
    state = {"model": model, "optimizer": optimizer, "ema": ema}
    first = load_checkpoint(folder / "checkpoint.pt", state)
    learnt, held_out = data.split(recipe.held_out)
    began, seen = time.monotonic(), 0
    for step in range(first, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate(step, settings)
        batch = make_batch(learnt, settings, recipe.seed, step)
        timesteps, noise = _draw(batch.latents, step)
        losses = model.losses(batch.latents, batch.captions, noise, timesteps)
        (losses * model.weights(timesteps)).mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(step)
        seen += len(timesteps)
        if (step + 1) % settings.save_every == 0 or step + 1 == settings.steps:
            save_checkpoint(folder / "checkpoint.pt", state, step + 1)
            ema.swap()
            model.unet.save_pretrained(folder / "unet")
            model.text_encoder.save_pretrained(folder / "text_encoder")
            measured = held_out_loss(model, held_out)
            ema.swap()
            _note(folder / "losses.json", step + 1, measured)
            speed = seen / (time.monotonic() - began)
            log(f"step {step + 1} held-out loss {measured:.4f}, {speed:.1f} samples/s")


def rate(step: int, settings: DenoiserRecipe) -> float:
    """Warm-up, then constant, then a straight fall to the floor over the last steps."""
    warm = min(1.0, (step + 1) / settings.warmup)
    left = (settings.steps - step) / settings.decay
    return warm * max(settings.floor, min(1.0, left))


@torch.no_grad()
def held_out_loss(model: Denoiser, data: Latents) -> float:
    """The unweighted loss on captioned pictures not trained on, with fixed noise and timesteps."""
    latents = data.tensors[:_MEASURED].float()
    captions = [
        caption(shown, random.Random(number))
        for number, shown in enumerate(data.attributes[:_MEASURED])
    ]
    noise = torch.randn(latents.shape, generator=torch.Generator().manual_seed(1))
    count = len(latents)
    timesteps = ((torch.arange(count) + 0.5) / count * TIMESTEPS).long()
    losses = [
        model.losses(latents[part], captions[part], noise[part], timesteps[part])
        for part in (slice(start, start + 24) for start in range(0, count, 24))
    ]
    return torch.cat(losses).mean().item()


def _draw(latents: torch.Tensor, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Timesteps spread evenly over the batch, and noise; both decided by the step's number."""
    generator = torch.Generator().manual_seed(step)
    count = len(latents)
    places = torch.randperm(count, generator=generator) + torch.rand(count, generator=generator)
    timesteps = (places / count * TIMESTEPS).long().clamp(max=TIMESTEPS - 1)
    return timesteps, torch.randn(latents.shape, generator=generator)


def _note(path: Path, step: int, loss: float) -> None:
    """Adds one measurement to the list of (step, loss) in `path`."""
    losses = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    write_atomically(path, json.dumps([*losses, (step, loss)]).encode())
