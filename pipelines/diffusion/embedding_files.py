"""Embeddings from disk, in every layout that is shared: their vectors, and nothing else of a file.

Layouts: one tensor under any name (A1111's `emb_params`, diffusers' token), `clip_l` and `clip_g`
for SDXL's two encoders, A1111's training state with `string_to_param`, and a PNG picture that holds
such a state as JSON in base 64, in a text chunk.
"""

import base64
import hashlib
import io
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import safetensors.torch
import torch
from PIL.PngImagePlugin import PngImageFile
from torch.serialization import safe_globals

from pipelines.catalog.folders import PICKLES
from pipelines.catalog.networks import EMBEDDED, NetworkFile
from pipelines.diffusion.embeddings import CLIP_G, CLIP_L, Embedding
from pipelines.errors import ModelBroken, UserError

log = logging.getLogger(__name__)

MAX_BYTES = 32 * 1024**2
"""Of a file. 75 vectors for SDXL take 600 kB; training states and pictures are somewhat larger."""

MAX_VECTORS = 75
"""As many as there are tokens in a chunk, which an embedding does not leave."""

_TRAINED = "string_to_param"
_TENSOR = "TORCHTENSOR"
"""A1111's name for a tensor, as nested lists, within JSON."""


def read_embedding(file: NetworkFile) -> Embedding:
    """The embedding in a file. ModelBroken in a sentence for one that cannot be used.

    Of Python pickles nothing but tensors is read, and those the catalogue refuses not at all.
    """
    if file.refused:
        raise ModelBroken(file.refused)
    data = _bytes_of(file.path)
    try:
        tensors = _tensors(data, file.path.suffix.lower())
        vectors = {part: _vectors(tensor) for part, tensor in _parts(tensors).items()}
    except (MemoryError, UserError):
        raise
    except Exception as error:
        # A file that anybody may have written makes the readers fail in nearly every way there is.
        log.warning("Reading %s failed.", file.path, exc_info=True)
        raise ModelBroken(
            f"{file.path.name} is damaged, or holds more than an embedding."
        ) from error
    if len({len(one) for one in vectors.values()}) > 1:
        raise ModelBroken(f"{file.path.name} has not as many vectors for the one text encoder.")
    count = len(next(iter(vectors.values())))
    if not 1 <= count <= MAX_VECTORS:
        raise ModelBroken(
            f"{file.path.name} must have between 1 and {MAX_VECTORS} vectors, got {count}."
        )
    return Embedding(name=file.name, sha256=hashlib.sha256(data).hexdigest(), vectors=vectors)


def _bytes_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelBroken(f"{path.name} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise ModelBroken(
            f"{path.name} is no embedding: it is larger than {MAX_BYTES // 1024**2} MB."
        )
    return data


def _tensors(data: bytes, suffix: str) -> Mapping[str, torch.Tensor]:
    """What the file holds, by name; of a training state, its only embedding."""
    if suffix == ".safetensors":
        return safetensors.torch.load(data)
    if suffix in PICKLES:
        with safe_globals([torch.nn.ParameterDict]):  # A1111's training states are of this class
            stored: object = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    else:
        stored = _in_picture(data)
    if not isinstance(stored, Mapping):
        raise ModelBroken("The file holds no tensors by name.")
    held = cast("Mapping[Any, Any]", stored)
    if _TRAINED in held:
        trained = held[_TRAINED]
        held = getattr(trained, "_parameters", trained)
    return {str(name): value for name, value in held.items() if isinstance(value, torch.Tensor)}


def _in_picture(data: bytes) -> object:
    # Opening decodes no pixels: the text comes before them.
    text = PngImageFile(io.BytesIO(data)).info[EMBEDDED]
    stored: object = json.loads(base64.b64decode(text), object_hook=_as_tensor)
    return stored


def _as_tensor(stored: dict[str, Any]) -> object:
    return torch.tensor(stored[_TENSOR], dtype=torch.float32) if _TENSOR in stored else stored


def _parts(tensors: Mapping[str, torch.Tensor]) -> Mapping[str, torch.Tensor]:
    """The vectors by the text encoder they are for."""
    if {CLIP_L, CLIP_G} <= set(tensors):
        return {CLIP_L: tensors[CLIP_L], CLIP_G: tensors[CLIP_G]}
    if "emb_params" in tensors:
        return {CLIP_L: tensors["emb_params"]}
    if len(tensors) != 1:
        raise ModelBroken(f"An embedding is one tensor, or {CLIP_L} and {CLIP_G}.")
    ((name, only),) = tensors.items()
    return {CLIP_G if name == CLIP_G else CLIP_L: only}


def _vectors(tensor: torch.Tensor) -> torch.Tensor:
    """As float32, count x width; a tensor of one dimension is a single vector."""
    rows = tensor.detach()[None] if tensor.ndim == 1 else tensor.detach()
    if rows.ndim != 2 or not rows.is_floating_point() or not rows.shape[1]:
        raise ModelBroken(f"An embedding's tensor has rows of numbers, not {list(tensor.shape)}.")
    vectors = rows.float()
    if not torch.isfinite(vectors).all():
        raise ModelBroken("An embedding's numbers must be finite.")
    return vectors.clone()
