"""Where models of each kind lie on this machine, and which are there."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.catalog.families import ModelFamily, family_of_name
from pipelines.catalog.folders import PLACES, Kind
from pipelines.catalog.hashes import legacy_hash, total_size, weight_files
from pipelines.catalog.models import find_models
from pipelines.catalog.networks import SHORT, NetworkCatalog
from pipelines.catalog.scan import FolderCatalog


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPlaces:
    """The folders that are searched for models.

    `folders` has, for each kind that can be downloaded, those that are searched; new models go into
    the first. `named`: the page may say where they lie on this machine.
    """

    folders: Mapping[Kind, Sequence[Path]] = field(default_factory=dict[Kind, Sequence[Path]])
    named: bool = False

    @property
    def targets(self) -> Mapping[Kind, Path]:
        """Where new models go."""
        return {kind: folders[0] for kind, folders in self.folders.items() if folders}

    def describe(self, kind: Kind) -> str:
        """Where new models of this kind go, as the page may say it."""
        if self.named and kind in self.targets:
            return str(self.targets[kind])
        return f"models/{PLACES[kind].folders[0]}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Installed:
    """One model that is there. `size` is in bytes; `family` and `hash` are "" where not known."""

    kind: Kind
    name: str
    size: int
    family: str = ""
    hash: str = ""


def installed(
    places: ModelPlaces,
    checkpoints: FolderCatalog,
    loras: NetworkCatalog,
    embeddings: NetworkCatalog,
) -> Iterator[Installed]:
    """Every model there is, kind by kind; nothing is read that was not read before but sizes."""
    for checkpoint in checkpoints.checkpoints():
        yield Installed(
            kind=Kind.checkpoint,
            name=checkpoint.name,
            size=_size(checkpoint.path),
            family=_family(checkpoint.family),
            hash=checkpoint.short_hash,
        )
    for kind, networks in ((Kind.lora, loras), (Kind.embedding, embeddings)):
        for network in networks.files():
            yield Installed(
                kind=kind,
                name=network.name,
                size=_size(network.path),
                family=network.base,
                hash=network.digest[:SHORT],
            )
    for kind in (Kind.vae, Kind.controlnet, Kind.upscaler):
        for model in find_models(kind, places.folders.get(kind, ())):
            is_control = kind is Kind.controlnet
            yield Installed(
                kind=kind,
                name=model.name,
                size=_size(model.path),
                family=_family(family_of_name(model.name)) if is_control else "",
                hash=_legacy_hash(model.path) if is_control else "",
            )


def _family(family: ModelFamily) -> str:
    return "" if family is ModelFamily.unknown else family.value


def _size(path: Path) -> int:
    with suppress(OSError):  # deleted since it was listed
        return total_size(path)
    return 0


def _legacy_hash(path: Path) -> str:
    """The eight digits that the menu of ControlNets shows."""
    with suppress(OSError, IndexError):  # as above, or a folder without weights
        return legacy_hash(weight_files(path)[0])
    return ""
