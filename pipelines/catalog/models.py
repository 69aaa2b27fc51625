"""Models of every other kind than checkpoints, such as ControlNets: found, but not opened."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.catalog.checkpoints import Layout
from pipelines.catalog.folders import PLACES, Kind
from pipelines.catalog.walk import walk


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFile:
    """One model that can be chosen; `name` is its path below its folder, without extension."""

    name: str
    path: Path
    layout: Layout


def find_models(kind: Kind, folders: Sequence[Path]) -> tuple[ModelFile, ...]:
    """What there is of `kind`, folder by folder (see `folders_for`), sorted by name within each.

    Only ControlNets have a folder layout here: config.json and diffusion_pytorch_model.safetensors.
    Of several models with one name the first alone is listed.
    """
    found: dict[str, ModelFile] = {}
    for folder in folders:
        for path in walk(folder, PLACES[kind]):
            model = describe(folder, path)
            if path.exists():  # and is no link that leads nowhere
                found.setdefault(model.name, model)
    return tuple(found.values())


def describe(folder: Path, path: Path) -> ModelFile:
    """The model at `path`, which was found below `folder`."""
    name = path.relative_to(folder).as_posix() if path != folder else path.name
    if path.is_dir():
        return ModelFile(name=name, path=path, layout=Layout.folder)
    return ModelFile(name=name.removesuffix(path.suffix), path=path, layout=Layout.file)
