"""Networks that rotate a layer's outputs: OFT in blocks, and BOFT in blocks that cross."""

import torch

from pipelines.diffusion.networks.tensors import Misfit, Tensors


def oft(tensors: Tensors, weight: torch.Tensor, rank: int | None) -> torch.Tensor:
    """R W - W with R a rotation of blocks of outputs, and a factor for each output ("rescale").

    Orthogonal finetuning (arXiv 2306.07280), as kohya's scripts and LyCORIS store it. "oft_blocks"
    of four dimensions are BOFT's (arXiv 2311.06243): at its stage i, pairs of outputs 2^i half
    blocks apart are turned together. Arguments and result as in `low_rank`.
    """
    blocks = tensors["oft_blocks"] if "oft_blocks" in tensors else tensors["oft_diag"]
    outputs = len(weight)
    if blocks.dim() not in (3, 4) or blocks.shape[-3] * blocks.shape[-1] != outputs:
        raise Misfit
    # The constraint is stored as alpha, for each output.
    alpha = tensors.get("alpha") if "oft_blocks" in tensors else None
    limit = float(alpha.flatten()[0]) * outputs if alpha is not None else 0.0
    rotations = _rotations(blocks, limit)
    # LyCORIS turns by the transposed matrix in OFT, and by the matrix itself in BOFT.
    plain = blocks.dim() == 3
    turned = _turned(rotations.mT, weight) if plain else _crossed(rotations, weight)
    if "rescale" in tensors:
        turned = turned * tensors["rescale"].reshape(outputs, *[1] * (weight.dim() - 1))
    return turned - weight


def _rotations(blocks: torch.Tensor, limit: float) -> torch.Tensor:
    """Cayley's transform (1 + Q) (1 - Q)^-1 of the skew part Q, which is no longer than `limit`."""
    skew = blocks - blocks.mT
    if limit > 0:
        length = skew.norm() + 1e-8
        skew = skew * (length.clamp(max=limit) / length)
    one = torch.eye(skew.shape[-1], device=skew.device)
    return (one + skew) @ torch.linalg.inv(one - skew)


def _turned(rotations: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Each block of outputs by its rotation."""
    blocks = weight.reshape(len(rotations), rotations.shape[-1], -1)
    return (rotations @ blocks).reshape(weight.shape)


def _crossed(stages: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Stage by stage, with the outputs brought together that it turns, and back to their places."""
    half = stages.shape[-1] // 2
    for stage, rotations in enumerate(stages):
        apart = 2**stage * half
        places = torch.arange(len(weight), device=weight.device)
        order = places.reshape(-1, 2, apart).mT.flatten()
        weight = _turned(rotations, weight[order])[order.argsort()]
    return weight
