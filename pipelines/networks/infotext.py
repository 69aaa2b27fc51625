"""What A1111's parameter text says of LoRAs."""

from collections.abc import Mapping

from pipelines.networks.planned import PlannedNetworks

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


def _plain(name: str) -> str:
    return name.replace(":", "").replace(",", "")
