"""What models say about themselves in small files and headers, read without their weights."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from pipelines.catalog.checkpoints import IMG2IMG_CHANNELS
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.kinds import CheckpointKind, tell_checkpoint
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size

MAX_HEADER_BYTES = 100_000_000
"""The safetensors format's own limit."""

FALLBACK_SIZE = Size(512, 512)

_LATENT_FACTOR = 8
_WEIGHTLESS = ("tokenizer", "scheduler")
_UNUSED = frozenset({"safety_checker", "feature_extractor", "image_encoder"})
"""Components that img2img never loads, so that a folder may lack them."""
_SIDES: Mapping[ModelFamily, int] = {
    ModelFamily.sd1: 512,
    ModelFamily.sd2: 768,
    ModelFamily.sdxl: 1024,
    ModelFamily.sdxl_refiner: 1024,
}
"""Pixels of the square pictures that a family was trained for."""
_TEXT_WIDTHS: Mapping[int, ModelFamily] = {
    768: ModelFamily.sd1,
    1024: ModelFamily.sd2,
    1280: ModelFamily.sdxl_refiner,
    2048: ModelFamily.sdxl,
}
"""Numbers per token that a family's text encoders give its UNet (`cross_attention_dim`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a checkpoint says about itself, or what most say where it is silent.

    `default_size` is the picture size it was trained for, in pixels; `input_channels` what its UNet
    takes.
    """

    default_size: Size = FALLBACK_SIZE
    input_channels: int = IMG2IMG_CHANNELS
    family: ModelFamily = ModelFamily.unknown


def read_header(path: Path) -> Mapping[str, Any]:
    """The header of a safetensors file: tensor names to dtype, shape and data offsets.

    Reads the header only. ModelBroken when the file is damaged, cut short or of another format.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
                raise ModelBroken(f"{path.name} is not a whole safetensors file.")
            header: object = json.loads(file.read(length))
    except OSError as error:
        raise ModelBroken(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelBroken(f"{path.name} has a damaged safetensors header.") from error
    if not isinstance(header, dict):
        raise ModelBroken(f"{path.name} has a damaged safetensors header.")
    tensors = cast(dict[str, Any], header)
    expected = 8 + length + _data_length(tensors)
    if size != expected:
        raise ModelBroken(f"{path.name} holds {size} bytes where its header names {expected}.")
    return tensors


def read_json(path: Path) -> Mapping[str, Any]:
    """A small JSON file holding one object; ModelBroken when it is missing, damaged or huge."""
    try:
        with path.open("rb") as file:
            stored: object = json.loads(file.read(MAX_HEADER_BYTES))
    except OSError as error:
        raise ModelBroken(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise ModelBroken(f"{path.name} is not valid JSON.") from error
    if not isinstance(stored, dict):
        raise ModelBroken(f"{path.name} must hold one JSON object.")
    return cast(dict[str, Any], stored)


def facts_of_file(path: Path) -> Facts:
    """What a safetensors checkpoint's header tells.

    ModelBroken when it is damaged, or no checkpoint of a known kind.
    """
    kind = tell_file(path)
    side = _SIDES.get(kind.family, FALLBACK_SIZE.width)
    return Facts(
        default_size=Size(side, side),
        input_channels=_channels(kind.input_channels),
        family=kind.family,
    )


def tell_file(path: Path) -> CheckpointKind:
    """The kind of a safetensors checkpoint, by its header alone; ModelBroken as `facts_of_file`."""
    header = read_header(path)
    metadata: object = header.get("__metadata__")
    shapes = {
        name: _shape(tensor.get("shape"))
        for name, tensor in header.items()
        if name != "__metadata__"
    }
    stated = cast(dict[str, object], metadata) if isinstance(metadata, dict) else {}
    return tell_checkpoint(shapes, path.name, stated)


def facts_of_folder(folder: Path) -> Facts:
    """What a diffusers folder's `unet/config.json` tells; ModelBroken when it cannot be read.

    Its `sample_size` is in latents, eight pixels each.
    """
    config = read_json(folder / "unet" / "config.json")
    side = config.get("sample_size")
    size = FALLBACK_SIZE
    if isinstance(side, int) and 8 <= side <= 1024:
        size = Size(side * _LATENT_FACTOR, side * _LATENT_FACTOR)
    width = config.get("cross_attention_dim")
    family = _TEXT_WIDTHS.get(width) if isinstance(width, int) else None
    return Facts(
        default_size=size,
        input_channels=_channels(config.get("in_channels")),
        family=family or ModelFamily.unknown,
    )


def _shape(value: object) -> tuple[int, ...]:
    """A tensor's shape as its header gives it; () for what is none."""
    numbers = cast("list[object]", value) if isinstance(value, list) else []
    return tuple(number for number in numbers if isinstance(number, int))


def _channels(value: object) -> int:
    """A number of input channels, or the usual one where there is none to be had."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    return IMG2IMG_CHANNELS


def explain_damage(path: Path, *, allow_pickles: bool = False) -> str | None:
    """One sentence on why the checkpoint at `path` cannot work, from headers alone; None if sound.

    Of a pickle nothing can be said but that it is one, which `allow_pickles` lets pass.
    """
    try:
        if path.is_dir():
            _check_folder(path)
        elif path.suffix.lower() == ".safetensors":
            tell_file(path)
        elif not allow_pickles:
            raise ModelBroken(
                f"{path.name} is a Python pickle, which can run code when it is opened; "
                "only safetensors files are read, unless the program runs with --allow-pickle."
            )
    except ModelBroken as error:
        return str(error)
    except OSError as error:
        return f"{path.name} cannot be read: {error.strerror}."
    return None


def _check_folder(folder: Path) -> None:
    for part, description in read_json(folder / "model_index.json").items():
        if part.startswith("_") or part in _UNUSED or not _is_component(description):
            continue
        if not (folder / part).is_dir():
            raise ModelBroken(f"its folder {part!r} is missing.")
        try:
            _check_component(folder / part)
        except ModelBroken as error:
            raise ModelBroken(f"in its folder {part!r}, {error}") from error


def _is_component(description: object) -> bool:
    """model_index.json names a component by [library, class]; [null, null] is one left out."""
    if not isinstance(description, list):
        return False
    values = cast(list[object], description)
    return len(values) == 2 and isinstance(values[0], str) and isinstance(values[1], str)


def _check_component(folder: Path) -> None:
    weights = sorted(folder.glob("*.safetensors"))
    for file in weights:
        read_header(file)
    if folder.name.startswith(_WEIGHTLESS):
        if not any(folder.iterdir()):
            raise ModelBroken("there is nothing.")
        for file in folder.glob("*config.json"):
            read_json(file)
        return
    read_json(folder / "config.json")
    if not weights:
        raise ModelBroken("there are no safetensors weights.")


def _data_length(tensors: Mapping[str, Any]) -> int:
    """Bytes of weights the header announces; ModelBroken when it makes no sense."""
    end = 0
    for name, tensor in tensors.items():
        if name == "__metadata__":
            continue
        try:
            end = max(end, int(tensor["data_offsets"][1]))
        except (TypeError, KeyError, IndexError, ValueError, OverflowError) as error:
            raise ModelBroken(f"its tensor {name[:80]!r} is described wrongly.") from error
    return end
