"""A LoRA's file, read: which tensors it has for which layer, under one name for each."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from pipelines.catalog.folders import PICKLES
from pipelines.catalog.headers import read_header, read_json
from pipelines.diffusion.control.files import read_tensors
from pipelines.diffusion.networks.kinds import bias_gain, kind_of
from pipelines.diffusion.networks.tensors import Tensors
from pipelines.errors import ModelBroken

_ENDINGS: tuple[tuple[str, str], ...] = (
    (".lora_up.weight", "up"),
    (".lora_down.weight", "down"),
    (".lora_mid.weight", "mid"),
    (".lora_B.weight", "up"),
    (".lora_A.weight", "down"),
    (".lora_B.default.weight", "up"),
    (".lora_A.default.weight", "down"),
    (".lora_linear_layer.up.weight", "up"),
    (".lora_linear_layer.down.weight", "down"),
    (".lora.up.weight", "up"),
    (".lora.down.weight", "down"),
    ("_lora.up.weight", "up"),
    ("_lora.down.weight", "down"),
    (".lora_magnitude_vector.default.weight", "dora_scale"),
    (".lora_magnitude_vector.weight", "dora_scale"),
    (".lora_magnitude_vector", "dora_scale"),
    *(
        (f".{name}.weight", name)
        for name in ("a1", "a2", "b1", "b2")  # GLoRA
    ),
    *(
        (f".{name}", name)
        for name in (
            *("alpha", "scale", "dora_scale"),
            *("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b", "hada_t1", "hada_t2"),
            *("lokr_w1", "lokr_w1_a", "lokr_w1_b"),
            *("lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2"),
            *("oft_blocks", "oft_diag", "rescale"),
            *("diff", "diff_b", "w_norm", "b_norm", "on_input"),
        )
    ),
    (".weight", "weight"),  # IA3; last, since others end with it
)
"""How the names of a file's tensors end, and what they are called here."""

_EMBEDDING = "bundle_emb."
_PEFT_FILE, _PEFT_CONFIG = "adapter_model", "adapter_config.json"
_PEFT_METADATA = "lora_adapter_metadata"


@dataclass(frozen=True, kw_only=True)
class NetworkWeights:
    """What a file holds: tensors by layer, as the file names it, and names that mean nothing.

    Each layer's tensors are of some kind, or change its bias.

    `bundles` says that there are embeddings in it, too.
    """

    layers: Mapping[str, Tensors]
    unknown: tuple[str, ...]
    bundles: bool = False


def read_network(path: Path) -> NetworkWeights:
    """Read a LoRA of any kind; ModelBroken or ModelNotFound as `read_tensors`, and if it is none.

    PEFT keeps the scale beside the tensors, in the header or in a file: it becomes an "alpha".
    """
    stored = read_tensors(path)
    layers: dict[str, dict[str, torch.Tensor]] = {}
    unknown: list[str] = []
    bundles = False
    for name, tensor in stored.items():
        found = _split(name)
        if name.startswith(_EMBEDDING):
            bundles = True
        elif found is None:
            unknown.append(name)
        else:
            layer, what = found
            layers.setdefault(layer, {})[what] = tensor
    useless = [
        layer
        for layer, tensors in layers.items()
        if kind_of(tensors) is None and bias_gain(tensors) is None
    ]
    for layer in useless:
        del layers[layer]
    if not layers:
        raise ModelBroken(f"{path.name} holds no LoRA, nor anything of its kind.")
    alphas = _stated_alphas(path)
    for layer, tensors in layers.items():
        alpha = next((alphas[start] for start in alphas if layer.startswith(start)), None)
        if alpha is not None and "up" in tensors:
            tensors.setdefault("alpha", torch.tensor(alpha))
    return NetworkWeights(layers=layers, unknown=(*unknown, *useless), bundles=bundles)


def _split(name: str) -> tuple[str, str] | None:
    for ending, what in _ENDINGS:
        if name.endswith(ending) and len(name) > len(ending):
            return name.removesuffix(ending), what
    return None


def _stated_alphas(path: Path) -> Mapping[str, float]:
    """PEFT's alphas by how the names of layers begin; empty where nothing states any."""
    if path.suffix.lower() in PICKLES:
        return {}
    beside = path.with_name(_PEFT_CONFIG)
    if path.stem == _PEFT_FILE and beside.is_file():
        return _alpha_in(read_json(beside), "")
    metadata = read_header(path).get("__metadata__")
    stated = metadata.get(_PEFT_METADATA) if isinstance(metadata, dict) else None
    if not isinstance(stated, str):
        return {}
    try:
        config: Any = json.loads(stated)
    except (ValueError, RecursionError) as error:
        raise ModelBroken(f"{path.name} has a damaged {_PEFT_METADATA} in its header.") from error
    if not isinstance(config, dict):
        return {}
    return {
        f"{part}.": alpha
        for part in ("unet", "text_encoder_2", "text_encoder")
        for alpha in _alpha_in(config, f"{part}.").values()
    }


def _alpha_in(config: Mapping[str, Any], prefix: str) -> Mapping[str, float]:
    """A configuration of PEFT's as its alpha for all layers, {"": alpha}; empty if it has none.

    With rank-stabilised scaling, a LoRA is scaled by alpha / sqrt(rank) rather than alpha / rank.
    """
    alpha, rank = config.get(f"{prefix}lora_alpha"), config.get(f"{prefix}r")
    if not isinstance(alpha, int | float):
        return {}
    if config.get(f"{prefix}use_rslora") is True and isinstance(rank, int) and rank > 0:
        return {"": float(alpha) * math.sqrt(rank)}
    return {"": float(alpha)}
