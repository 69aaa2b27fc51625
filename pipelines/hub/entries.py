"""What of a repository can be downloaded: whole models in diffusers' layout, and single files."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from pipelines.catalog.folders import PICKLES, PIPELINE_INDEX
from pipelines.hub.client import Repository, StoredFile
from pipelines.hub.names import is_safe_name

SAFETENSORS = ".safetensors"


class Group(Enum):
    """Under which heading an entry is listed."""

    folder = "Whole models as diffusers folders"
    safetensors = "Safetensors files"
    pickle = "Python pickles"


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One thing to download.

    `key` tells it from the other entries of its repository, `title` is what is shown. `target` is
    the name it gets in its folder, itself one if `group` says so, below which the files keep their
    paths. `refusal` is a sentence on why it cannot be had, "" if it can.
    """

    key: str
    title: str
    group: Group
    target: str
    files: tuple[StoredFile, ...]
    refusal: str = ""

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(file.size for file in self.files)


_NETWORK_PARTS = ("unet", "vae", "text_encoder", "text_encoder_2")
_OTHER_PARTS = ("tokenizer", "tokenizer_2", "scheduler")
_PARTS = (*_NETWORK_PARTS, *_OTHER_PARTS)
"""Folders of a pipeline that img2img needs; of the others, nothing is fetched."""

_UNUSED_PARTS = ("safety_checker", "feature_extractor", "image_encoder")
_STEMS = ("diffusion_pytorch_model", "model")
_SMALL_SUFFIXES = (".json", ".txt")
_HALF = ".fp16"
"""What half precision has in its file names."""

_SHARD = re.compile(r"-\d{5}-of-\d{5}$")

_NAMELESS = frozenset(
    {
        "adapter_model",
        "diffusion_pytorch_model",
        "learned_embeds",
        "model",
        "pytorch_lora_weights",
        "pytorch_model",
        "weights",
    }
)
"""Stems by which programs save everything: the file is named for its repository instead."""


def entries_of(repository: Repository, *, allow_pickles: bool = False) -> tuple[Entry, ...]:
    """What can be downloaded of a repository, group by group, in the order of the paths.

    Pickles are listed and refused unless `allow_pickles`; other files are not listed.
    """
    by_path = {file.path: file for file in repository.files}
    entries = [*_pipelines(repository, by_path)]
    parts = (*_PARTS, *_UNUSED_PARTS) if PIPELINE_INDEX in by_path else ()
    for path in sorted(by_path, key=str.casefold):
        if path.partition("/")[0] not in parts or "/" not in path:
            entries += _single(repository, by_path[path], allow_pickles=allow_pickles)
    order = list(Group)
    return tuple(sorted(entries, key=lambda entry: order.index(entry.group)))


def _single(repository: Repository, file: StoredFile, *, allow_pickles: bool) -> Iterator[Entry]:
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix != SAFETENSORS and suffix not in PICKLES:
        return
    target = _target(repository.name, file.path)
    refusal = ""
    if suffix in PICKLES and not allow_pickles:
        refusal = (
            f"{file.path} is a Python pickle, which can run code when it is opened; only "
            "safetensors files are fetched, unless the program runs with --allow-pickle."
        )
    elif _SHARD.search(PurePosixPath(file.path).stem):
        refusal = f"{file.path} is a part of a larger model; a single file must hold all of it."
    elif not file.digest:
        refusal = f"{file.path} cannot be checked: the hub does not say its hash."
    elif not is_safe_name(target):
        refusal = f"{file.path} has a name that is no good for a file here."
    yield Entry(
        key=file.path,
        title=file.path,
        group=Group.safetensors if suffix == SAFETENSORS else Group.pickle,
        target=target,
        files=(file,),
        refusal=refusal,
    )


def _target(repository: str, path: str) -> str:
    """The file's own name, or one made of repository and folder for a file that has none."""
    own = PurePosixPath(path)
    stem = own.stem.removesuffix(_HALF)
    if stem not in _NAMELESS:
        return own.name
    folders = [part for part in own.parts[:-1] if part not in _PARTS]
    return "-".join([repository.rpartition("/")[2], *folders]) + own.suffix.lower()


def _pipelines(repository: Repository, by_path: Mapping[str, StoredFile]) -> Iterator[Entry]:
    """The diffusers pipeline at the top of a repository; in half precision, too, if it has both."""
    index = by_path.get(PIPELINE_INDEX)
    if index is None:
        return
    present = [part for part in _PARTS if any(path.startswith(f"{part}/") for path in by_path)]
    full = _pipeline_files(by_path, present, ("", _HALF))
    half = _pipeline_files(by_path, present, (_HALF, ""))
    for key, title, chosen in (
        (PIPELINE_INDEX, "diffusers folder", full),
        (f"{PIPELINE_INDEX}{_HALF}", "diffusers folder, half precision (fp16)", half),
    ):
        if chosen is half and half == full:
            continue
        files = (index, *(file for found in chosen.values() for file in found))
        yield Entry(
            key=key,
            title=title,
            group=Group.folder,
            target=repository.name.rpartition("/")[2],
            files=files,
            refusal=_pipeline_refusal(repository, chosen, files),
        )


def _pipeline_files(
    by_path: Mapping[str, StoredFile], parts: list[str], variants: tuple[str, ...]
) -> dict[str, list[StoredFile]]:
    """The files of each part: its small ones, and its weights in the first variant there is."""
    chosen: dict[str, list[StoredFile]] = {}
    for part in parts:
        within = {
            path.removeprefix(f"{part}/"): file
            for path, file in by_path.items()
            if path.startswith(f"{part}/") and path.count("/") == 1
        }
        small = [
            file
            for name, file in within.items()
            if name.endswith(_SMALL_SUFFIXES) and ".index." not in name
        ]
        weights = _weights(within, variants) if part in _NETWORK_PARTS else []
        chosen[part] = small + weights
    return chosen


def _weights(within: Mapping[str, StoredFile], variants: tuple[str, ...]) -> list[StoredFile]:
    for variant in variants:
        for stem in _STEMS:
            whole = within.get(f"{stem}{variant}{SAFETENSORS}")
            if whole is not None:
                return [whole]
            index = within.get(f"{stem}{SAFETENSORS}.index{variant}.json")
            shards = re.compile(re.escape(f"{stem}{variant}") + r"-\d{5}-of-\d{5}\.safetensors")
            found = [file for name, file in within.items() if shards.fullmatch(name)]
            if index is not None and found:
                return [index, *found]
    return []


def _pipeline_refusal(
    repository: Repository, chosen: Mapping[str, list[StoredFile]], files: tuple[StoredFile, ...]
) -> str:
    name = repository.name
    if "unet" not in chosen:
        return f"{name} has no UNet; only Stable Diffusion models can be used."
    for part in _NETWORK_PARTS:
        found = chosen.get(part)
        if found is not None and not any(file.path.endswith(SAFETENSORS) for file in found):
            return f"{name} has no safetensors weights in its folder {part!r}."
    unknown = next((file.path for file in files if not file.digest), "")
    return f"{unknown} cannot be checked: the hub does not say its hash." if unknown else ""
