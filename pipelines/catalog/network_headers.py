"""What LoRAs and embeddings say about themselves in their headers, remembered on disk."""

import hashlib
import json
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any, cast

from pipelines.catalog.headers import read_header
from pipelines.errors import ModelBroken
from pipelines.files import write_atomically

log = logging.getLogger(__name__)

SD1, SD2, SDXL = "SD 1", "SD 2", "SDXL"
"""What the cards call the families."""

METADATA = "__metadata__"

_BLOCK = 1 << 20
_LONGEST = 200  # characters of a name in a header that are believed
_DIGEST = re.compile("[0-9a-f]{64}")
_WIDTHS: Mapping[int, str] = {768: SD1, 1024: SD2, 2048: SDXL}
"""Numbers per token that a family's text encoders give its UNet."""
_TEXT_INPUTS = ("attn2_to_k", "attn2_to_v", "attn2.to_k", "attn2.to_v")
"""Layers of a UNet that take a text, in kohya's and diffusers' names."""
_SIDES = ("lora_down", "lora_A", "lora.down", "hada_w1_b", "hada_w2_b", "lokr_w2_b", ".diff")
"""Tensors of a network whose last dimension is the input of the layer it changes."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a header tells; "" where it is silent.

    `alias` is the name given at training, `base` the family's as the cards have it, and `digest`
    the 64 hex digits that the header states for the weights.
    """

    alias: str = ""
    base: str = ""
    digest: str = ""


def metadata_of(header: Mapping[str, Any]) -> Mapping[str, str]:
    """A header's own entries, those that are text."""
    stated: object = header.get(METADATA)
    if not isinstance(stated, dict):
        return {}
    entries = cast("dict[str, object]", stated).items()
    return {name: value for name, value in entries if isinstance(value, str)}


def tell(header: Mapping[str, Any]) -> Told:
    """Name, family and hash of a LoRA or embedding, from its header."""
    stated = metadata_of(header)
    return Told(
        alias=_short(stated.get("ss_output_name", "")),
        base=_stated_base(stated) or _base_by_tensors(header),
        digest=digest if _DIGEST.fullmatch(digest := stated.get("sshs_model_hash", "")) else "",
    )


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST and text.isprintable() else ""


def _stated_base(stated: Mapping[str, str]) -> str:
    """The family that the metadata of the usual training programs names, or ""."""
    version = stated.get("ss_base_model_version", "").lower()
    architecture = stated.get("modelspec.architecture", "").lower()
    if version.startswith("sdxl") or architecture.startswith("stable-diffusion-xl"):
        return SDXL
    if (
        stated.get("ss_v2") == "True"
        or version.startswith("sd_v2")
        or architecture.startswith("stable-diffusion-v2")
    ):
        return SD2
    if version.startswith("sd_") or architecture.startswith("stable-diffusion-v1"):
        return SD1
    return ""


def _base_by_tensors(header: Mapping[str, Any]) -> str:
    """The family by the width of the texts that the tensors are made for, or ""."""
    names = [name for name in header if name != METADATA]
    if {"clip_l", "clip_g"} <= set(names):  # an embedding for both of SDXL's text encoders
        return SDXL
    if any(name.startswith(("lora_te2_", "text_encoder_2.")) for name in names):
        return SDXL
    for name in names:
        takes_text = any(part in name for part in _TEXT_INPUTS)
        if takes_text and any(side in name for side in _SIDES):
            return _WIDTHS.get(_width(header[name]), "")
    if len(names) == 1 and "." not in names[0]:  # the vectors of an embedding
        return _WIDTHS.get(_width(header[names[0]]), "")
    return ""


def _shape(tensor: object) -> list[int]:
    shape: object = cast("dict[str, object]", tensor).get("shape")
    numbers = cast("list[object]", shape) if isinstance(shape, list) else []
    return [number for number in numbers if isinstance(number, int)]


def _width(tensor: object) -> int:
    """Inputs of a layer: the second dimension, which those of convolutions have before others."""
    shape = _shape(tensor)
    return shape[1] if len(shape) >= 2 else 0


def weights_sha256(path: Path) -> str:
    """64 hex digits of what stands behind a safetensors header, or of a whole file of another kind.

    The former is the hash that sd-webui-additional-networks began and A1111 writes for LoRAs: it
    stays when the metadata change. OSError when the file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        if path.suffix.lower() == ".safetensors":
            file.seek(8 + int.from_bytes(file.read(8), "little"))
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


class HeaderCache:
    """What headers told, by path, size and time of change, in one JSON file.

    Used by one thread at a time. A cache that cannot be read or written costs time, never an error;
    without a `path` it lasts as long as the program.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._known = _load(path) if path else {}
        self._seen: dict[str, list[Any]] = {}

    def told(self, path: Path, status: os.stat_result) -> Told:
        """What the header at `path` tells, which a broken or unreadable one does not."""
        key, state = str(path), [status.st_size, status.st_mtime_ns]
        entry: list[Any] | None = self._known.get(key)
        if entry is None or entry[:2] != state:
            entry = [*state, *astuple(_read(path))]
        self._seen[key] = entry
        alias, base, digest = entry[2:]
        return Told(alias, base, digest)

    def keep(self) -> None:
        """Write what was asked for since the last time, unless it stands there already."""
        if self._seen != self._known and self._path is not None:
            text = json.dumps(self._seen, ensure_ascii=False, separators=(",", ":"))
            try:
                write_atomically(self._path, text.encode(errors="surrogatepass"))
            except OSError as error:
                log.warning("What is known of networks is not kept: %s.", error.strerror)
        self._known, self._seen = self._seen, {}


def _read(path: Path) -> Told:
    if path.suffix.lower() != ".safetensors":
        return Told()
    try:
        return tell(read_header(path))
    except ModelBroken:  # refused with the reason when somebody wants to use it
        return Told()


def _load(path: Path) -> dict[str, list[Any]]:
    try:
        stored: object = json.loads(path.read_bytes().decode(errors="surrogatepass"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        log.warning("What was known of networks in %s cannot be read: %s", path, error)
        return {}
    entries = cast("dict[str, Any]", stored) if isinstance(stored, dict) else {}
    return {name: entry for name, entry in entries.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    values = cast("list[object]", entry) if isinstance(entry, list) else []
    kinds = (int, int, str, str, str)
    return len(values) == len(kinds) and all(
        isinstance(value, kind) for value, kind in zip(values, kinds, strict=True)
    )
