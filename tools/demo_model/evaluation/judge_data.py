"""What the judge learns from: drawn pictures at its size, some of them through the VAE."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.demo_model import pictures
from tools.demo_model.canvas import LABELS, Bytes
from tools.demo_model.evaluation.judge import (
    COLOURS,
    LABEL_OF,
    SIDE,
    STYLES,
    TIME_NAMES,
    halved,
    shrunk,
    to_tensor,
)
from tools.demo_model.recipe import Recipe
from tools.demo_model.render import render
from tools.demo_model.scene import TERRAINS, Attributes, Choices
from tools.demo_model.training import vae
from tools.demo_model.training.library import AutoencoderKL

UNKNOWN = 255  # a colour that no caption names
_INK_SEEDS = 1_000_000  # from here on, far from all others
_LATENT_NOISE = 0.3  # at most, for latents of variance 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Drawn:
    """Drawn pictures at the judge's size with what they show."""

    pictures: Bytes  # count×128×128×3
    labels: Bytes  # count×128×128
    depth: Bytes  # count×128×128
    attributes: tuple[Attributes, ...]

    def first(self, count: int) -> "Drawn":
        """The first `count` of them."""
        return Drawn(
            pictures=self.pictures[:count],
            labels=self.labels[:count],
            depth=self.depth[:count],
            attributes=self.attributes[:count],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Augmented pictures and what the judge should say about them."""

    pictures: Tensor  # count×3×128×128, -1 to 1
    labels: Tensor  # count×128×128
    colours: Tensor  # count×128×128; UNKNOWN where no object with a colour is
    depth: Tensor  # count×128×128, 0 to 1
    facts: Tensor  # count×3: places of time, terrain and style
    coloured: Tensor  # count; ink drawings show nothing but their style


def read(folder: Path, starts: Sequence[int]) -> Drawn:
    """The shards that begin at `starts`."""
    return Drawn(
        pictures=np.concatenate([shrunk(pictures.read_pictures(folder, one)) for one in starts]),
        labels=np.concatenate([halved(pictures.read_labels(folder, one)) for one in starts]),
        depth=np.concatenate([halved(pictures.read_depth(folder, one)) for one in starts]),
        attributes=tuple(
            shown for one in starts for shown in pictures.read_attributes(folder, one)
        ),
    )


def joined(several: Sequence[Drawn]) -> Drawn:
    """All of them, one after the other."""
    return Drawn(
        pictures=np.concatenate([one.pictures for one in several]),
        labels=np.concatenate([one.labels for one in several]),
        depth=np.concatenate([one.depth for one in several]),
        attributes=tuple(shown for one in several for shown in one.attributes),
    )


def parts(recipe: Recipe) -> tuple[list[int], int, list[int]]:
    """The shards to learn from, the one to set thresholds on, and the held-out ones."""
    starts = pictures.shard_starts(recipe)
    held_out = recipe.held_out // recipe.shard
    return starts[: -held_out - 1], starts[-held_out - 1], starts[-held_out:]


def draw_ink(count: int) -> Drawn:
    """Ink drawings of seeds that nothing else uses."""
    drawn = [render(_INK_SEEDS + number, Choices(style="ink")) for number in range(count)]
    return Drawn(
        pictures=shrunk(np.stack([one.picture for one in drawn])),
        labels=halved(np.stack([one.labels for one in drawn])),
        depth=halved(np.stack([one.depth for one in drawn])),
        attributes=tuple(one.attributes for one in drawn),
    )


@torch.no_grad()
def soften(shard: Bytes, vae_folder: Path, seed: int) -> Bytes:
    """Drawn pictures (count×256×256×3) as the VAE restores them, at the judge's size.

    A model's pictures come out of the VAE, too, and from latents that are a little off: noise of
    up to `_LATENT_NOISE` is added to them.
    """
    network = AutoencoderKL.from_pretrained(vae_folder, dtype=torch.bfloat16)
    network.to(memory_format=torch.channels_last)
    generator = torch.Generator().manual_seed(seed)
    restored: list[Bytes] = []
    for part in vae.to_tensor(shard).split(4):
        mean = network.encode(part.to(torch.bfloat16)).latent_dist.mean
        strength = _LATENT_NOISE * torch.rand((len(mean), 1, 1, 1), generator=generator)
        noise = torch.randn(mean.shape, generator=generator) / network.config.scaling_factor
        decoded = network.decode(mean + (strength * noise).to(torch.bfloat16)).sample
        scaled = (decoded.float().clamp(-1, 1) + 1) * 127.5
        restored.append(shrunk(scaled.permute(0, 2, 3, 1).round().to(torch.uint8).numpy()))
    return np.concatenate(restored)


def softened(drawn: Drawn, path: Path, vae_folder: Path, shard: Bytes) -> Drawn:
    """The first pictures of `drawn`, restored from `shard`, kept in the file `path`."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp.npy")
        np.save(temporary, soften(shard, vae_folder, seed=0))
        temporary.replace(path)
    return replace(drawn.first(len(shard)), pictures=np.load(path))


