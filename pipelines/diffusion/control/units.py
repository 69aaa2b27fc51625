"""From maps and networks to units at work: what each is shown, how strongly it acts, and when."""

from collections.abc import Sequence
from typing import Any

import torch

from pipelines.control.planned import PreparedUnit
from pipelines.control.units import BatchOption, ControlMode, ControlUnit, UnionType
from pipelines.diffusion.control.adapter import AdapterUnit
from pipelines.diffusion.control.kinds import ControlKind
from pipelines.diffusion.control.load import LoadedControl
from pipelines.diffusion.control.networks import Acting, NetUnit
from pipelines.diffusion.control.scales import feature_scales, layer_scales
from pipelines.errors import InvalidRequest, ModelBroken

_UNION_NUMBERS = {
    # As the authors of the union models count them; the last two are ProMax's alone.
    UnionType.openpose: 0,
    UnionType.depth: 1,
    UnionType.soft_edge: 2,
    UnionType.hard_edge: 3,
    UnionType.normal_map: 4,
    UnionType.segmentation: 5,
    UnionType.tile: 6,
    UnionType.inpaint: 7,
}


def shares_of_batch(
    prepared: Sequence[PreparedUnit], option: BatchOption, pictures: int
) -> list[frozenset[int] | None]:
    """For every unit the positions in a batch at which it acts, None for all.

    Under "each unit for each image" picture k is unit k's alone, counted round; what has become of
    one unit's several pictures stays together.
    """
    if option is BatchOption.all_units:
        return [None] * len(prepared)
    numbers = list(dict.fromkeys(unit.planned.unit.index for unit in prepared))
    return [
        frozenset(range(numbers.index(unit.planned.unit.index), pictures, len(numbers)))
        for unit in prepared
    ]


def acting_of(
    prepared: PreparedUnit,
    *,
    pictures: frozenset[int] | None,
    device: torch.device,
    cond_only: bool = False,
) -> Acting:
    """When and where a unit acts."""
    unit = prepared.planned.unit
    region = None
    if prepared.region is not None:
        region = torch.from_numpy(prepared.region)[None, None].float().to(device)
    return Acting(
        start=unit.start,
        end=unit.end,
        region=region,
        pictures=pictures,
        cond_only=cond_only or unit.mode is ControlMode.control,
        low_vram=unit.low_vram,
    )


def hint_of(prepared: PreparedUnit, device: torch.device, *, masked_as: float) -> torch.Tensor:
    """The map as a network is shown it: 1x3xHxW, 0 to 1, `masked_as` where the mask is."""
    pixels = torch.from_numpy(prepared.pixels).permute(2, 0, 1)[None].float()
    if prepared.mask is not None:
        mask = (torch.from_numpy(prepared.mask) > 0.5)[None, None]
        pixels = torch.where(mask, torch.tensor(masked_as), pixels)
    return pixels.to(device)


def net_unit(
    prepared: PreparedUnit,
    loaded: LoadedControl,
    *,
    pictures: frozenset[int] | None,
    device: torch.device,
) -> NetUnit:
    """A ControlNet of any kind. InvalidRequest for what does not suit the model."""
    network: Any = loaded.network
    unit, config = prepared.planned.unit, network.config
    is_union = loaded.kind is ControlKind.union
    acting = acting_of(
        prepared,
        pictures=pictures,
        device=device,
        # A pooled network says the same of the whole picture, which a negative prompt would undo.
        cond_only=config["global_pool_conditions"],
    )
    layers = len(network.controlnet_down_blocks) + 1
    return NetUnit(
        network=network,
        hint=_colours(
            # Unions were trained with masked pixels that are black, all others below black.
            hint_of(prepared, device, masked_as=0.0 if is_union else -1.0),
            config["conditioning_channels"],
            loaded.name,
        ),
        scales=layer_scales(unit, layers, sdxl=is_union or _is_sdxl(config)),
        acting=acting,
        union_type=_union_number(unit, loaded) if is_union else None,
    )


def _is_sdxl(config: Any) -> bool:  # noqa: ANN401 diffusers' frozen dictionary
    return config["addition_embed_type"] == "text_time"


def _colours(hint: torch.Tensor, channels: int, name: str) -> torch.Tensor:
    """All three colours, or the first for a network that takes one."""
    if channels not in (1, hint.shape[1]):
        raise ModelBroken(f"model {name} takes maps of {channels} channels; maps have 3.")
    return hint[:, :channels]


def _union_number(unit: ControlUnit, loaded: LoadedControl) -> int:
    network: Any = loaded.network
    number = _UNION_NUMBERS.get(unit.union_type)
    if number is None:
        raise InvalidRequest(
            f"model {loaded.name} takes maps of many types and must be told which; "
            "choose a Control Type other than All."
        )
    if number >= network.config["num_control_type"]:
        raise InvalidRequest(
            f"model {loaded.name} knows no maps of type {unit.union_type.value!r}; "
            "a ProMax model does."
        )
    return number


def adapter_unit(
    prepared: PreparedUnit,
    loaded: LoadedControl,
    *,
    pictures: frozenset[int] | None,
    device: torch.device,
) -> AdapterUnit:
    """A T2I-Adapter."""
    network: Any = loaded.network
    hint = hint_of(prepared, device, masked_as=0.0)
    return AdapterUnit(
        network=network,
        hint=_colours(hint, network.config["in_channels"], loaded.name),
        scales=feature_scales(prepared.planned.unit, len(network.adapter.body)),
        acting=acting_of(prepared, pictures=pictures, device=device),
    )
