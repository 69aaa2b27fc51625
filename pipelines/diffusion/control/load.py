"""From a control model's files to its network, ready to be called; nothing is ever downloaded.

What kind it is and how it is built is told from its tensors (`kinds`) or, in diffusers' folder
layout, from its config.json. The configurations of the published kinds are facts that lie beside
this module; a network of another width, such as the demo model's, takes its structure from the
UNet that it steers.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from diffusers.models.adapter import T2IAdapter
from diffusers.models.controlnets.controlnet import ControlNetModel
from diffusers.models.controlnets.controlnet_union import ControlNetUnionModel
from torch import nn

from pipelines.catalog.families import ModelFamily
from pipelines.catalog.headers import read_json
from pipelines.catalog.models import ModelFile
from pipelines.diffusion.control.adapter import adapter_config, check_features
from pipelines.diffusion.control.configs import stored_config
from pipelines.diffusion.control.files import read_tensors
from pipelines.diffusion.control.ip_adapter import build_ip_adapter
from pipelines.diffusion.control.kinds import (
    ControlKind,
    Facts,
    KeyLayout,
    family_of_width,
    tell_kind,
)
from pipelines.diffusion.control.lora import encoder_weights, from_differences, from_lora
from pipelines.diffusion.control.names import adapter_names, diffusers_names, residual_channels
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.memory import is_out_of_memory
from pipelines.diffusion.parts import Unet, Vae
from pipelines.errors import ModelBroken, UserError

log = logging.getLogger(__name__)

_CLASSES: Mapping[str, ControlKind] = {
    "ControlNetModel": ControlKind.controlnet,
    "ControlNetUnionModel": ControlKind.union,
    "T2IAdapter": ControlKind.adapter,
}
"""Classes of config.json that can be used."""

_STRUCTURE = (
    "attention_head_dim",
    "block_out_channels",
    "cross_attention_dim",
    "down_block_types",
    "layers_per_block",
    "mid_block_type",
    "norm_num_groups",
    "num_attention_heads",
    "transformer_layers_per_block",
    "use_linear_projection",
    "addition_embed_type",
    "addition_time_embed_dim",
    "projection_class_embeddings_input_dim",
)
"""What a ControlNet has in common with its UNet, of which it is a copy."""

_COUNTS = ("layers_per_block", "transformer_layers_per_block", "num_res_blocks", "down_block_types")
"""Keys of a config.json of which it depends how many layers are made: numbers, or lists."""

_MOST_LAYERS = 64


@dataclass(frozen=True, kw_only=True)
class Base:
    """The checkpoint that is to be steered; `key` changes when its files do.

    `originals` gives weights of the UNet as the files have them, by name in its state, where LoRAs
    have changed them since.
    """

    unet: Unet
    vae: Vae
    title: str
    key: object
    originals: Callable[[], Mapping[str, torch.Tensor]] = dict[str, torch.Tensor]

    @property
    def family(self) -> ModelFamily:
        """By the texts that its UNet reads, and by what it reads beside them."""
        if self.unet.config["addition_embed_type"] == "text_time":
            return ModelFamily.sdxl
        return family_of_width(self.unet.config["cross_attention_dim"])


@dataclass(frozen=True, kw_only=True)
class LoadedControl:
    """A control model; `name` is its file's or folder's."""

    name: str
    kind: ControlKind
    network: nn.Module


@dataclass(frozen=True, kw_only=True)
class _Source:
    """What was read of a model; `config` is there for a diffusers folder."""

    name: str
    tensors: dict[str, torch.Tensor]
    facts: Facts
    config: Mapping[str, Any] | None
    base: Base


def load_control(file: ModelFile, base: Base, policy: DevicePolicy) -> LoadedControl:
    """The network of a control model, checked to fit the UNet, in the policy's number format.

    ModelBroken, in a sentence that names the model, for what is damaged, not supported, or made for
    another family or width; ModelNotFound for what is gone.
    """
    name = file.path.name
    tensors = read_tensors(file.path)
    config = read_json(file.path / "config.json") if file.path.is_dir() else None
    _check_sizes(name, tensors, config or {})
    if config is None:
        facts = tell_kind({key: tuple(tensor.shape) for key, tensor in tensors.items()}, name)
    else:
        facts = _facts_of_folder(name, config)
    _check_family(name, facts.family, base)
    source = _Source(name=name, tensors=tensors, facts=facts, config=config, base=base)
    try:
        network = _LOADERS[facts.kind](source)
    except UserError:
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise
        # Diffusers meets odd configurations and weights with whatever comes first.
        log.warning("Loading %s failed.", file.path, exc_info=True)
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise ModelBroken(f"model {name} is damaged or incomplete ({line}).") from error
    # The class's own `to` warns of modules that it would rather keep as they are; it has none.
    nn.Module.to(network.eval().requires_grad_(False), policy.dtype)
    if policy.channels_last:
        network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue] torch's stubs lack it
    return LoadedControl(name=name, kind=facts.kind, network=network)


def _check_sizes(name: str, tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> None:
    """ModelBroken for a small file that claims to be a huge network, which would be built first."""
    empty = (tensor.shape for tensor in tensors.values() if not tensor.numel())
    counts = (count for key in _COUNTS for count in _counts_in(config.get(key)))
    if any(max(shape) > 1 for shape in empty) or any(count > _MOST_LAYERS for count in counts):
        raise ModelBroken(f"model {name} claims to be of a size that no network has.")


def _counts_in(value: object) -> Iterator[int]:
    """All numbers in `value`, and the lengths of the lists in it."""
    if isinstance(value, list):
        yield len(value)
        for inner in value:
            yield from _counts_in(inner)
    elif isinstance(value, int):
        yield value


def _facts_of_folder(name: str, config: Mapping[str, Any]) -> Facts:
    kind = _CLASSES.get(str(config.get("_class_name")))
    if kind is None:
        allowed = ", ".join(_CLASSES)
        raise ModelBroken(
            f"model {name} is a {config.get('_class_name')}; supported are {allowed}."
        )
    if kind is ControlKind.adapter:
        family = ModelFamily.unknown  # its features' widths tell
    elif config.get("addition_embed_type") == "text_time":
        family = ModelFamily.sdxl
    else:
        width = config.get("cross_attention_dim")
        family = family_of_width(width if isinstance(width, int) else None)
    return Facts(kind=kind, layout=KeyLayout.diffusers, family=family)


def _check_family(name: str, family: ModelFamily, base: Base) -> None:
    if ModelFamily.unknown not in (family, base.family) and family is not base.family:
        raise ModelBroken(
            f"model {name} is for {family.value} and checkpoint {base.title} is "
            f"{base.family.value}; choose two of one family."
        )


def _load_controlnet(source: _Source) -> nn.Module:
    facts = source.facts
    config = dict(source.config or _config_of_file(source))
    tensors = source.tensors
    if facts.layout is KeyLayout.original:
        tensors = diffusers_names(tensors, config, prefix=facts.prefix)
    if facts.difference:
        tensors = from_differences(tensors, _encoder_weights(source.base))
    kind = ControlNetUnionModel if facts.kind is ControlKind.union else ControlNetModel
    return _filled(source, _empty(kind, config), tensors)


def _load_lora(source: _Source) -> nn.Module:
    config = _config_like_unet(source)
    network = _empty(ControlNetModel, config)
    names = diffusers_names(source.tensors, config)
    return _filled(source, network, from_lora(names, _encoder_weights(source.base)))


def _encoder_weights(base: Base) -> Mapping[str, torch.Tensor]:
    return encoder_weights(base.unet, base.originals())


def _load_adapter(source: _Source) -> nn.Module:
    facts, tensors = source.facts, source.tensors
    if facts.layout is KeyLayout.original:
        tensors = adapter_names(tensors, light=facts.light, prefix=facts.prefix)
    config = source.config or adapter_config(tensors)
    network = _empty(T2IAdapter, config)
    check_features(source.name, network, source.base.unet, source.base.title)
    return _assigned(source, network, tensors)


def _load_ip_adapter(source: _Source) -> nn.Module:
    return build_ip_adapter(source.name, source.tensors, source.base.unet, source.base.title)


_LOADERS: Mapping[ControlKind, Callable[[_Source], nn.Module]] = {
    ControlKind.controlnet: _load_controlnet,
    ControlKind.union: _load_controlnet,
    ControlKind.control_lora: _load_lora,
    ControlKind.adapter: _load_adapter,
    ControlKind.ip_adapter: _load_ip_adapter,
}


def config_name(facts: Facts) -> str:
    """Which of the carried configurations a ControlNet in a single file has."""
    if facts.kind is ControlKind.union:
        return "sdxl_union"
    if facts.family is ModelFamily.sdxl:
        return f"sdxl_{facts.depth.value}"
    return "sd2" if facts.family is ModelFamily.sd2 else "sd1"


def _config_of_file(source: _Source) -> dict[str, Any]:
    """The published one if the widths are as published, else one with the UNet's structure."""
    facts = source.facts
    config = stored_config(config_name(facts))
    if _measured_widths(source) != residual_channels(config):
        config |= _structure(source)
    if facts.kind is ControlKind.union:
        config |= _union_sizes(source.tensors)
        config.pop("mid_block_type", None)  # theirs always attends
    return config | _hint_channels(source) | {"global_pool_conditions": facts.pooled}


