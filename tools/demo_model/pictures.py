"""The pictures of the training on disk: shards of arrays and the attributes of each picture."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from pipelines.files import write_atomically
from tools.demo_model.canvas import Bytes
from tools.demo_model.recipe import Recipe
from tools.demo_model.render import render
from tools.demo_model.scene import LEFT_TO_CHANCE, Attributes, Choices


def shard_starts(recipe: Recipe) -> list[int]:
    """The first seed of each shard, in order."""
    return list(range(0, recipe.pictures, recipe.shard))


def draw_all(folder: Path, recipe: Recipe, choices: Choices = LEFT_TO_CHANCE) -> None:
    """Draws every shard that is not there yet, in several processes."""
    jobs = [
        (folder, start, recipe.shard, choices)
        for start in shard_starts(recipe)
        if not attributes_path(folder, start).exists()
    ]
    if recipe.processes == 1:
        for job in jobs:
            _draw_shard(*job)
        return
    with get_context("spawn").Pool(recipe.processes) as pool:
        pool.starmap(_draw_shard, jobs, chunksize=1)


def read_pictures(folder: Path, start: int) -> Bytes:
    """The pictures of one shard: count×256×256×3, RGB."""
    return np.load(_array_path(folder, start, "pictures"))


def read_labels(folder: Path, start: int) -> Bytes:
    """The segmentation of one shard: count×256×256, places in canvas.LABELS."""
    return np.load(_array_path(folder, start, "labels"))


def read_depth(folder: Path, start: int) -> Bytes:
    """The depth of one shard: count×256×256, 0 is far and 255 near."""
    return np.load(_array_path(folder, start, "depth"))


def read_attributes(folder: Path, start: int) -> list[Attributes]:
    """What is known about each picture of one shard."""
    fields = json.loads(attributes_path(folder, start).read_text(encoding="utf-8"))
    return [Attributes.from_json(one) for one in fields]


def every_attributes(folder: Path, recipe: Recipe) -> Iterator[Attributes]:
    """The attributes of all pictures, in the order of their seeds."""
    for start in shard_starts(recipe):
        yield from read_attributes(folder, start)


def attributes_path(folder: Path, start: int) -> Path:
    """Written last: where it exists, its shard is whole."""
    return folder / f"{start:06d}.json"


def _array_path(folder: Path, start: int, name: str) -> Path:
    return folder / f"{start:06d}.{name}.npy"


def _draw_shard(folder: Path, start: int, count: int, choices: Choices) -> None:
    renderings = [render(seed, choices) for seed in range(start, start + count)]
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        "pictures": [one.picture for one in renderings],
        "labels": [one.labels for one in renderings],
        "depth": [one.depth for one in renderings],
    }
    for name, array in arrays.items():
        np.save(_array_path(folder, start, name), np.stack(array))
    fields = [asdict(one.attributes) for one in renderings]
    write_atomically(attributes_path(folder, start), json.dumps(fields).encode())
