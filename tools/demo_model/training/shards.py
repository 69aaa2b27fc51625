"""The pictures shard by shard, as their latents were made: every second shard mirrored."""

import random
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from torch import Tensor

from tools.demo_model import pictures
from tools.demo_model.canvas import Bytes
from tools.demo_model.recipe import Recipe
from tools.demo_model.scene import Attributes
from tools.demo_model.training import latents


@dataclass(frozen=True, kw_only=True, slots=True)
class Shard:
    """All that is known about some pictures."""

    pictures: Bytes  # count×256×256×3, RGB
    labels: Bytes  # count×256×256, places in canvas.LABELS
    depth: Bytes  # count×256×256, 0 is far and 255 near
    latents: Tensor  # count×4×32×32, fp16
    attributes: tuple[Attributes, ...]

    def picked(self, numbers: list[int]) -> "Shard":
        """The pictures at these places."""
        return Shard(
            pictures=self.pictures[numbers],
            labels=self.labels[numbers],
            depth=self.depth[numbers],
            latents=self.latents[numbers],
            attributes=tuple(self.attributes[number] for number in numbers),
        )


class Shards:
    """Batches from one shard after the other, so that only one is in memory."""

    def __init__(self, pictures_folder: Path, latents_folder: Path, recipe: Recipe) -> None:
        self._pictures, self._latents, self._recipe = pictures_folder, latents_folder, recipe
        starts = pictures.shard_starts(recipe)
        self._last = len(starts) - 1
        self._training = (recipe.pictures - recipe.held_out) // recipe.shard
        self._read = lru_cache(maxsize=1)(self._read_shard)

    def batch(self, step: int, count: int) -> Shard:
        """The batch of `step`: the same whenever and from wherever the training is resumed."""
        visit, place = divmod(step, max(1, self._recipe.shard // count))
        epoch, turn = divmod(visit, self._training)
        chance = random.Random(f"{self._recipe.seed} {epoch}")
        number = chance.sample(range(self._training), self._training)[turn]
        shuffled = random.Random(f"{self._recipe.seed} {visit}")
        order = shuffled.sample(range(self._recipe.shard), self._recipe.shard)
        return self._read(number).picked(order[place * count : (place + 1) * count])

    def held_out(self, count: int) -> Shard:
        """Some of the last shard's pictures that are never trained on."""
        last = range(self._recipe.shard)[-self._recipe.held_out :]
        return self._read(self._last).picked(list(last[:count]))

    def _read_shard(self, number: int) -> Shard:
        return read_shard(self._pictures, self._latents, self._recipe, number)


def read_shard(pictures_folder: Path, latents_folder: Path, recipe: Recipe, number: int) -> Shard:
    """The whole shard of this number, counted from 0."""
    start = pictures.shard_starts(recipe)[number]
    turn = slice(None, None, -1 if latents.mirrored(number) else 1)
    attributes = pictures.read_attributes(pictures_folder, start)
    if latents.mirrored(number):
        attributes = [one.mirrored() for one in attributes]
    return Shard(
        pictures=pictures.read_pictures(pictures_folder, start)[:, :, turn],
        labels=pictures.read_labels(pictures_folder, start)[:, :, turn],
        depth=pictures.read_depth(pictures_folder, start)[:, :, turn],
        latents=latents.read(latents_folder, start),
        attributes=tuple(attributes),
    )