def make_batch(
    drawn: Drawn, count: int, step: int, *, only: np.ndarray, share: float = 0.4
) -> Batch:
    """The batch of `step`: mirrored, moved, blurred, brightened and noisy by chance.

    `share` of it comes from the places `only`, the rest from anywhere.
    """
    chance = np.random.default_rng(step)
    rare = chance.choice(only, round(share * count))
    chosen = np.concatenate([chance.integers(len(drawn.pictures), size=count - len(rare)), rare])
    labels = torch.from_numpy(drawn.labels[chosen]).long()
    shown = [drawn.attributes[number] for number in chosen]
    palette = torch.tensor([_colours(one) for one in shown])
    window = _window(chance)
    seen = _augmented(to_tensor(drawn.pictures[chosen]), window, chance)
    colours = palette.gather(1, labels.flatten(1)).view_as(labels)
    planes = torch.stack([labels.float(), colours.float(), _fractions(drawn.depth[chosen])], 1)
    top, left, side = window
    cut = planes[:, :, top : top + side, left : left + side]
    cut = functional.interpolate(cut, (SIDE, SIDE), mode="nearest")
    if chance.random() < 0.5:
        seen, cut = seen.flip(3), cut.flip(3)
    return Batch(
        pictures=seen.contiguous(memory_format=torch.channels_last),
        labels=cut[:, 0].long(),
        colours=cut[:, 1].long(),
        depth=cut[:, 2],
        facts=torch.tensor([_facts(one) for one in shown]),
        coloured=torch.tensor([one.style == "flat" for one in shown]),
    )


def _fractions(depth: Bytes) -> Tensor:
    return torch.from_numpy(depth).float() / 255


def _window(chance: np.random.Generator) -> tuple[int, int, int]:
    """Upper edge, left edge and side of the part that is seen; mostly the whole."""
    side = SIDE if chance.random() < 0.5 else int(chance.integers(112, SIDE))
    top, left = (int(edge) for edge in chance.integers(0, SIDE - side + 1, 2))
    return top, left, side


def _augmented(seen: Tensor, window: tuple[int, int, int], chance: np.random.Generator) -> Tensor:
    top, left, side = window
    seen = seen[:, :, top : top + side, left : left + side]
    if chance.random() < 0.4:  # blurred by being made smaller for a while
        smaller = int(chance.integers(56, 112))
        seen = functional.interpolate(seen, (smaller, smaller), mode="area")
    if seen.shape[2] != SIDE:
        seen = functional.interpolate(seen, (SIDE, SIDE), mode="bilinear", align_corners=False)
    shape = (len(seen), 3, 1, 1)
    gain = torch.from_numpy(chance.uniform(0.93, 1.07, shape)).float()
    shift = torch.from_numpy(chance.uniform(-0.04, 0.04, shape)).float()
    generator = torch.Generator().manual_seed(int(chance.integers(2**62)))
    noise = torch.randn(seen.shape, generator=generator) * chance.uniform(0, 0.06)
    return ((seen + 1) * gain - 1 + shift + noise).clamp(-1, 1)


def _colours(shown: Attributes) -> list[int]:
    """For each label the place of its colour; a picture has one object of a kind at most."""
    places = [UNKNOWN] * len(LABELS)
    for thing in shown.things:
        if thing.name in LABEL_OF and thing.colour in COLOURS:
            places[LABELS.index(LABEL_OF[thing.name])] = COLOURS.index(thing.colour)
    return places


def _facts(shown: Attributes) -> tuple[int, int, int]:
    return (
        TIME_NAMES.index(shown.time),
        TERRAINS.index(shown.terrain),
        STYLES.index(shown.style),
    )
