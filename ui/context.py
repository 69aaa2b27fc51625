"""What every front door is handed: the engine, the catalogue, settings and folders."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.batch.folders import AllowedFolders
from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks
from pipelines.catalog.scan import FolderCatalog
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.control.runner import PreprocessorRunner
from pipelines.downloads import Downloads
from pipelines.engine.engine import Engine
from pipelines.hub.downloads import ModelDownloads
from pipelines.hub.places import ModelPlaces
from pipelines.prompting.files import PromptFiles
from pipelines.prompting.wildcards import WildcardFolders
from pipelines.settings_store import SettingsStore
from pipelines.styles import StyleBook


@dataclass(frozen=True, kw_only=True)
class Context:
    """Built once by app.py and passed in; front doors keep no state of their own.

    `count_tokens` gives the number of CLIP tokens of the longest of some texts for a checkpoint,
    and the multiple of 75 it is padded to; None while the network libraries are still being
    imported. `folders` are those that the page may name; None hides every field that names one
    (--hide-ui-dir-config).
    `loras`, `embeddings` and `wildcards` look up what prompts may name.
    `control` looks up preprocessors and control models; `preprocessors` runs the former, and
    `downloads` fetches their networks, each None where that cannot be done.
    `places` are the folders of models, which `model_downloads` fetches more into; None where nobody
    may. Python pickles are opened, and fetched, only if `allow_pickles`.
    """

    engine: Engine
    catalog: FolderCatalog
    styles: StyleBook
    settings: SettingsStore
    data_dir: Path
    count_tokens: Callable[[Collection[str], Checkpoint], tuple[int, int] | None]
    version: str
    folders: AllowedFolders | None = field(default_factory=AllowedFolders)
    loras: FolderNetworks = field(default_factory=lambda: FolderNetworks((), Kind.lora))
    embeddings: FolderNetworks = field(default_factory=lambda: FolderNetworks((), Kind.embedding))
    wildcards: WildcardFolders = field(default_factory=lambda: WildcardFolders(()))
    control: ControlMenus = NO_CONTROL
    preprocessors: PreprocessorRunner | None = None
    downloads: Downloads | None = None
    places: ModelPlaces = field(default_factory=ModelPlaces)
    model_downloads: ModelDownloads | None = None
    allow_pickles: bool = False

    def renew(self, kind: Kind) -> None:
        """Look for models of this kind again."""
        match kind:
            case Kind.checkpoint | Kind.vae:
                self.catalog.refresh()
            case Kind.controlnet:
                self.control.refresh()
            case Kind.lora:
                self.loras.refresh()
            case Kind.embedding:
                self.embeddings.refresh()
            case _:
                pass  # nothing lists them yet

    @property
    def prompt_files(self) -> PromptFiles:
        """What prompts may name."""
        return PromptFiles(loras=self.loras, embeddings=self.embeddings, wildcards=self.wildcards)

    @property
    def outputs(self) -> Path:
        """The one folder whose files the page may serve."""
        return self.data_dir / "outputs"
