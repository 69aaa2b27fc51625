"""What the formulas for networks have in common: a layer's tensors, their scale, their size."""

from collections.abc import Mapping

import torch

Tensors = Mapping[str, torch.Tensor]
"""Of one layer: the names are LyCORIS', without "weight", and "up" and "down" for LoRAs."""


class Misfit(Exception):
    """Tensors that are made for a layer of another size, or do not fit each other."""


def scale_of(tensors: Tensors, rank: int) -> float:
    """alpha over the rank; 1 where there is no alpha, and what "scale" says where there is one."""
    if "scale" in tensors:
        return _number(tensors["scale"])
    return _number(tensors["alpha"]) / rank if "alpha" in tensors and rank else 1.0


def check_size(numbers: int, weight: torch.Tensor) -> None:
    """Misfit unless a product of so many numbers is as large as `weight`; asked before it is made.

    A small file may hold factors of a product that no memory holds.
    """
    if numbers != weight.numel():
        raise Misfit


def _number(tensor: torch.Tensor) -> float:
    return float(tensor.flatten()[0])
