"""Where the networks of preprocessors lie on this machine, and which of them are loaded."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import cast

from pipelines.catalog.folders import PLACES, Kind
from pipelines.errors import MissingWeights
from pipelines.plugins import Network, Weights

PLACE = PLACES[Kind.preprocessor].folders[0]

KEPT_NETWORKS = 2
"""How many networks stay loaded: enough for two units with different preprocessors."""


class WeightStore:
    """Finds files of weights: in the models folders first, then in Hugging Face's cache.

    `folders` are those of `folders_for(Kind.preprocessor, …)`, the first wins. `fetch` downloads
    what is missing, and is only given if the user allowed that beforehand.
    """

    def __init__(
        self, folders: Sequence[Path], *, fetch: Callable[[Weights], None] | None = None
    ) -> None:
        self._folders = tuple(folders)
        self._fetch = fetch

    def find(self, weights: Weights) -> Path | None:
        """The folder that holds all these files, or None.

        In each of `folders` that is the sub-folder of the weights' own name, files by their path in
        the repository or side by side; else any sub-folder, or the folder itself, with all of them
        side by side, as A1111 keeps its annotators.
        """
        for folder in self._folders:
            for place in _places(folder, weights):
                if all(file_in(place, file) for file in weights.files):
                    return place
        return _cached(weights)

    def folder_of(self, weights: Weights) -> Path:
        """As `Tools.folder_of` says; downloads the files first if that is allowed."""
        found = self.find(weights)
        if found is None and self._fetch is not None:
            self._fetch(weights)
            found = self.find(weights)
        if found is None:
            raise MissingWeights(missing(weights), weights)
        return found


def missing(weights: Weights) -> str:
    """The sentence for weights that are not there: which files, whose, where to put them."""
    files = " and ".join(weights.files)
    return (
        f"This preprocessor needs {files} from https://huggingface.co/{weights.repository}; "
        f"let Redraw download it, or put it into models/{PLACE}/{weights.name}."
    )


def file_in(folder: Path, file: str) -> Path | None:
    """A file of weights in a folder that has it: by its path in the repository, or by its name."""
    for candidate in (folder / file, folder / PurePosixPath(file).name):
        if candidate.is_file():
            return candidate
    return None


def _places(folder: Path, weights: Weights) -> list[Path]:
    if not folder.is_dir():
        return []
    others = sorted(
        entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    # A file called config.json may be anybody's; only a name of its own tells whose it is.
    shared = any(PurePosixPath(file).name == "config.json" for file in weights.files)
    return [folder / weights.name, *([] if shared else [*others, folder])]


def _cached(weights: Weights) -> Path | None:
    # Imported here: it takes a third of a second.
    from huggingface_hub import try_to_load_from_cache

    folders: set[Path] = set()
    for file in weights.files:
        path = try_to_load_from_cache(weights.repository, file, revision=weights.revision)
        if not isinstance(path, str):
            return None
        folders.add(Path(path).parents[len(PurePosixPath(file).parts) - 1])
    return folders.pop() if len(folders) == 1 else None


class DetectorTools:
    """`pipelines.plugins.Tools` for the running program.

    `device` tells where networks run, once torch and torchvision can be imported. Networks are kept
    loaded, the last `KEPT_NETWORKS` of them, until `release`.
    """

    def __init__(self, store: WeightStore, device: Callable[[], str]) -> None:
        self._store = store
        self._device = device
        self._kept: OrderedDict[str, object] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def device(self) -> str:
        """As torch names it."""
        return self._device()

    def folder_of(self, weights: Weights) -> Path:
        """See `WeightStore.folder_of`."""
        return self._store.folder_of(weights)

    def network(self, name: str, load: Callable[[], Network]) -> Network:
        """The network of this name, loaded now if it is not among the kept.

        One is loaded at a time; who else asks meanwhile waits.
        """
        with self._lock:
            if name not in self._kept:
                while len(self._kept) >= KEPT_NETWORKS:  # before another one takes memory
                    self._kept.popitem(last=False)
                self._kept[name] = load()
            self._kept.move_to_end(name)
            return cast(Network, self._kept[name])

    def release(self) -> None:
        """Forget all kept networks, so that their memory is free."""
        with self._lock:
            self._kept.clear()
