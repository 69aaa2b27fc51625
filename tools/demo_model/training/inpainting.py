"""Trains the inpainting UNet: the finished one, that is also shown a mask and what is outside."""

import random
from pathlib import Path

import torch
from torch import Tensor, nn

from tools.demo_model.recipe import Recipe
from tools.demo_model.training import loop
from tools.demo_model.training.denoiser import Frozen, open_unet
from tools.demo_model.training.hiding import Hidden, prompt_of
from tools.demo_model.training.library import Part
from tools.demo_model.training.noise import diffuse, draw, fixed
from tools.demo_model.training.train import MEASURED, PART, emphasised
from tools.demo_model.training.vae import CHANNELS

SEEN = 2 * CHANNELS + 1  # channels: the noisy latents, the mask, the latents of what is outside


def train(
    base: Frozen,
    training_folder: Path,
    data: tuple[Hidden, Hidden],
    folder: Path,
    recipe: Recipe,
    log: loop.Log,
) -> None:
    """Trains what is left and leaves the UNet in `folder`/unet.

    `data` are the pictures to learn from and those to measure on.
    """
    settings = recipe.inpainting
    torch.manual_seed(recipe.seed)
    unet = widened(open_unet(training_folder))
    learnt, held_out = data

    def loss_at(step: int) -> Tensor:
        chance = random.Random(f"{recipe.seed} inpainting {step}")
        hidden = learnt.picked(chance.choices(range(len(learnt.attributes)), k=settings.batch))
        prompts = [
            "" if chance.random() < settings.caption_dropout else prompt_of(one, chance)
            for one in hidden.attributes
        ]
        noise, timesteps = draw(hidden.latents, step, settings.lateness)
        squares = losses(unet, base, hidden, prompts, noise, timesteps)
        return emphasised(squares, hidden.masks, settings.mask_weight)

    def measure() -> float:
        unet.save_pretrained(folder / "unet")
        return _held_out_loss(unet, base, held_out)

    optimizers = loop.optimizers(unet.named_parameters(), settings)
    loop.run(unet, optimizers, settings, folder, loss_at, measure, log)


def widened(unet: Part) -> Part:
    """The UNet with a first convolution that takes five channels more and does not heed them."""
    narrow = unet.conv_in
    wide = nn.Conv2d(SEEN, narrow.out_channels, narrow.kernel_size, padding=narrow.padding)
    unheeded = torch.zeros_like(narrow.weight[:, :1]).repeat(1, SEEN - CHANNELS, 1, 1)
    weight = torch.cat([narrow.weight.detach(), unheeded], 1)
    wide.load_state_dict({"weight": weight, "bias": narrow.bias})
    unet.conv_in = wide
    unet.register_to_config(in_channels=SEEN)
    return unet.to(memory_format=torch.channels_last)


def losses(
    unet: Part,
    base: Frozen,
    hidden: Hidden,
    prompts: list[str],
    noise: Tensor,
    timesteps: Tensor,
) -> Tensor:
    """The squared error of the predicted velocity, of the same shape as the latents."""
    noisy, velocity = diffuse(hidden.latents.float(), noise, timesteps)
    seen = torch.cat([noisy, hidden.masks, hidden.outside.float()], 1)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            words = base.words(prompts)
        predicted = unet(
            seen.contiguous(memory_format=torch.channels_last), timesteps, words
        ).sample
    return (predicted.float() - velocity).square()


@torch.no_grad()
def _held_out_loss(unet: Part, base: Frozen, data: Hidden) -> float:
    """The loss on pictures not trained on, under their masks."""
    count = min(MEASURED, len(data.attributes))
    noise, timesteps = fixed(data.latents[:count])
    total = area = 0.0
    for start in range(0, count, PART):
        numbers = list(range(start, min(count, start + PART)))
        hidden = data.picked(numbers)
        prompts = [
            prompt_of(one, random.Random(number))
            for number, one in zip(numbers, hidden.attributes, strict=True)
        ]
        squares = losses(unet, base, hidden, prompts, noise[numbers], timesteps[numbers])
        total += (squares * hidden.masks).sum().item()
        area += hidden.masks.sum().item() * CHANNELS
    return total / max(area, 1.0)
