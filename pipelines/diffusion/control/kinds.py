"""What kind of control model a file is, told from the names and shapes of its tensors alone.

The rules and their order are those of the ControlNet extension. What no rule knows, and what is
known but cannot be carried out, is refused by name: nothing is ever loaded as something else.
Nothing here needs torch.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from pipelines.catalog.families import ModelFamily
from pipelines.errors import ModelBroken

Shapes = Mapping[str, tuple[int, ...]]
"""The shape of every tensor of a file, by its name."""


class ControlKind(Enum):
    """What a control model is; values are what people call it."""

    controlnet = "ControlNet"
    union = "ControlNet Union"
    control_lora = "Control-LoRA"
    adapter = "T2I-Adapter"
    ip_adapter = "IP-Adapter"


class KeyLayout(Enum):
    """Whose names the tensors have: the original authors', or diffusers'."""

    original = "original"
    diffusers = "diffusers"


class Depth(Enum):
    """How much attention an SDXL ControlNet has: as the UNet, one layer at the deepest, none."""

    full = "full"
    mid = "mid"
    small = "small"


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a file is.

    `prefix` is to be stripped of every name. `depth` means something for SDXL's ControlNets only.
    With `difference`, weights are to be added to the UNet's. `pooled`: residuals are averaged over
    the picture. `light` tells the smaller architecture of T2I-Adapters.
    """

    kind: ControlKind
    layout: KeyLayout
    family: ModelFamily
    prefix: str = ""
    depth: Depth = Depth.full
    difference: bool = False
    pooled: bool = False
    light: bool = False


_REFUSED_KEYS: tuple[tuple[Callable[[str], bool], str], ...] = (
    (lambda key: "lllite" in key, "is a ControlLLLite, which diffusers has no network for"),
    (
        lambda key: "motion_modules.0.temporal_transformer" in key,
        "is a SparseCtrl, which steers videos and no single pictures",
    ),
    (
        lambda key: key.startswith(("id_adapter.", "pulid_", "id_former.")),
        "is a PuLID model, which needs a face recognition that is not part of Redraw",
    ),
    (
        lambda key: key.startswith(("style_embedding", "adapter.style_embedding")),
        "is a T2I style adapter, which works on a picture's style embedding, not on a map",
    ),
    (
        lambda key: ".to_q_lora." in key or key.startswith("image_proj.perceiver_resampler."),
        "is an IP-Adapter FaceID, which needs a face recognition that is not part of Redraw",
    ),
    (
        lambda key: key.startswith(("model.diffusion_model.", "cond_stage_model.", "conditioner.")),
        "is a whole checkpoint; it belongs into models/Stable-diffusion",
    ),
    (
        lambda key: key.startswith(("lora_unet_", "lora_te_")),
        "is a LoRA; it belongs into models/Lora",
    ),
    (
        lambda key: key.startswith(("double_blocks.", "transformer_blocks.", "joint_blocks.")),
        "is made for a transformer such as Flux or Stable Diffusion 3, which Redraw cannot run",
    ),
)
"""Tensor names that only a kind has which is not supported, and why not."""

_REFUSED_NAMES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("instant_id", "instantid", "instant-id"),
        "is an InstantID model, which needs a face recognition that is not part of Redraw",
    ),
    (("pulid",), "is a PuLID model, which needs a face recognition that is not part of Redraw"),
    (
        ("faceid", "face-id", "face_id"),
        "is an IP-Adapter FaceID, which needs a face recognition that is not part of Redraw",
    ),
)
"""Parts of lower-case file names of kinds that their tensors do not give away, and why not."""

_CONTROL_PREFIX, _ADAPTER_PREFIX = "control_model.", "adapter."

_WIDTHS: Mapping[int, ModelFamily] = {
    768: ModelFamily.sd1,
    1024: ModelFamily.sd2,
    2048: ModelFamily.sdxl,
}
"""Numbers per token that a network reads."""


def family_of_width(width: int | None) -> ModelFamily:
    """The family whose UNet reads texts of this width; unknown for all others."""
    return _WIDTHS.get(width or 0, ModelFamily.unknown)


def tell_kind(shapes: Shapes, name: str) -> Facts:
    """What a file called `name` is; ModelBroken says why it cannot be used, or that nobody knows.

    `shapes` may lack what is not needed; names of a nested file are joined by dots.
    """
    _refuse(shapes, name)
    if "lora_controlnet" in shapes:
        return _control_lora(shapes)
    if "controlnet_cond_embedding.conv_in.weight" in shapes:
        return _diffusers_controlnet(shapes, name)
    if any(key.startswith("ip_adapter.") for key in shapes):
        return _ip_adapter(shapes, name)
    if "adapter.body.0.resnets.0.block1.weight" in shapes:
        return _adapter(shapes, KeyLayout.diffusers, prefix="")
    for prefix in (_CONTROL_PREFIX, ""):
        if f"{prefix}input_hint_block.0.weight" in shapes:
            return _original_controlnet(shapes, name, prefix)
    for prefix in (_ADAPTER_PREFIX, ""):
        if {f"{prefix}body.0.block1.weight", f"{prefix}body.0.in_conv.weight"} & shapes.keys():
            return _adapter(shapes, KeyLayout.original, prefix)
    raise ModelBroken(
        f"{name} is no control model that Redraw knows; it can use ControlNets, unions, "
        "Control-LoRAs, T2I-Adapters and IP-Adapters."
    )


