"""Pictures with a part of each hidden: what the inpainting UNet learns from."""

import random
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tools.demo_model import pictures
from tools.demo_model.captions import caption, phrase
from tools.demo_model.recipe import Recipe
from tools.demo_model.scene import Attributes
from tools.demo_model.training.library import AutoencoderKL, Part
from tools.demo_model.training.loop import Log
from tools.demo_model.training.masks import draw_mask
from tools.demo_model.training.shards import Shard, read_shard
from tools.demo_model.training.vae import FACTOR, to_tensor

_SHORT = 0.5  # how often a prompt names nothing but the things under the mask


@dataclass(frozen=True, kw_only=True, slots=True)
class Hidden:
    """Pictures, masks, and what is left to see."""

    latents: Tensor  # count×4×32×32, fp16, of the whole pictures
    outside: Tensor  # count×4×32×32, fp16, of the pictures with grey under the mask
    masks: Tensor  # count×1×32×32, 1 where hidden, else 0
    attributes: tuple[Attributes, ...]  # each with only those things that are under the mask

    def picked(self, numbers: list[int]) -> "Hidden":
        """Those at these places."""
        return Hidden(
            latents=self.latents[numbers],
            outside=self.outside[numbers],
            masks=self.masks[numbers],
            attributes=tuple(self.attributes[number] for number in numbers),
        )


def hide_all(
    pictures_folder: Path,
    vae_folder: Path,
    latents_folder: Path,
    folder: Path,
    recipe: Recipe,
    log: Log,
) -> None:
    """Hides a part of every picture of the first shards and of the last, where not yet done."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in _numbers(recipe):
        target = _path(folder, number)
        if target.exists():
            continue
        vae = AutoencoderKL.from_pretrained(vae_folder, dtype=torch.bfloat16)
        vae.to(memory_format=torch.channels_last)
        shard = read_shard(pictures_folder, latents_folder, recipe, number)
        chance = random.Random(f"{recipe.seed} {number}")
        masks = np.stack([draw_mask(labels, chance) for labels in shard.labels])
        temporary = target.with_suffix(".tmp.npz")
        np.savez(temporary, outside=_encode(vae, shard, masks), masks=masks[:, ::FACTOR, ::FACTOR])
        temporary.replace(target)
        log(f"hid parts of the pictures of shard {number}")


def load(
    pictures_folder: Path, latents_folder: Path, folder: Path, recipe: Recipe
) -> tuple[Hidden, Hidden]:
    """The pictures to learn from and those to measure on."""
    *first, last = _numbers(recipe)
    learnt = [_load(pictures_folder, latents_folder, folder, recipe, one) for one in first]
    return _joined(learnt), _load(pictures_folder, latents_folder, folder, recipe, last)


def prompt_of(attributes: Attributes, chance: random.Random) -> str:
    """What somebody may write who wants to have the hidden part back."""
    if attributes.things and chance.random() < _SHORT:
        return " and ".join(phrase(thing, chance) for thing in attributes.things)
    return caption(attributes, chance)


def under(attributes: Attributes, mask: np.ndarray) -> Attributes:
    """The attributes with only those things whose middle is under the mask (side×side)."""
    side = len(mask)
    hidden = [
        thing
        for thing in attributes.things
        if 0 <= thing.x < 1 and 0 <= thing.y < 1 and mask[int(thing.y * side), int(thing.x * side)]
    ]
    return replace(attributes, things=tuple(hidden))


def _numbers(recipe: Recipe) -> list[int]:
    return [*range(recipe.inpainting.shards), len(pictures.shard_starts(recipe)) - 1]


@torch.no_grad()
def _encode(vae: Part, shard: Shard, masks: np.ndarray) -> np.ndarray:
    """The scaled latents of the pictures with grey under the masks, in fp16."""
    seen = to_tensor(shard.pictures) * torch.from_numpy(1 - masks)[:, None]
    means = [vae.encode(part.to(torch.bfloat16)).latent_dist.mean.float() for part in seen.split(4)]
    return (torch.cat(means) * vae.config.scaling_factor).to(torch.float16).numpy()


def _load(
    pictures_folder: Path, latents_folder: Path, folder: Path, recipe: Recipe, number: int
) -> Hidden:
    shard = read_shard(pictures_folder, latents_folder, recipe, number)
    with np.load(_path(folder, number)) as saved:
        outside, masks = saved["outside"], saved["masks"]
    return Hidden(
        latents=shard.latents,
        outside=torch.from_numpy(outside),
        masks=torch.from_numpy(masks)[:, None].float(),
        attributes=tuple(map(under, shard.attributes, masks)),
    )


def _joined(parts: list[Hidden]) -> Hidden:
    return Hidden(
        latents=torch.cat([part.latents for part in parts]),
        outside=torch.cat([part.outside for part in parts]),
        masks=torch.cat([part.masks for part in parts]),
        attributes=tuple(one for part in parts for one in part.attributes),
    )


def _path(folder: Path, number: int) -> Path:
    return folder / f"{number:03d}.npz"
