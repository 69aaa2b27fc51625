"""LoRAs and their kin laid on the weights of loaded models, and off again, bit by bit.

What a set of networks makes of the weights stays in place until another set is wanted, so that the
next job with the same set finds everything done. Each change begins from the weights as they were.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from weakref import WeakKeyDictionary

import torch
from torch import nn

from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.models import fingerprint_of
from pipelines.diffusion.networks.fitting import FittedNetwork, LayerChange, fit_network
from pipelines.diffusion.networks.kinds import bias_gain, weight_gain
from pipelines.diffusion.networks.names import Layer, LayerTable, Part, layer_table
from pipelines.diffusion.networks.tensors import Misfit, Tensors
from pipelines.diffusion.networks.weights import BIAS, WEIGHT, Originals, stored
from pipelines.diffusion.parts import Components
from pipelines.errors import ModelBroken
from pipelines.networks.planned import PlannedLora

_INPUT = "conv_in"
_LATENT_CHANNELS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class AppliedNetworks:
    """What came of a set. `texts` differs where the text encoders do; `notes` are for the user."""

    texts: Hashable = ()
    notes: tuple[str, ...] = ()


NOTHING_APPLIED = AppliedNetworks()


@dataclass
class _State:
    """What is on one model: the set by its `key`, and what came of it."""

    key: Hashable = ()
    applied: AppliedNetworks = NOTHING_APPLIED
    originals: Originals = field(default_factory=Originals)
    table: LayerTable | None = None  # made for the first network


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A network of a set with its strengths, read and fitted to the model."""

    lora: PlannedLora
    fitted: FittedNetwork

    def strength(self, part: Part) -> float:
        return self.lora.unet if part is Part.unet else self.lora.text


class Networks:
    """Keeps the weights of every model as the last job wanted them. For one thread at a time."""

    def __init__(self, policy: DevicePolicy) -> None:
        self._policy = policy
        self._states: WeakKeyDictionary[nn.Module, _State] = WeakKeyDictionary()

    def apply(
        self,
        components: Components,
        wanted: Sequence[PlannedLora],
        *,
        title: str,
        stage: Callable[[str], None],
    ) -> AppliedNetworks:
        """Give a model's weights this set of networks, in their order; () makes it as it was.

        Costs nothing if they have it already. `title` is the checkpoint's, for errors. ModelBroken,
        by the network's name, for one that is damaged, made for another family, or not to be read
        as one; ModelNotFound if it is gone. The model is then as it was.
        """
        unet = cast(nn.Module, components.unet)
        state = self._states.get(unet)
        if state is None:
            if not wanted:
                return NOTHING_APPLIED
            state = self._states.setdefault(unet, _State())
        key = tuple(_key(lora) for lora in wanted)
        if state.key != key:
            stage(_what_is_done(wanted))
            self._change(state, components, wanted, title)
            state.key = key
        return state.applied

    def on(self, components: Components) -> AppliedNetworks:
        """What this model has been given."""
        state = self._states.get(cast(nn.Module, components.unet))
        return state.applied if state else NOTHING_APPLIED

    def originals(self, components: Components) -> Mapping[str, torch.Tensor]:
        """The UNet's weights that networks have changed, as they were, by name in its state."""
        state = self._states.get(cast(nn.Module, components.unet))
        return state.originals.by_name(Part.unet) if state else {}

    @torch.no_grad()
    def _change(
        self, state: _State, components: Components, wanted: Sequence[PlannedLora], title: str
    ) -> None:
        if state.table is None:
            state.table = layer_table(components)
        try:
            ready = [_Wanted(lora=lora, fitted=_fit(lora, state.table, title)) for lora in wanted]
            self._lay(state.originals, ready, title)
        except BaseException:
            state.originals.put_back()
            state.key, state.applied = (), NOTHING_APPLIED
            raise
        state.applied = AppliedNetworks(
            texts=tuple(_text_key(network) for network in ready if _is_read(network)),
            notes=tuple(note for network in ready for note in network.fitted.notes),
        )

    def _lay(self, originals: Originals, ready: Sequence[_Wanted], title: str) -> None:
        """Layer by layer: all networks one after the other, in float32, rounded once."""
        by_layer: dict[Layer, list[tuple[_Wanted, LayerChange]]] = {}
        for network in ready:
            for change in network.fitted.changes:
                if network.strength(change.layer.part):
                    by_layer.setdefault(change.layer, []).append((network, change))
        touched: list[tuple[Layer, str]] = []
        for layer, changes in by_layer.items():
            for name in (WEIGHT, BIAS):
                changing = [pair for pair in changes if pair[1].changes(name)]
                if changing:
                    touched.append((layer, name))
                    self._lay_on(originals, layer, name, changing, title)
        originals.put_back(but=touched)

    def _lay_on(
        self,
        originals: Originals,
        layer: Layer,
        name: str,
        changing: Sequence[tuple[_Wanted, LayerChange]],
        title: str,
    ) -> None:
        current = stored(layer.module, name)
        if current is None:
            network, change = changing[0]
            raise _misfit(network.lora, change, title)
        original = originals.of(layer, name, current)
        value = original.to(self._policy.device).float()
        for network, change in changing:
            try:
                gained = _gained(change, name, value, network.lora.rank)
            except Misfit as error:
                raise _misfit(network.lora, change, title) from error
            value = value + network.strength(layer.part) * gained
        rounded = value.to(current.dtype)
        if not torch.isfinite(rounded).all():
            names = ", ".join(repr(network.lora.mentioned) for network, _ in changing)
            raise ModelBroken(
                f"LoRA {names} makes weights of checkpoint {title!r} that are no numbers, or too "
                "large for its number format; lower its strength, or use another file."
            )
        current.copy_(rounded)


