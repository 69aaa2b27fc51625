"""What a prompt may name beside words: the files of LoRAs and embeddings, looked up by the plan."""

from dataclasses import dataclass

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks, NetworkCatalog


@dataclass(frozen=True, kw_only=True)
class PromptFiles:
    """The catalogues of all that prompts name."""

    loras: NetworkCatalog
    embeddings: NetworkCatalog


NO_FILES = PromptFiles(
    loras=FolderNetworks((), Kind.lora), embeddings=FolderNetworks((), Kind.embedding)
)
"""Those of a program without any."""
