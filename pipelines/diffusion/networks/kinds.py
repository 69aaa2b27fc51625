"""The kinds of networks: by which tensors a layer's kind is told, and what its weight gains."""

from collections.abc import Callable
from dataclasses import dataclass

import torch

from pipelines.diffusion.memory import is_out_of_memory
from pipelines.diffusion.networks.low_rank import glora, loha, lokr, lora
from pipelines.diffusion.networks.rotations import oft
from pipelines.diffusion.networks.tensors import Misfit, Tensors, check_size


def ia3(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """W scaled for each output or each input (IA3, arXiv 2205.05638); stored less 1 (LyCORIS)."""
    factors = tensors["weight"].flatten()
    axis = 1 if bool(tensors["on_input"].flatten()[0]) else 0
    if len(factors) != weight.shape[axis]:
        raise Misfit
    shape = [1] * weight.dim()
    shape[axis] = -1
    return weight * factors.reshape(shape)


def full(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """What a whole fine-tuning changed."""
    return tensors["diff"]


def norm(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """What a fine-tuning changed of a norm's scale."""
    return tensors["w_norm"]


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkKind:
    """One kind: the tensors that tell it, and its formula, as those of `low_rank`."""

    marks: frozenset[str]
    gain: Callable[[Tensors, torch.Tensor, int | None], torch.Tensor]


def _kind(
    gain: Callable[[Tensors, torch.Tensor, int | None], torch.Tensor], *marks: str
) -> NetworkKind:
    return NetworkKind(marks=frozenset(marks), gain=gain)


NETWORK_KINDS: tuple[NetworkKind, ...] = (
    _kind(lora, "up", "down"),
    _kind(loha, "hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b"),
    _kind(lokr, "lokr_w1", "lokr_w2"),
    _kind(lokr, "lokr_w1_a", "lokr_w1_b", "lokr_w2"),
    _kind(lokr, "lokr_w1", "lokr_w2_a", "lokr_w2_b"),
    _kind(lokr, "lokr_w1_a", "lokr_w1_b", "lokr_w2_a", "lokr_w2_b"),
    _kind(glora, "a1", "a2", "b1", "b2"),
    _kind(oft, "oft_blocks"),
    _kind(oft, "oft_diag"),
    _kind(ia3, "weight", "on_input"),
    _kind(full, "diff"),
    _kind(norm, "w_norm"),
)

_BIASES = ("diff_b", "b_norm")
_SHORTEST = 1e-12  # a row of zeros has no length to be divided by


def kind_of(tensors: Tensors) -> NetworkKind | None:
    """The kind of a layer's tensors; None for what changes no weight."""
    return next((kind for kind in NETWORK_KINDS if kind.marks <= tensors.keys()), None)


def weight_gain(
    kind: NetworkKind, tensors: Tensors, weight: torch.Tensor, rank: int | None
) -> torch.Tensor:
    """What `weight` gains at strength 1, in its shape; Misfit if it is of another size.

    All float32 and on one device.
    """
    try:
        gained = kind.gain(tensors, weight, rank)
    except (IndexError, RuntimeError, TypeError, ValueError) as error:
        # What torch says of sizes that do not go together is not of one type.
        if is_out_of_memory(error):
            raise
        raise Misfit from error
    check_size(gained.numel(), weight)
    gained = gained.reshape(weight.shape)
    return _decomposed(gained, weight, tensors["dora_scale"]) if "dora_scale" in tensors else gained


def bias_gain(tensors: Tensors) -> torch.Tensor | None:
    """What a layer's bias gains; None for nothing."""
    return next((tensors[name].flatten() for name in _BIASES if name in tensors), None)


def _decomposed(gained: torch.Tensor, weight: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """DoRA (arXiv 2402.09353): the changed weight in the lengths that were learned.

    `lengths` has one for each output, or one for each input in files of older LyCORIS, which its
    shape tells: outputs x 1, or 1 x inputs.
    """
    changed = weight + gained
    by_input = lengths.dim() >= 2 and len(lengths) == 1 and lengths.shape[1] == weight.shape[1]
    across = [axis for axis in range(weight.dim()) if axis != int(by_input)]
    norms = torch.linalg.vector_norm(changed, dim=across, keepdim=True).clamp(min=_SHORTEST)
    if lengths.numel() != norms.numel():
        raise Misfit
    return changed * (lengths.reshape(norms.shape) / norms) - weight
