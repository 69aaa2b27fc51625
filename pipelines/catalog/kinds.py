"""What a checkpoint in a single file is, told from its tensors' names and shapes alone.

The names are those of the original authors' programs, which every trainer and merger has kept. What
no rule knows, and what is known but is no checkpoint, is refused by name: nothing is ever loaded as
something else. Nothing here needs torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from pipelines.catalog.families import ModelFamily
from pipelines.errors import ModelBroken

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
"""The shape of every tensor of a file, by its name."""


class Prediction(Enum):
    """What a UNet predicts; values are diffusers' words."""

    noise = "epsilon"
    velocity = "v_prediction"


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointKind:
    """What a file is.

    `input_channels` is what its UNet takes. `prediction` is None where the tensors do not tell.
    `zero_snr`: it was trained on a schedule that ends in pure noise.
    """

    family: ModelFamily
    input_channels: int
    prediction: Prediction | None = None
    zero_snr: bool = False


UNET = "model.diffusion_model."
VAE = "first_stage_model."
CLIP_L = "cond_stage_model.transformer."
OPEN_CLIP_H = "cond_stage_model.model."
SDXL_CLIP_L = "conditioner.embedders.0.transformer."
SDXL_OPEN_CLIP_G = "conditioner.embedders.1.model."
REFINER_OPEN_CLIP_G = "conditioner.embedders.0.model."
"""What the names of each part's tensors begin with."""

_FIRST_LAYER = f"{UNET}input_blocks.0.0.weight"
"""Its shape is outputs x inputs x height x width."""

_MIDDLE, _MIDDLE_ATTENTION = f"{UNET}middle_block.", f"{UNET}middle_block.1."
"""UNets that were distilled to be smaller lack the second."""

_TEXT_ENCODERS: tuple[tuple[str, ModelFamily], ...] = (
    (SDXL_OPEN_CLIP_G, ModelFamily.sdxl),
    (REFINER_OPEN_CLIP_G, ModelFamily.sdxl_refiner),
    (OPEN_CLIP_H, ModelFamily.sd2),
    (CLIP_L, ModelFamily.sd1),
)
"""Whose text encoder tells which family a UNet is of."""

_VELOCITY_KEY, _ZERO_SNR_KEY = "v_pred", "ztsnr"
"""Empty tensors by which trainers of such models mark them."""

_STATED_PREDICTION = "modelspec.prediction_type"
_PREDICTIONS: Mapping[str, Prediction] = {
    "epsilon": Prediction.noise,
    "v": Prediction.velocity,
    "v_prediction": Prediction.velocity,
}
"""What the header's own description may say, if a trainer wrote it."""

_OTHER_MODELS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("cond_stage_model.model.visual.", "embedder.model.visual.", "noise_augmentor."),
        "is an unCLIP model, which starts from a picture's CLIP embedding",
    ),
    (
        ("cond_stage_model.vision_model.", "cond_stage_model.model.vision_model."),
        "is an image variations model, which reads no prompts",
    ),
    (("cond_stage_model.roberta.",), "is an Alt-Diffusion model, which Redraw cannot run"),
    (
        ("edm_mean", "edm_vpred."),
        "counts its noise in another way (EDM), as Playground 2.5 and CosXL do",
    ),
)
"""Beginnings of names in checkpoints that have a UNet and yet are for other things, and why not."""

_NO_CHECKPOINTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("joint_blocks.", f"{UNET}joint_blocks."),
        "is a Stable Diffusion 3 model; only Stable Diffusion 1, 2 and XL models can be loaded",
    ),
    (
        ("double_blocks.", f"{UNET}double_blocks."),
        "is a Flux model; only Stable Diffusion 1, 2 and XL models can be loaded",
    ),
    (
        ("lora_unet_", "lora_te", "unet.down_blocks.", "base_model.model.", "lycoris_"),
        "is a LoRA; it belongs into models/Lora",
    ),
    (
        ("control_model.", "input_hint_block.", "controlnet_", "lora_controlnet"),
        "is a ControlNet; it belongs into models/ControlNet",
    ),
    (
        ("down_blocks.", "up_blocks."),
        "is a UNet alone, in diffusers' layout; it belongs into a diffusers folder",
    ),
    (
        ("model_ema.",),
        "holds a training's averages alone, without the weights that are used",
    ),
    (
        ("emb_params", "string_to_param", "clip_l", "clip_g"),
        "is an embedding; it belongs into models/embeddings",
    ),
)
"""Beginnings of names that only a file has which is no checkpoint, and what it is instead."""

_VAE_ALONE = (VAE, "encoder.conv_in.", "decoder.conv_in.")

SCALED_FP8 = ("scaled_fp8", ".scale_weight")
"""Ends of names that go with weights whose scale is stored apart."""


def tell_checkpoint(
    shapes: Shapes, name: str, metadata: Mapping[str, object] | None = None
) -> CheckpointKind:
    """What the checkpoint called `name` is; ModelBroken says why it is none that can be used.

    `metadata` is the header's `__metadata__`, where there is one. Whether the family and the number
    of channels can be used is for others to say.
    """
    first = shapes.get(_FIRST_LAYER)
    if first is None:
        raise ModelBroken(f"{name} {_what_else(shapes)}.")
    reason = _first_reason(shapes, _OTHER_MODELS)
    if reason is not None:
        raise ModelBroken(f"{name} {reason}.")
    if any(key.endswith(SCALED_FP8) for key in shapes):
        raise ModelBroken(
            f"{name} holds fp8 weights with scales stored apart; only plain fp8 can be read."
        )
    family = next((family for prefix, family in _TEXT_ENCODERS if _has(shapes, prefix)), None)
    if family is None:
        raise ModelBroken(f"{name} lacks its text encoder; only whole checkpoints can be used.")
    if _has(shapes, _MIDDLE) and not _has(shapes, _MIDDLE_ATTENTION):
        raise ModelBroken(f"{name} is a distilled model with fewer layers (SSD-1B or alike).")
    if len(first) != 4:
        raise ModelBroken(f"{name} is damaged: its first layer has the shape {list(first)}.")
    return CheckpointKind(
        family=family,
        input_channels=first[1],
        prediction=_prediction(shapes, metadata or {}),
        zero_snr=_ZERO_SNR_KEY in shapes,
    )


def _what_else(shapes: Shapes) -> str:
    """What a file without a UNet of a known kind is."""
    reason = _first_reason(shapes, _NO_CHECKPOINTS)
    if reason is not None:
        return reason
    if _has(shapes, UNET):
        return "has a network that Redraw does not know"
    if _has(shapes, _VAE_ALONE):
        return "is a VAE; it belongs into models/VAE"
    return "is no Stable Diffusion checkpoint"


def _first_reason(shapes: Shapes, table: tuple[tuple[tuple[str, ...], str], ...]) -> str | None:
    return next((reason for prefixes, reason in table if _has(shapes, prefixes)), None)


def _has(shapes: Shapes, prefixes: str | tuple[str, ...]) -> bool:
    return any(key.startswith(prefixes) for key in shapes)


def _prediction(shapes: Shapes, metadata: Mapping[str, object]) -> Prediction | None:
    if _VELOCITY_KEY in shapes:
        return Prediction.velocity
    stated = metadata.get(_STATED_PREDICTION)
    return _PREDICTIONS.get(stated) if isinstance(stated, str) else None
