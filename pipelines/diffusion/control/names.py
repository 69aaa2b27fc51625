"""Tensors' names: from those of ControlNet's and T2I-Adapter's authors to those of diffusers.

The original networks number their blocks through (`input_blocks.7.1`), diffusers' by level
(`down_blocks.2.attentions.0`). Which is which follows from the network's configuration.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

Tensor = TypeVar("Tensor")

_RESNET = (
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
)

EMBEDDINGS = (
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
)
"""Layers for time and size: the original names and diffusers'."""

_HINT = "controlnet_cond_embedding"


def levels(config: Mapping[str, Any]) -> Iterator[tuple[int, int, bool, bool]]:
    """Number, layers, whether with attention, and whether last, of each level of an encoder."""
    kinds = list(config["down_block_types"])
    layers = config["layers_per_block"]
    for level, kind in enumerate(kinds):
        yield level, layers, kind == "CrossAttnDownBlock2D", level == len(kinds) - 1


def residual_channels(config: Mapping[str, Any]) -> list[int]:
    """Channels of every residual of a ControlNet, the middle block's last, by its or its UNet's
    configuration."""
    widths = list(config["block_out_channels"])
    channels = [widths[0]]
    for level, layers, _, last in levels(config):
        channels += [widths[level]] * (layers + (not last))
    return [*channels, widths[-1]]


def diffusers_names(
    weights: Mapping[str, Tensor], config: Mapping[str, Any], *, prefix: str = ""
) -> dict[str, Tensor]:
    """An original ControlNet's tensors under diffusers' names; names that mean nothing stay."""
    table = dict(_modules(config))
    renamed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        bare = name.removeprefix(prefix)
        renamed[_rename(bare, table)] = tensor
    return renamed


def _rename(name: str, table: Mapping[str, str]) -> str:
    """By the longest beginning that the table has."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        found = table.get(".".join(parts[:length]))
        if found is not None:
            return ".".join([found, *parts[length:]])
    return name


def _modules(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Modules of an original encoder with its control branch, and what diffusers calls them."""
    yield from EMBEDDINGS
    yield "input_blocks.0.0", "conv_in"
    number = 1
    for level, layers, attends, last in levels(config):
        for layer in range(layers):
            resnet = f"down_blocks.{level}.resnets.{layer}"
            yield from resnet_names(f"input_blocks.{number}.0", resnet)
            if attends:
                yield f"input_blocks.{number}.1", f"down_blocks.{level}.attentions.{layer}"
            number += 1
        if not last:
            yield f"input_blocks.{number}.0.op", f"down_blocks.{level}.downsamplers.0.conv"
            number += 1
    yield from resnet_names("middle_block.0", "mid_block.resnets.0")
    yield "middle_block.1", "mid_block.attentions.0"
    yield from resnet_names("middle_block.2", "mid_block.resnets.1")
    for residual in range(number):
        yield f"zero_convs.{residual}.0", f"controlnet_down_blocks.{residual}"
    yield "middle_block_out.0", "controlnet_mid_block"
    yield "input_hint_block.0", f"{_HINT}.conv_in"
    hints = 2 * (len(config["conditioning_embedding_out_channels"]) - 1)
    for block in range(hints):
        yield f"input_hint_block.{2 * block + 2}", f"{_HINT}.blocks.{block}"
    yield f"input_hint_block.{2 * hints + 2}", f"{_HINT}.conv_out"


def resnet_names(original: str, diffusers: str) -> Iterator[tuple[str, str]]:
    """The layers of a residual block that is called `original` there and `diffusers` here."""
    for inside, name in _RESNET:
        yield f"{original}.{inside}", f"{diffusers}.{name}"


_ADAPTER_RULES = (
    # A full adapter numbers its blocks through, two a level; a light one by level already.
    (re.compile(r"body\.(\d+)\.body\.(\d+)\.(.+)"), r"body.\1.resnets.\2.\3"),
    (
        re.compile(r"body\.(\d+)\.(block\d\..+)"),
        lambda found: f"body.{int(found[1]) // 2}.resnets.{int(found[1]) % 2}.{found[2]}",
    ),
)
_FULL_IN_CONV = re.compile(r"body\.(\d+)\.(in_conv\..+)")


def adapter_names(
    weights: Mapping[str, Tensor], *, light: bool, prefix: str = ""
) -> dict[str, Tensor]:
    """An original T2I-Adapter's tensors under diffusers' names."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        bare = name.removeprefix(prefix)
        if not light:
            bare = _FULL_IN_CONV.sub(lambda found: f"body.{int(found[1]) // 2}.{found[2]}", bare)
        for pattern, replacement in _ADAPTER_RULES:
            if pattern.fullmatch(bare):
                bare = pattern.sub(replacement, bare)
                break
        renamed[f"adapter.{bare}"] = tensor
    return renamed