def shared_by(
    loras: Sequence[PlannedLora], one: Components, other: Components
) -> Sequence[PlannedLora]:
    """The LoRAs of `one` model for the `other`: all, or none if that reads other texts.

    No LoRA is for texts of two widths, such as those of SDXL and of its refiner.
    """
    widths = [parts.unet.config["cross_attention_dim"] for parts in (one, other)]
    return loras if widths[0] == widths[1] else ()


def _what_is_done(wanted: Sequence[PlannedLora]) -> str:
    if len(wanted) > 1:
        return f"Applying {len(wanted)} LoRAs"
    return f"Applying LoRA {wanted[0].file.name}" if wanted else "Taking LoRAs off the model"


def _gained(change: LayerChange, name: str, value: torch.Tensor, rank: int | None) -> torch.Tensor:
    tensors: Tensors = {
        key: tensor.to(value.device, torch.float32) for key, tensor in change.tensors.items()
    }
    if name == BIAS:
        gained = bias_gain(tensors)
        if gained is None or gained.shape != value.shape:
            raise Misfit
        return gained
    kind = change.kind
    assert kind is not None  # else it changes no weight
    if change.layer.name != _INPUT or value.shape[1] == _LATENT_CHANNELS:
        return weight_gain(kind, tensors, value, rank)
    try:
        return weight_gain(kind, tensors, value, rank)
    except Misfit:
        # Made for a network without the further channels of one for inpainting: those stay.
        gained = torch.zeros_like(value)
        latents = value[:, :_LATENT_CHANNELS].contiguous()
        gained[:, :_LATENT_CHANNELS] = weight_gain(kind, tensors, latents, rank)
        return gained


def _fit(lora: PlannedLora, table: LayerTable, title: str) -> FittedNetwork:
    try:
        return fit_network(lora, table, title)
    except ModelBroken as error:
        raise ModelBroken(f"LoRA {lora.mentioned!r} cannot be used: {error}") from error


def _misfit(lora: PlannedLora, change: LayerChange, title: str) -> ModelBroken:
    made_for = f" (it is for {lora.file.base})" if lora.file.base else ""
    return ModelBroken(
        f"LoRA {lora.mentioned!r} does not fit checkpoint {title!r}{made_for}: its layer "
        f"{change.written[:120]} is of another size; choose two of one family."
    )


def _is_read(network: _Wanted) -> bool:
    """Whether it changes what texts mean."""
    changes = network.fitted.changes
    return network.lora.text != 0 and any(change.layer.part is not Part.unet for change in changes)


def _file_key(lora: PlannedLora) -> Hashable:
    return lora.file.path, fingerprint_of(lora.file.path, f"LoRA {lora.mentioned!r}"), lora.rank


def _key(lora: PlannedLora) -> Hashable:
    return _file_key(lora), lora.text, lora.unet


def _text_key(network: _Wanted) -> Hashable:
    return _file_key(network.lora), network.lora.text