def _refuse(shapes: Shapes, name: str) -> None:
    reasons = [reason for parts, reason in _REFUSED_NAMES if _holds(name, parts)]
    reasons += [reason for fits, reason in _REFUSED_KEYS if any(map(fits, shapes))]
    if reasons:
        raise ModelBroken(f"{name} {reasons[0]}.")


def _holds(name: str, parts: tuple[str, ...]) -> bool:
    return any(part in name.lower() for part in parts)


def _control_lora(shapes: Shapes) -> Facts:
    is_sd = any(key.startswith("input_blocks.11.0.in_layers.0.") for key in shapes)
    return Facts(
        kind=ControlKind.control_lora,
        layout=KeyLayout.original,
        family=ModelFamily.unknown if is_sd else ModelFamily.sdxl,
    )


def _original_controlnet(shapes: Shapes, name: str, prefix: str) -> Facts:
    def has(key: str) -> bool:
        return prefix + key in shapes

    context = shapes.get(f"{prefix}input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight")
    depth = Depth.small
    if has("input_blocks.8.1.transformer_blocks.9.norm3.weight"):
        depth = Depth.full
    elif has("input_blocks.8.1.transformer_blocks.0.norm3.weight"):
        depth = Depth.mid
    is_xl = has("label_emb.0.0.bias")
    return Facts(
        kind=_controlnet_kind(shapes, prefix),
        layout=KeyLayout.original,
        family=ModelFamily.sdxl if is_xl else family_of_width(_second(context)),
        prefix=prefix,
        depth=depth if is_xl else Depth.full,
        difference="difference" in shapes,
        pooled=_is_pooled(name),
    )


def _diffusers_controlnet(shapes: Shapes, name: str) -> Facts:
    context = next(
        (shape for key, shape in shapes.items() if key.endswith(".attn2.to_k.weight")), None
    )
    deepest = "down_blocks.2.attentions.1.transformer_blocks."
    depth = Depth.small
    if f"{deepest}9.norm3.weight" in shapes:
        depth = Depth.full
    elif f"{deepest}0.norm3.weight" in shapes:
        depth = Depth.mid
    is_xl = "add_embedding.linear_1.weight" in shapes
    return Facts(
        kind=_controlnet_kind(shapes, ""),
        layout=KeyLayout.diffusers,
        family=ModelFamily.sdxl if is_xl else family_of_width(_second(context)),
        depth=depth if is_xl else Depth.full,
        difference="difference" in shapes,
        pooled=_is_pooled(name),
    )


def _controlnet_kind(shapes: Shapes, prefix: str) -> ControlKind:
    is_union = f"{prefix}control_add_embedding.linear_1.bias" in shapes
    return ControlKind.union if is_union else ControlKind.controlnet


def _is_pooled(name: str) -> bool:
    """Nothing in the tensors tells a shuffle model; the extension, too, goes by its name."""
    return "shuffle" in name.lower()


_ADAPTER_INPUTS: Mapping[int, ModelFamily] = {
    # Channels of the unshuffled map: 8x8 or 16x16 pixels of one or three colours.
    64: ModelFamily.sd1,
    192: ModelFamily.sd1,
    256: ModelFamily.sdxl,
    768: ModelFamily.sdxl,
}


def _adapter(shapes: Shapes, layout: KeyLayout, prefix: str) -> Facts:
    inside = _ADAPTER_PREFIX if layout is KeyLayout.diffusers else prefix
    light = f"{inside}conv_in.weight" not in shapes
    first = shapes.get(f"{inside}{'body.0.in_conv' if light else 'conv_in'}.weight")
    return Facts(
        kind=ControlKind.adapter,
        layout=layout,
        family=_ADAPTER_INPUTS.get(_second(first) or 0, ModelFamily.unknown),
        prefix=prefix,
        light=light,
    )


def _ip_adapter(shapes: Shapes, name: str) -> Facts:
    context = shapes.get("ip_adapter.1.to_k_ip.weight")
    if context is None or not any(key.startswith("image_proj.") for key in shapes):
        raise ModelBroken(f"{name} is an IP-Adapter that lacks part of its weights.")
    return Facts(
        kind=ControlKind.ip_adapter,
        layout=KeyLayout.original,
        family=family_of_width(_second(context)),
    )


def _second(shape: tuple[int, ...] | None) -> int | None:
    return shape[1] if shape is not None and len(shape) > 1 else None