def _config_like_unet(source: _Source) -> dict[str, Any]:
    return _structure(source) | _hint_channels(source)


def _structure(source: _Source) -> dict[str, Any]:
    unet = source.base.unet.config
    return {key: unet[key] for key in _STRUCTURE if unet.get(key) is not None}


def _measured_widths(source: _Source) -> list[int]:
    """Output channels of every residual, as `residual_channels` gives them."""
    original = source.facts.layout is KeyLayout.original
    name = "zero_convs.{}.0.weight" if original else "controlnet_down_blocks.{}.weight"
    middle = "middle_block_out.0.weight" if original else "controlnet_mid_block.weight"
    widths: list[int] = []
    prefix, tensors = source.facts.prefix, source.tensors
    while (key := prefix + name.format(len(widths))) in tensors:
        widths.append(len(tensors[key]))
    return [*widths, len(tensors[prefix + middle])]


def _hint_channels(source: _Source) -> dict[str, Any]:
    """Channels of the map and of the layers that embed it, which nothing else tells."""
    prefix, tensors = source.facts.prefix, source.tensors
    if source.facts.layout is KeyLayout.original:
        names = [f"{prefix}input_hint_block.{number}.weight" for number in range(0, 100, 2)]
        # The last of them leads to the UNet's own width.
        layers = [tensors[name] for name in names if name in tensors][:-1]
    else:
        hint = "controlnet_cond_embedding"
        names = [f"{hint}.blocks.{number}.weight" for number in range(50)]
        layers = [tensors[f"{hint}.conv_in.weight"]]
        layers += [tensors[name] for name in names if name in tensors]
    return {
        "conditioning_channels": layers[0].shape[1],
        # Two layers a level, of which the second leads to the next level.
        "conditioning_embedding_out_channels": [len(layer) for layer in layers[::2]],
    }


