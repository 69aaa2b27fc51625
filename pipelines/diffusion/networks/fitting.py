"""A LoRA's file held against a model: which of its tensors go to which layer."""

from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.diffusion.networks.files import NetworkWeights, read_network
from pipelines.diffusion.networks.kinds import NetworkKind, bias_gain, kind_of
from pipelines.diffusion.networks.names import Layer, LayerTable, Part, find_layer, part_of
from pipelines.diffusion.networks.tensors import Tensors
from pipelines.diffusion.networks.weights import WEIGHT
from pipelines.errors import ModelBroken
from pipelines.networks.planned import PlannedLora


@dataclass(frozen=True, kw_only=True)
class LayerChange:
    """What a network does to one layer, which its file calls `written`.

    `kind` is None where it changes the bias alone.
    """

    layer: Layer
    written: str
    tensors: Tensors
    kind: NetworkKind | None

    def changes(self, name: str) -> bool:
        """Whether it changes the "weight" or the "bias"."""
        return (self.kind if name == WEIGHT else bias_gain(self.tensors)) is not None


@dataclass(frozen=True, kw_only=True)
class FittedNetwork:
    """All changes of one network, and what the user should know of the rest of its file."""

    changes: tuple[LayerChange, ...]
    notes: tuple[str, ...]


def fit_network(lora: PlannedLora, table: LayerTable, title: str) -> FittedNetwork:
    """Read a network's file for a model with these layers; `title` is the checkpoint's.

    ModelBroken for a damaged file, and for one of which nothing goes to the model, or that has
    something for a text encoder that the model has not. Sizes are looked at when it is applied.
    """
    weights = read_network(lora.file.path)
    changes: list[LayerChange] = []
    left: list[str] = list(weights.unknown)
    for written, tensors in weights.layers.items():
        layer = find_layer(table, written)
        if layer is None:
            left.append(written)
            continue
        change = LayerChange(layer=layer, written=written, tensors=tensors, kind=kind_of(tensors))
        changes.append(change)
    if not changes or _lacks_encoder(weights, table):
        made_for = f"for {lora.file.base}" if lora.file.base else "for another kind of model"
        raise ModelBroken(
            f"it is {made_for}, whose layers checkpoint {title!r} does not have; "
            "choose two of one family."
        )
    return FittedNetwork(changes=tuple(changes), notes=tuple(_notes(lora, weights, left, title)))


def _lacks_encoder(weights: NetworkWeights, table: LayerTable) -> bool:
    """Whether it is for SDXL, which has two text encoders, and the model is not."""
    second = Part.text_encoder_2
    return second not in table and any(part_of(name)[0] is second for name in weights.layers)


def _notes(
    lora: PlannedLora, weights: NetworkWeights, left: list[str], title: str
) -> Iterator[str]:
    if left:
        yield (
            f"LoRA {lora.mentioned!r}: {len(left)} of its parts mean nothing to checkpoint "
            f"{title!r} and were left out, such as {left[0][:120]}."
        )
    if weights.bundles:
        yield f"LoRA {lora.mentioned!r} brings embeddings, which are not applied."
