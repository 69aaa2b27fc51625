"""Networks that add a product of small matrices to a weight: LoRA, LoHa, LoKr and GLoRA.

Each formula is given the tensors of one layer (float32, on the weight's device) and its weight
(float32; a linear layer's outputs x inputs, or a convolution's with height and width after them),
and returns what the weight gains at strength 1, as many numbers in the same order. `rank` keeps the
first ranks of a LoRA alone. Misfit tells tensors that are for a layer of another size.
"""

import torch

from pipelines.diffusion.networks.tensors import Misfit, Tensors, check_size, scale_of


def lora(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """B A (LoRA, arXiv 2106.09685), of convolutions too (LyCORIS' LoCon, arXiv 2309.14859).

    With "mid" the layer is three convolutions: one pixel, the kernel, one pixel. Where `rank` cuts
    ranks off, the scale stays that of all, as in A1111.
    """
    up, down = tensors["up"].flatten(1), tensors["down"].flatten(1)
    scale = scale_of(tensors, len(down))
    if "mid" in tensors:
        mid = tensors["mid"]
        check_size(len(up) * down.shape[1] * mid[0, 0].numel(), weight)
        return scale * torch.einsum("or, rs..., si -> oi...", up, mid, down)
    check_size(len(up) * down.shape[1], weight)
    return scale * (up[:, :rank] @ down[:rank])


def loha(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """(B1 A1) * (B2 A2), element by element (FedPara, arXiv 2108.06098, as LyCORIS has it)."""
    first, second = (
        _product(
            tensors[f"hada_w{number}_a"],
            tensors[f"hada_w{number}_b"],
            tensors.get(f"hada_t{number}"),
            weight.numel(),
        )
        for number in (1, 2)
    )
    check_size(first.numel(), weight)
    return scale_of(tensors, len(tensors["hada_w1_b"])) * (first * second)


def lokr(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """The Kronecker product of two matrices, each whole or of low rank (LyCORIS).

    alpha is over the rank of the second, else of the first; two whole ones have no scale.
    """
    first, second = (_whole(tensors, f"lokr_w{number}", weight.numel()) for number in (1, 2))
    ranks = [len(tensors[name]) for name in ("lokr_w2_b", "lokr_w1_b") if name in tensors]
    check_size(first.numel() * second.numel(), weight)
    if second.dim() == 2 and weight[0, 0].numel() > 1:
        # Without a core, the kernel's pixels stand in one row with the inputs.
        second = second.reshape(len(second), -1, *weight.shape[2:])
    first = first.reshape(*first.shape, *[1] * (second.dim() - first.dim()))
    return (scale_of(tensors, ranks[0]) if ranks else 1.0) * torch.kron(first, second.contiguous())


def glora(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """W A + B, both of low rank (Generalised LoRA, arXiv 2306.07967).

    LyCORIS once changed which factor is the first; their shapes tell.
    """
    a1, a2, b1, b2 = (tensors[name].flatten(1) for name in ("a1", "a2", "b1", "b2"))
    if a1.shape[1] == len(a2) == b1.shape[1] == len(b2):
        inward, outward = (a1, a2), (b1, b2)
    else:
        inward, outward = (a2, a1), (b2, b1)
    if len(inward[0]) != weight.shape[1] or inward[1].shape[1] != weight.shape[1]:
        raise Misfit
    check_size(len(outward[0]) * outward[1].shape[1], weight)
    mixed = torch.einsum("oj..., ji -> oi...", weight, inward[0] @ inward[1])
    added = (outward[0] @ outward[1]).reshape(weight.shape)
    return scale_of(tensors, outward[0].shape[1]) * (mixed + added)


def _whole(tensors: Tensors, name: str, limit: int) -> torch.Tensor:
    """One factor of a Kronecker product, multiplied out."""
    if name in tensors:
        return tensors[name]
    core = tensors.get(name.replace("_w", "_t"))
    return _product(tensors[f"{name}_a"], tensors[f"{name}_b"], core, limit)


def _product(
    left: torch.Tensor, right: torch.Tensor, core: torch.Tensor | None, limit: int
) -> torch.Tensor:
    """left @ right, or with a `core` (rank x rank x height x width) its product with both.

    LyCORIS stores `left` transposed where there is a core. Misfit for more numbers than `limit`.
    """
    if core is None:
        left, right = left.flatten(1), right.flatten(1)
        if len(left) * right.shape[1] > limit:
            raise Misfit
        return left @ right
    if left.shape[1] * right.shape[1] * core[0, 0].numel() > limit:
        raise Misfit
    return torch.einsum("rs..., ro, si -> oi...", core, left, right)
