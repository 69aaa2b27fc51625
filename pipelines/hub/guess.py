"""What kind of model something on the hub is, and of which family, before it was fetched."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from pipelines.catalog.families import ModelFamily
from pipelines.catalog.folders import Kind
from pipelines.catalog.kinds import tell_checkpoint
from pipelines.catalog.network_headers import METADATA, metadata_of, tell
from pipelines.errors import ModelBroken
from pipelines.hub.client import Repository
from pipelines.hub.entries import Entry, Group


@dataclass(frozen=True, kw_only=True, slots=True)
class Guess:
    """What an entry seems to be.

    `family` is "" where nothing tells. `remark` is a sentence on why it will not work as that, "".
    """

    kind: Kind
    family: str = ""
    remark: str = ""


def _begins(*prefixes: str) -> Callable[[str], bool]:
    return lambda name: name.startswith(prefixes)


def _holds(*parts: str) -> Callable[[str], bool]:
    return lambda name: any(part in name for part in parts)


_TENSORS: tuple[tuple[Kind, Callable[[str], bool]], ...] = (
    (
        Kind.controlnet,
        _begins(
            "control_model.",
            "controlnet_",
            "input_hint_block.",
            "lora_controlnet",
            "adapter.body.",
            "body.0.block1.",
            "body.0.resnets.",
            "ip_adapter.",
            "image_proj.",
        ),
    ),
    (
        Kind.lora,
        _holds("lora_unet_", "lora_te", "lora_down", ".lora_A.", ".lora.down", ".hada_", ".lokr_"),
    ),
    (Kind.checkpoint, _begins("model.diffusion_model.")),
    (Kind.vae, _begins("first_stage_model.", "encoder.conv_in.", "decoder.conv_in.")),
    (
        Kind.upscaler,
        _begins("conv_first.", "model.0.weight", "model.1.sub.", "body.0.rdb1.", "params_ema"),
    ),
    (Kind.embedding, _begins("emb_params", "clip_l", "clip_g", "string_to_param")),
)
"""Kinds by the names of their tensors; the first that any tensor fits counts."""

_WORDS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    (Kind.controlnet, ("controlnet", "control_", "t2i-adapter", "t2iadapter", "ip-adapter")),
    (Kind.lora, ("lora", "lycoris", "locon")),
    (Kind.embedding, ("textual_inversion", "textual-inversion", "embedding")),
    (Kind.upscaler, ("esrgan", "upscal", "swinir", "realesr", "super-resolution")),
    (Kind.vae, ("vae", "autoencoderkl")),
)
"""Kinds by words in a file's path, and if that says nothing, in the repository's tags and name."""

_LARGEST_EMBEDDING, _LARGEST_LORA = 2 << 20, 1 << 30
"""Bytes, where nothing but the size is known."""


def guess(entry: Entry, repository: Repository, header: Mapping[str, Any] | None) -> Guess:
    """What `entry` is; `header` is that of its safetensors file, None where there is none."""
    if entry.group is Group.folder:
        return Guess(kind=Kind.checkpoint)
    names = [name for name in header or () if name != METADATA]
    kind = _by_tensors(names) or _by_words(entry, repository) or _by_size(entry.size)
    if header is None:
        return Guess(kind=kind)
    if kind is Kind.checkpoint:
        return _checkpoint(entry, header)
    told = tell(header) if kind in (Kind.lora, Kind.embedding) else None
    return Guess(kind=kind, family=told.base if told else "")


def _by_tensors(names: list[str]) -> Kind | None:
    for kind, fits in _TENSORS:
        if any(fits(name) for name in names):
            return kind
    # An embedding of diffusers: one tensor, called as the word.
    return Kind.embedding if len(names) == 1 and "." not in names[0] else None


def _by_words(entry: Entry, repository: Repository) -> Kind | None:
    for text in (entry.key.lower(), " ".join((*repository.tags, repository.name)).lower()):
        for kind, words in _WORDS:
            if any(word in text for word in words):
                return kind
    return None


def _by_size(size: int) -> Kind:
    if size <= _LARGEST_EMBEDDING:
        return Kind.embedding
    return Kind.lora if size <= _LARGEST_LORA else Kind.checkpoint


def _checkpoint(entry: Entry, header: Mapping[str, Any]) -> Guess:
    shapes = {name: _shape(told) for name, told in header.items() if name != METADATA}
    try:
        told = tell_checkpoint(shapes, entry.target, metadata_of(header))
    except ModelBroken as error:
        return Guess(kind=Kind.checkpoint, remark=str(error))
    family = "" if told.family is ModelFamily.unknown else told.family.value
    return Guess(kind=Kind.checkpoint, family=family)


def _shape(tensor: object) -> tuple[int, ...]:
    told = cast("dict[str, object]", tensor) if isinstance(tensor, dict) else {}
    shape = told.get("shape")
    numbers = cast("list[object]", shape) if isinstance(shape, list) else []
    return tuple(number for number in numbers if isinstance(number, int))
