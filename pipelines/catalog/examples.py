"""A model's own example: a picture, a prompt and settings that show the model at its best.

Any diffusers folder may hold one: `example.json`, an object with the keys below and no others, and
beside it the picture to start from, `example.png`. The page offers it while the model is chosen.

    prompt, negative_prompt     texts
    sampler, schedule           labels of the page's menus, such as "DPM++ 2M" and "Automatic"
    steps                       Sampling steps, 1 to 1000
    cfg_scale                   1 to 30
    denoising_strength          0 to 1
    width, height               pixels of the result, multiples of 8
    seed                        a whole number; -1 for a random one
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.catalog.headers import read_json
from pipelines.errors import InvalidRequest, ModelBroken
from pipelines.requests import Prompt, ResizeTo, Sampling, Seeds
from pipelines.samplers import check_combination, find_sampler, find_schedule

EXAMPLE_FILE, EXAMPLE_PICTURE = "example.json", "example.png"

_TEXTS = ("prompt", "negative_prompt", "sampler", "schedule")
_NUMBERS = ("steps", "cfg_scale", "denoising_strength", "width", "height", "seed")


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """What the form becomes; `picture` is the file to start from, not opened yet."""

    picture: Path
    prompt: Prompt
    sampling: Sampling
    size: ResizeTo
    seeds: Seeds


def has_example(checkpoint: Checkpoint) -> bool:
    """Whether the model brings an example; whether it is sound is told by reading it."""
    return checkpoint.layout is Layout.folder and (checkpoint.path / EXAMPLE_FILE).is_file()


def read_example(checkpoint: Checkpoint) -> Example:
    """The model's example; ModelBroken says which key or value makes none."""
    try:
        return _parse(checkpoint.path, read_json(checkpoint.path / EXAMPLE_FILE))
    except (InvalidRequest, ModelBroken) as error:
        raise ModelBroken(
            f"The example of checkpoint {checkpoint.name!r} cannot be used: {error}"
        ) from error


def _parse(folder: Path, values: Mapping[str, Any]) -> Example:
    _check_keys(values)
    for key in _TEXTS:
        if not isinstance(values[key], str):
            raise InvalidRequest(f"{key} must be a text, got {values[key]!r}.")
    picture = folder / EXAMPLE_PICTURE
    if not picture.is_file():
        raise ModelBroken(f"{EXAMPLE_PICTURE} is missing.")
    sampler, schedule = find_sampler(values["sampler"]), find_schedule(values["schedule"])
    check_combination(sampler, schedule.label)
    return Example(
        picture=picture,
        prompt=Prompt(positive=values["prompt"], negative=values["negative_prompt"]),
        sampling=Sampling(
            sampler=sampler.label,
            schedule=schedule.label,
            steps=values["steps"],
            cfg_scale=values["cfg_scale"],
            denoising_strength=values["denoising_strength"],
        ),
        size=ResizeTo(width=values["width"], height=values["height"]),
        seeds=Seeds(seed=values["seed"]),
    )


def _check_keys(values: Mapping[str, Any]) -> None:
    """Refuse a key too few or too many: a misspelt one would be both."""
    wanted = (*_TEXTS, *_NUMBERS)
    missing = [key for key in wanted if key not in values]
    unknown = [key for key in values if key not in wanted]
    if missing or unknown:
        found = (("missing", missing), ("unknown", unknown))
        wrong = [f"{what} {', '.join(keys)}" for what, keys in found if keys]
        raise ModelBroken(
            f"{EXAMPLE_FILE} must hold the keys {', '.join(wanted)} and no others; "
            f"{' and '.join(wrong)}."
        )
