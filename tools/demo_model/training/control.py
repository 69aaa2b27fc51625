"""Trains a ControlNet for each kind of map, on top of the finished model."""

import random
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

import torch
from torch import Tensor, nn

from tools.demo_model.captions import caption
from tools.demo_model.recipe import ControlRecipe, Pace, Recipe
from tools.demo_model.training import loop
from tools.demo_model.training.controls import STEADY, Hand, control_map
from tools.demo_model.training.denoiser import Frozen
from tools.demo_model.training.library import AttnProcessor, ControlNetModel, Part
from tools.demo_model.training.noise import diffuse, draw, fixed
from tools.demo_model.training.shards import Shard, Shards
from tools.demo_model.training.train import MEASURED, PART

# In the order of their training. Each kind starts from the weights of another one that it
# resembles: lines from lines and areas from areas. None starts from the UNet's own.
ORDER: Mapping[str, str | None] = {
    "canny": None,
    "scribble": "canny",
    "seg": None,
    "depth": "seg",
}


def train(
    kind: str, base: Frozen, shards: Shards, folder: Path, recipe: Recipe, log: loop.Log
) -> None:
    """Trains what is left of the ControlNet of `kind` and leaves it, in fp16, in `folder`.

    The one that it starts from lies beside it, in a folder named as `folder_of` does.
    """
    settings, first = recipe.control, ORDER[kind]
    torch.manual_seed(recipe.seed)
    network = build(base.unet, settings)
    first_shard = shards.batch(0, settings.batch)
    hands = [STEADY] * settings.batch
    awaken(network.controlnet_cond_embedding, maps_of(kind, first_shard, hands))
    pace: Pace = settings
    if first is not None:
        learnt = ControlNetModel.from_pretrained(folder_of(folder.parent, first))
        network.load_state_dict(learnt.float().state_dict())
        pace = settings.shortened()
    held_out = shards.held_out(MEASURED)

    def loss_at(step: int) -> Tensor:
        shard = shards.batch(step, settings.batch)
        chance = random.Random(f"{recipe.seed} {kind} {step}")
        hands = [Hand.unsteady(chance) for _ in shard.attributes]
        told = [
            "" if chance.random() < settings.caption_dropout else caption(one, chance)
            for one in shard.attributes
        ]
        noise, timesteps = draw(shard.latents, step, settings.lateness)
        maps = maps_of(kind, shard, hands)
        return losses(network, base, (shard, maps, told), noise, timesteps).mean()

    def measure() -> float:
        deepcopy(network).to(torch.float16).save_pretrained(folder)
        return _held_out_loss(kind, network, base, held_out)

    optimizers = loop.optimizers(network.named_parameters(), pace)
    loop.run(network, optimizers, pace, folder, loss_at, measure, log)


def folder_of(work: Path, kind: str) -> Path:
    """Where the ControlNet of `kind` is trained."""
    return work / f"control_{kind}"


def build(unet: Part, recipe: ControlRecipe) -> Part:
    """A copy of the UNet's first half that a map is fed into and that changes nothing yet."""
    network = ControlNetModel.from_unet(
        unet, conditioning_embedding_out_channels=recipe.hint_channels
    )
    network.set_attn_processor(AttnProcessor())
    return network.requires_grad_(True).to(memory_format=torch.channels_last)


@torch.no_grad()
def awaken(hint: nn.Module, maps: Tensor) -> None:
    """Starts the layers that read the map so that each passes it on at full strength.

    Every convolution is scaled to an output of deviation 1 on `maps` (layer-sequential unit
    variance, Mishkin & Matas 2016). As they start otherwise, each fades the map, the last to zero.
    """

    def scale(module: nn.Conv2d, _: object, output: Tensor) -> Tensor:
        deviation = output.std()
        module.weight.div_(deviation)
        return output / deviation

    convolutions = [module for module in hint.modules() if isinstance(module, nn.Conv2d)]
    hooks = [module.register_forward_hook(scale) for module in convolutions]
    for module in convolutions:
        for parameter in module.parameters():
            # Weights have four dimensions, biases one.
            nn.init.normal_(parameter, std=1.0 if parameter.ndim > 1 else 0.0)
    hint(maps)
    for hook in hooks:
        hook.remove()


def maps_of(kind: str, shard: Shard, hands: list[Hand]) -> Tensor:
    """The control maps of the pictures as a ControlNet takes them: count×3×256×256, 0 to 1."""
    known = zip(shard.pictures, shard.labels, shard.depth, hands, strict=True)
    maps = [torch.from_numpy(control_map(kind, *one)) for one in known]
    stacked = torch.stack(maps).permute(0, 3, 1, 2).float() / 255
    return stacked.contiguous(memory_format=torch.channels_last)


def losses(
    network: Part,
    base: Frozen,
    seen: tuple[Shard, Tensor, list[str]],
    noise: Tensor,
    timesteps: Tensor,
) -> Tensor:
    """The squared error of the velocity that the base predicts with the ControlNet's help.

    `seen` are the pictures, their maps and their captions.
    """
    shard, maps, told = seen
    noisy, velocity = diffuse(shard.latents.float(), noise, timesteps)
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            words = base.words(told)
        down, middle = network(noisy, timesteps, words, maps, return_dict=False)
        predicted = base.unet(
            noisy,
            timesteps,
            words,
            down_block_additional_residuals=down,
            mid_block_additional_residual=middle,
        ).sample
    return (predicted.float() - velocity).square()


@torch.no_grad()
def _held_out_loss(kind: str, network: Part, base: Frozen, shard: Shard) -> float:
    """The loss on pictures not trained on, with captions and a steady hand."""
    noise, timesteps = fixed(shard.latents)
    measured: list[Tensor] = []
    for start in range(0, len(noise), PART):
        numbers = list(range(start, min(len(noise), start + PART)))
        part = shard.picked(numbers)
        told = [
            caption(one, random.Random(number))
            for number, one in zip(numbers, part.attributes, strict=True)
        ]
        maps = maps_of(kind, part, [STEADY] * len(numbers))
        seen = (part, maps, told)
        measured.append(losses(network, base, seen, noise[numbers], timesteps[numbers]))
    return torch.cat(measured).mean().item()
