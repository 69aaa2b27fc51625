"""What the files of LoRAs call the layers of our networks.

Four ways are common: kohya's, diffusers' own layer names with "_" for "." behind a prefix; the
same for the numbered blocks of the original authors, usual for SDXL; diffusers', with dots; and
PEFT's. Layers are therefore looked up with "_" for ".", under diffusers' and the original names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from torch import nn

from pipelines.diffusion.control.names import EMBEDDINGS, levels, resnet_names
from pipelines.diffusion.parts import Components


class Part(Enum):
    """A network of a model; values are diffusers' names for them."""

    unet = "unet"
    text_encoder = "text_encoder"
    text_encoder_2 = "text_encoder_2"


@dataclass(frozen=True, eq=False, slots=True)
class Layer:
    """A layer that has weights: what it belongs to, its name within that, and itself."""

    part: Part
    name: str
    module: nn.Module


PREFIXES: tuple[tuple[str, Part], ...] = (
    ("lora_unet_", Part.unet),
    ("lora_te1_", Part.text_encoder),
    ("lora_te2_", Part.text_encoder_2),
    ("lora_te_", Part.text_encoder),
    ("oft_unet_", Part.unet),
    ("lycoris_", Part.unet),
    ("unet.", Part.unet),
    ("diffusion_model.", Part.unet),
    ("text_encoder_2.", Part.text_encoder_2),
    ("text_encoder.", Part.text_encoder),
)
"""How names begin, and whose layers they are."""

_WRAPPERS = ("base_model.model.", "base_model_model_")
_TEXT_MODEL = "text_model_"
_OLD_OUTPUT = "_to_out"
"""The last layer of an attention in files from before it stood in a list of two."""

LayerTable = Mapping[Part, Mapping[str, Layer]]


def layer_table(components: Components) -> LayerTable:
    """Every layer with weights by its names, with "_" for ".", for each network there is."""
    unet = _layers(Part.unet, components.unet)
    for original, diffusers in _original_names(components.unet.config):
        start = diffusers.replace(".", "_")
        for name in [name for name in unet if name == start or name.startswith(f"{start}_")]:
            unet.setdefault(original.replace(".", "_") + name.removeprefix(start), unet[name])
    table = {Part.unet: unet}
    for part in (Part.text_encoder, Part.text_encoder_2):
        network = getattr(components, part.value, None)
        if network is not None:
            named = _layers(part, network)
            table[part] = {name.removeprefix(_TEXT_MODEL): named[name] for name in named}
    return table


def find_layer(table: LayerTable, written: str) -> Layer | None:
    """The layer that a file calls `written`; None if there is none.

    A name without any prefix is looked for in every network.
    """
    part, name = part_of(written)
    for wrapper in _WRAPPERS:
        name = name.removeprefix(wrapper)
    flat = name.replace(".processor.", ".").replace(".", "_")
    for candidate in table if part is None else (part,):
        layers = table.get(candidate, {})
        if candidate is not Part.unet:
            flat = flat.removeprefix(_TEXT_MODEL)
        found = layers.get(flat)
        if found is None and flat.endswith(_OLD_OUTPUT):
            found = layers.get(f"{flat}_0")
        if found is not None:
            return found
    return None


def part_of(written: str) -> tuple[Part | None, str]:
    """Whose layer a file means by `written`, None where it does not say; and the rest of it."""
    for prefix, part in PREFIXES:
        if written.startswith(prefix):
            return part, written.removeprefix(prefix)
    return None, written


def _layers(part: Part, network: Any) -> dict[str, Layer]:  # noqa: ANN401 the protocols have no named_modules
    modules: Iterator[tuple[str, nn.Module]] = network.named_modules()
    return {
        name.replace(".", "_"): Layer(part, name, module)
        for name, module in modules
        if "weight" in module._parameters
    }


def _original_names(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Modules of an original UNet, and what diffusers calls them."""
    yield from EMBEDDINGS
    yield "input_blocks.0.0", "conv_in"
    yield "out.0", "conv_norm_out"
    yield "out.2", "conv_out"
    number = 1
    for level, layers, attends, last in levels(config):
        for layer in range(layers):
            yield from _block(f"input_blocks.{number}", f"down_blocks.{level}", layer, attends)
            number += 1
        if not last:
            yield f"input_blocks.{number}.0.op", f"down_blocks.{level}.downsamplers.0.conv"
            number += 1
    yield from resnet_names("middle_block.0", "mid_block.resnets.0")
    yield "middle_block.1", "mid_block.attentions.0"
    yield from resnet_names("middle_block.2", "mid_block.resnets.1")
    yield from _decoder_names(config)


def _decoder_names(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kinds, layers = list(config["up_block_types"]), config["layers_per_block"] + 1
    for level, kind in enumerate(kinds):
        attends = kind == "CrossAttnUpBlock2D"
        for layer in range(layers):
            block = f"output_blocks.{level * layers + layer}"
            yield from _block(block, f"up_blocks.{level}", layer, attends)
        if level < len(kinds) - 1:
            place = 2 if attends else 1
            upsampler = f"output_blocks.{level * layers + layers - 1}.{place}.conv"
            yield upsampler, f"up_blocks.{level}.upsamplers.0.conv"


def _block(original: str, diffusers: str, layer: int, attends: bool) -> Iterator[tuple[str, str]]:
    yield from resnet_names(f"{original}.0", f"{diffusers}.resnets.{layer}")
    if attends:
        yield f"{original}.1", f"{diffusers}.attentions.{layer}"
