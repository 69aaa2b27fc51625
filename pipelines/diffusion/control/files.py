"""Tensors of control models from disk: safetensors, and Python pickles without any code in them."""

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch.serialization import safe_globals

from pipelines.catalog.folders import PICKLES
from pipelines.catalog.headers import read_header, read_json
from pipelines.errors import ModelBroken, ModelNotFound

log = logging.getLogger(__name__)

_STEMS = ("diffusion_pytorch_model", "model")
_VARIANTS = ("", ".fp16")


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """Every tensor of a file or of a diffusers folder, on the processor, by its name.

    Names of nested dictionaries are joined by dots. ModelBroken for what is damaged, cut short, or
    holds anything but tensors; ModelNotFound for what is gone.
    """
    if path.is_dir():
        tensors: dict[str, torch.Tensor] = {}
        for file in weight_files(path):
            tensors |= _read_safetensors(file)
        return tensors
    if not path.is_file():
        raise ModelNotFound(f"model {path.name} is no longer at {path}.")
    return _read_pickle(path) if path.suffix.lower() in PICKLES else _read_safetensors(path)


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of one diffusers component, or ModelBroken if there are none."""
    for stem in _STEMS:
        for variant in _VARIANTS:
            whole = folder / f"{stem}{variant}.safetensors"
            if whole.is_file():
                return [whole]
            index = folder / f"{stem}.safetensors.index{variant}.json"
            if index.is_file():
                return _shards(index)
    raise ModelBroken(f"model {folder.name} lacks its file {_STEMS[0]}.safetensors.")


def _shards(index: Path) -> list[Path]:
    listed: Any = read_json(index).get("weight_map")
    names = sorted({str(name) for name in listed.values()}) if isinstance(listed, dict) else []
    # A name comes from a file that anybody may have written, and must not lead out of the folder.
    if not names or any(Path(name).name != name for name in names):
        raise ModelBroken(f"model {index.parent.name} has a damaged {index.name}.")
    return [index.parent / name for name in names]


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    read_header(path)
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise ModelBroken(f"{path.name} is damaged ({error}).") from error


class _Named:
    """Stands for a class that is named in a file, but of which there is nothing in it."""


_HARMLESS: list[Any] = [(_Named, "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint")]
"""What the first published checkpoints name beside their weights: a training's callback."""


def _read_pickle(path: Path) -> dict[str, torch.Tensor]:
    try:
        with safe_globals(_HARMLESS):
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        # A file that anybody may have written makes the reader fail in nearly every way there is.
        log.warning("Reading %s failed.", path, exc_info=True)
        raise ModelBroken(
            f"{path.name} is damaged, or holds more than weights, which could be harmful code."
        ) from error
    if isinstance(stored, Mapping) and isinstance(stored.get("state_dict"), Mapping):
        stored = stored["state_dict"]
    if not isinstance(stored, Mapping):
        raise ModelBroken(f"{path.name} holds no weights.")
    try:
        return dict(_flat(stored))
    except RecursionError as error:
        raise ModelBroken(f"{path.name} is damaged: its weights are nested without end.") from error


def _flat(stored: Mapping[Any, Any], prefix: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    for name, value in stored.items():
        if isinstance(value, torch.Tensor):
            yield f"{prefix}{name}", value
        elif isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