def _union_sizes(tensors: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    types, channels = tensors["task_embedding"].shape
    return {
        "num_control_type": types,
        "num_trans_channel": channels,
        "num_proj_channel": len(tensors["spatial_ch_projs.weight"]),
    }


def _empty(kind: Any, config: Mapping[str, Any]) -> Any:  # noqa: ANN401 diffusers' own loose types
    """The network without memory for its weights."""
    with torch.device("meta"):
        return kind.from_config(dict(config))


def _filled(source: _Source, network: Any, tensors: Mapping[str, torch.Tensor]) -> nn.Module:  # noqa: ANN401 one of diffusers' two classes
    """A ControlNet with its weights, once it is known to fit the UNet."""
    unet, title = source.base.unet.config, source.base.title
    ours, theirs = residual_channels(network.config), residual_channels(unet)
    if ours != theirs:
        raise ModelBroken(
            f"model {source.name} is made for a network with layers of {_listed(ours)} channels, "
            f"and checkpoint {title} has {_listed(theirs)}; choose a model made for it."
        )
    if network.config["addition_embed_type"] and not unet["addition_embed_type"]:
        raise ModelBroken(
            f"model {source.name} is for {ModelFamily.sdxl.value} and checkpoint {title} is not; "
            "choose two of one family."
        )
    width, wanted = network.config["cross_attention_dim"], unet["cross_attention_dim"]
    if width != wanted and any(".attn2." in name for name in tensors):
        raise ModelBroken(
            f"model {source.name} reads texts of width {width}, and checkpoint {title} gives "
            f"{wanted}; choose a model made for it."
        )
    tensors = dict(tensors)
    if network.config["controlnet_conditioning_channel_order"] == "bgr":
        first = "controlnet_cond_embedding.conv_in.weight"
        tensors[first] = tensors[first].flip(1)
        network.register_to_config(controlnet_conditioning_channel_order="rgb")
    return _assigned(source, network, tensors)


def _listed(channels: list[int]) -> str:
    return ", ".join(map(str, dict.fromkeys(channels)))


def _assigned(
    source: _Source, network: nn.Module, tensors: Mapping[str, torch.Tensor]
) -> nn.Module:
    try:
        missing, unexpected = network.load_state_dict(tensors, strict=False, assign=True)
    except RuntimeError as error:
        line = str(error).strip().splitlines()[-1].strip().rstrip(".")
        raise ModelBroken(f"model {source.name} has weights of other shapes ({line}).") from error
    if missing:
        raise ModelBroken(
            f"model {source.name} lacks {len(missing)} weights such as {min(missing)}."
        )
    if unexpected:
        log.info("%s holds %d tensors that are not used.", source.name, len(unexpected))
    return network
