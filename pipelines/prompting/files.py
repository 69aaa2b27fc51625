"""What a prompt may name beside words: LoRAs, embeddings and wildcards, looked up by the plan."""

from dataclasses import dataclass, field

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks, NetworkCatalog
from pipelines.prompting.wildcards import WildcardFolders


@dataclass(frozen=True, kw_only=True)
class PromptFiles:
    """The catalogues of all that prompts name."""

    loras: NetworkCatalog
    embeddings: NetworkCatalog
    wildcards: WildcardFolders = field(default_factory=lambda: WildcardFolders(()))


NO_FILES = PromptFiles(
    loras=FolderNetworks((), Kind.lora), embeddings=FolderNetworks((), Kind.embedding)
)
"""Those of a program without any."""
