"""What A1111's parameter text says of LoRAs, and how it is understood on another machine."""

from collections.abc import Mapping

from pipelines.catalog.networks import SHORT, NetworkCatalog
from pipelines.networks.planned import PlannedNetworks
from pipelines.networks.tokens import LORA_KINDS
from pipelines.prompting.reading import take_networks

LORA_HASHES = "Lora hashes"
NOT_FOUND = "Lora not found"  # ours: A1111 says it on the page alone


def lora_fields(networks: PlannedNetworks) -> Mapping[str, str]:
    """`Lora hashes` as "name: hash, name: hash", and the names that were not found.

    Colons and commas within a name would be read as the end of it, so that they are left out.
    """
    hashes = {_plain(lora.mentioned): lora.short_hash for lora in networks.loras if lora.short_hash}
    listed = ", ".join(f"{name}: {short_hash}" for name, short_hash in hashes.items())
    missing = ", ".join(_plain(name) for name in networks.missing)
    fields = {LORA_HASHES: listed, NOT_FOUND: missing}
    return {name: value for name, value in fields.items() if value}


def with_local_names(prompt: str, hashes: str, catalog: NetworkCatalog) -> str:
    """`prompt` with its LoRAs called as they are here, told by their hashes as in A1111.

    `hashes` are the text of `Lora hashes`. Files are known by what their headers state; those that
    state nothing keep the name that the prompt has.
    """
    entries = (entry.rpartition(":") for entry in hashes.split(","))
    stated = {name.strip(): short_hash.strip() for name, colon, short_hash in entries if colon}
    if not stated:
        return prompt
    files = {file.digest[:SHORT]: file for file in catalog.files() if file.digest}
    _, tokens = take_networks(prompt)
    for token in dict.fromkeys(tokens):
        name, *rest = token.arguments
        file = files.get(stated.get(_plain(name), ""))
        if token.kind.lower() in LORA_KINDS and file is not None and file != catalog.find(name):
            here = f"<{':'.join((token.kind, file.name, *rest))}>"
            prompt = prompt.replace(token.written, here)
    return prompt


def _plain(name: str) -> str:
    return name.replace(":", "").replace(",", "")
