"""The pictures of the training on disk: shards of an array and the attributes of each picture."""

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
from tools.demo_model.scene import Attributes


def shard_starts(recipe: Recipe) -> list[int]:
    """The first seed of each shard, in order."""
    return list(range(0, recipe.pictures, recipe.shard))


def draw_all(folder: Path, recipe: Recipe) -> None:
    """Draws every shard that is not there yet, in several processes."""
    jobs = [
        (folder, start, recipe.shard)
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
    return np.load(_pictures_path(folder, start))


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


def _pictures_path(folder: Path, start: int) -> Path:
    return folder / f"{start:06d}.npy"


def _draw_shard(folder: Path, start: int, count: int) -> None:
    renderings = [render(seed) for seed in range(start, start + count)]
    folder.mkdir(parents=True, exist_ok=True)
    np.save(_pictures_path(folder, start), np.stack([one.picture for one in renderings]))
    fields = [asdict(one.attributes) for one in renderings]
    write_atomically(attributes_path(folder, start), json.dumps(fields).encode())
