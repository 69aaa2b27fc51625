"""From maps and networks to units at work: what each is shown, how strongly it acts, and when."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from pipelines.control.ip_weights import spread_weights
from pipelines.control.planned import PreparedUnit
from pipelines.control.units import BatchOption, ControlMode, ControlUnit, UnionType
from pipelines.diffusion.control.adapter import AdapterUnit
from pipelines.diffusion.control.corrections import KeepColours, KeepOutside, latent_mask
from pipelines.diffusion.control.finishing import PutBack, Recolour
from pipelines.diffusion.control.ip_adapter import ImageUnit, IpAdapter, depths_of
from pipelines.diffusion.control.kinds import ControlKind
from pipelines.diffusion.control.laid_on import JobUnits
from pipelines.diffusion.control.load import Base, LoadedControl
from pipelines.diffusion.control.networks import Acting, NetUnit
from pipelines.diffusion.control.reference import ReferenceUnit, style_fidelity
from pipelines.diffusion.control.scales import feature_scales, layer_scales
from pipelines.diffusion.parts import Unet
from pipelines.diffusion.vae import encode_pixels
from pipelines.errors import InvalidRequest, ModelBroken
from pipelines.plugins import Hook

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


def image_unit(
    prepared: PreparedUnit,
    loaded: LoadedControl,
    vectors: tuple[torch.Tensor, torch.Tensor],
    *,
    pictures: frozenset[int] | None,
    device: torch.device,
    unet: Unet,
) -> ImageUnit:
    """An IP-Adapter, whose `vectors` stand for its picture and for none."""
    network = cast(IpAdapter, loaded.network)
    unit = prepared.planned.unit
    with torch.no_grad():
        network.to(device)
        tokens, nothing = (network.tokens(vector.to(device)) for vector in vectors)
    return ImageUnit(
        network=network,
        tokens=tokens,
        nothing=nothing,
        scales=spread_weights(unit, depths_of(unet)),
        # Control modes mean nothing to them: the negative prompt has a picture of its own, none.
        acting=replace(acting_of(prepared, pictures=pictures, device=device), cond_only=False),
    )


def with_hook(
    gathered: JobUnits,
    prepared: PreparedUnit,
    *,
    pictures: frozenset[int] | None,
    device: torch.device,
    base: Base,
    border: int,
) -> JobUnits:
    """`gathered` and what the unit's preprocessor does beside its map.

    `border` is the softness of inpaint_only's edge, in pixels. InvalidRequest for a region mask
    where it means nothing.
    """
    planned = prepared.planned
    hook, unit = planned.preprocessor.hook, planned.unit
    if hook is Hook.none or unit.weight == 0:
        return gathered
    timing: dict[str, Any] = {"start": unit.start, "end": unit.end}
    weight = min(unit.weight, 1.0)
    if hook in (Hook.recolor_luminance, Hook.recolor_intensity):
        recolour = Recolour(map=prepared.pixels, intensity=hook is Hook.recolor_intensity)
        return replace(gathered, finishes=(*gathered.finishes, recolour))
    if hook is Hook.inpaint_only:
        mask = _mask_of(prepared)
        keep = KeepOutside(
            original=_latents(prepared, base, device),
            mask=latent_mask(torch.from_numpy(mask)[None, None]).to(device),
            weight=weight,
            **timing,
        )
        back = PutBack(original=prepared.pixels, mask=mask, width=border)
        return replace(gathered, kept=(*gathered.kept, keep), finishes=(*gathered.finishes, back))
    if hook in (Hook.tile_colorfix, Hook.tile_colorfix_sharp):
        colours = KeepColours(
            original=_latents(prepared, base, device),
            radius=int(planned.a),
            weight=weight,
            sharpen=planned.b * 0.01 if hook is Hook.tile_colorfix_sharp else 0.0,
            **timing,
        )
        return replace(gathered, recoloured=(*gathered.recoloured, colours))
    return replace(
        gathered,
        references=(
            *gathered.references,
            _reference(prepared, pictures=pictures, device=device, base=base),
        ),
    )


def _reference(
    prepared: PreparedUnit,
    *,
    pictures: frozenset[int] | None,
    device: torch.device,
    base: Base,
) -> ReferenceUnit:
    planned = prepared.planned
    hook, unit = planned.preprocessor.hook, planned.unit
    if prepared.region is not None:
        raise InvalidRequest(
            f"an Effective Region Mask does not go with {planned.preprocessor.label}; "
            "it works with ControlNets, T2I-Adapters and IP-Adapters."
        )
    return ReferenceUnit(
        latents=_latents(prepared, base, device),
        weight=unit.weight,
        style=style_fidelity(unit, planned.a, sdxl=_is_sdxl(base.unet.config)),
        acting=Acting(start=unit.start, end=unit.end, pictures=pictures),
        attends=hook is not Hook.reference_adain,
        normalises=hook is not Hook.reference_only,
    )


def _mask_of(prepared: PreparedUnit) -> NDArray[np.float32]:
    """What is to be repainted; nothing without a mask."""
    if prepared.mask is None:
        return np.zeros(prepared.pixels.shape[:2], np.float32)
    return prepared.mask


def _latents(prepared: PreparedUnit, base: Base, device: torch.device) -> torch.Tensor:
    """Of the map, which is the picture itself for these preprocessors."""
    pixels = torch.from_numpy(prepared.pixels).permute(2, 0, 1)[None].to(device)
    return encode_pixels(base.vae, pixels * 2 - 1)
