"""From a checkpoint in a single file to diffusers' components.

What the file is follows from its tensors (`pipelines.catalog.kinds`), the configuration of its
parts from its family (`configs`), and their weights' names from diffusers' own conversion. Weights
are read through a memory map and copied once, in the number format that is wanted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import init_empty_weights
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from pipelines.catalog.checkpoints import IMG2IMG_CHANNELS, Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.folders import PICKLES
from pipelines.catalog.headers import read_header
from pipelines.catalog.kinds import (
    CLIP_L,
    OPEN_CLIP_H,
    REFINER_OPEN_CLIP_G,
    SDXL_CLIP_L,
    SDXL_OPEN_CLIP_G,
    VAE,
    CheckpointKind,
    Prediction,
    tell_checkpoint,
)
from pipelines.catalog.sidecars import prediction_beside
from pipelines.diffusion.configs import stored_config
from pipelines.diffusion.control.files import read_tensors
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.noise_table import with_zero_snr
from pipelines.diffusion.parts import Components, Unet, Vae
from pipelines.diffusion.tokenizer import clip_tokenizer
from pipelines.errors import ModelBroken

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True, kw_only=True)
class _Text:
    """How a family stores a text encoder; `name` is its folder's in diffusers' layout."""

    prefix: str
    name: str = "text_encoder"
    is_open_clip: bool = False
    projects: bool = False  # gives one vector for the whole text, too

    @property
    def tokenizer(self) -> str:
        """The name of its tokenizer's folder."""
        return self.name.replace("text_encoder", "tokenizer")


_SECOND = _Text(prefix=SDXL_OPEN_CLIP_G, name="text_encoder_2", is_open_clip=True, projects=True)
_TEXTS: Mapping[ModelFamily, tuple[_Text, ...]] = {
    ModelFamily.sd1: (_Text(prefix=CLIP_L),),
    ModelFamily.sd2: (_Text(prefix=OPEN_CLIP_H, is_open_clip=True),),
    ModelFamily.sdxl: (_Text(prefix=SDXL_CLIP_L), _SECOND),
    ModelFamily.sdxl_refiner: (replace(_SECOND, prefix=REFINER_OPEN_CLIP_G),),
}
"""Every family whose components are made here."""


@dataclass(frozen=True, kw_only=True)
class _Source:
    """What was read of a file."""

    checkpoint: Checkpoint
    tensors: Tensors
    kind: CheckpointKind
    policy: DevicePolicy

    @property
    def config(self) -> Mapping[str, Any]:
        return stored_config(self.kind.family)

    def refuse(self, what: str) -> ModelBroken:
        """The error that says `what` is wrong with the file."""
        return ModelBroken(f"Checkpoint {self.checkpoint.name!r} cannot be loaded: {what}.")


def load_single_file(
    checkpoint: Checkpoint, policy: DevicePolicy, *, vae: Vae | None = None
) -> Components:
    """Read a Stable Diffusion 1, 2 or XL checkpoint; all parts stay on the processor.

    `vae` takes the place of the file's own. ModelBroken says what the file lacks or what kind of
    model it is, ModelNotFound that it is gone. Nothing is ever downloaded, and of Python pickles
    nothing but tensors is read.
    """
    source = _read(checkpoint, policy)
    unet = _unet(source)
    prediction = source.kind.prediction or _prediction_of(source, unet)
    scheduler = {**source.config["scheduler"], "prediction_type": prediction.value}
    first, *more = _TEXTS[source.kind.family]
    second = more[0] if more else None
    return Components(
        vae=vae or _vae(source),
        unet=unet,
        text_encoder=_text_encoder(source, first),
        tokenizer=clip_tokenizer(**source.config[first.tokenizer]),
        text_encoder_2=second and _text_encoder(source, second),
        tokenizer_2=second and clip_tokenizer(**source.config[second.tokenizer]),
        scheduler_config=with_zero_snr(scheduler) if source.kind.zero_snr else scheduler,
    )


def scaling_factor_of(checkpoint: Checkpoint, policy: DevicePolicy) -> float:
    """That of a single file's latents. Of a Python pickle only opening it tells."""
    family = checkpoint.family
    if family is ModelFamily.unknown and checkpoint.path.suffix.lower() in PICKLES:
        family = _read(checkpoint, policy).kind.family
    return stored_config(_known(family))["vae"]["scaling_factor"]


def load_own_vae(checkpoint: Checkpoint, policy: DevicePolicy) -> Vae:
    """The VAE that a single file brings; ModelBroken if it brings none."""
    return _vae(_read(checkpoint, policy))


def load_vae_file(path: Path, policy: DevicePolicy, *, scaling_factor: float) -> Vae:
    """A VAE in a file of its own, with the original authors' names or diffusers'.

    `scaling_factor` is that of the latents that the UNet knows. ModelBroken names what is wrong.
    """
    tensors = read_tensors(path)
    config = {**stored_config(ModelFamily.sd1)["vae"], "scaling_factor": scaling_factor}
    shapes = {name.removeprefix(VAE) for name in tensors}
    if "encoder.conv_in.weight" not in shapes:
        raise ModelBroken(f"VAE {path.name} cannot be used: it holds no Stable Diffusion VAE.")
    if any(name.startswith("encoder.down_blocks.") for name in shapes):
        named = {_modern_name(name): tensor for name, tensor in tensors.items()}
    else:
        named = convert_ldm_vae_checkpoint(dict(tensors), config)

    def refuse(what: str) -> ModelBroken:
        return ModelBroken(f"VAE {path.name} cannot be used: {what}.")

    network = _empty(AutoencoderKL, config)
    return _filled(network, named, "it", policy.vae_dtype, policy, refuse)


def tokenizer_of(family: ModelFamily) -> Any:  # noqa: ANN401 a Tokenizer by its keywords
    """The tokenizer of a single file of this family, without reading the file."""
    known = _known(family)
    return clip_tokenizer(**stored_config(known)[_TEXTS[known][0].tokenizer])


def _known(family: ModelFamily) -> ModelFamily:
    return family if family in _TEXTS else ModelFamily.sd1


def _read(checkpoint: Checkpoint, policy: DevicePolicy) -> _Source:
    path = checkpoint.path
    try:
        tensors = read_tensors(path)
        metadata = {} if path.suffix.lower() in PICKLES else read_header(path)
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        kind = tell_checkpoint(shapes, path.name, metadata.get("__metadata__", {}))
    except ModelBroken as error:
        raise ModelBroken(f"Checkpoint {checkpoint.name!r} cannot be loaded: {error}") from error
    return _Source(checkpoint=checkpoint, tensors=tensors, kind=kind, policy=policy)


def _unet(source: _Source) -> Unet:
    config = {**source.config["unet"], "in_channels": source.kind.input_channels}
    named = convert_ldm_unet_checkpoint(dict(source.tensors), config)
    policy = source.policy
    network = _empty(UNet2DConditionModel, config)
    return _filled(network, named, "its UNet", policy.dtype, policy, source.refuse)


def _vae(source: _Source) -> Vae:
    config, policy = source.config["vae"], source.policy
    own = {name: tensor for name, tensor in source.tensors.items() if name.startswith(VAE)}
    if not own:
        raise source.refuse("it has no VAE of its own; choose one as SD VAE")
    network = _empty(AutoencoderKL, config)
    named = convert_ldm_vae_checkpoint(own, config)
    return _filled(network, named, "its VAE", policy.vae_dtype, policy, source.refuse)


def _text_encoder(source: _Source, text: _Text) -> Any:  # noqa: ANN401 a TextEncoder, which its class does not declare
    make = CLIPTextModelWithProjection if text.projects else CLIPTextModel
    with init_empty_weights():
        network = make(CLIPTextConfig(**source.config[text.name]))
    tensors = {
        name: tensor for name, tensor in source.tensors.items() if name.startswith(text.prefix)
    }
    if text.is_open_clip:
        named = convert_open_clip_checkpoint(network, tensors, prefix=text.prefix)
    else:
        named = convert_ldm_clip_checkpoint(tensors)
    if not text.projects:
        # Some old files leave this part of the names out, as transformers' class does today.
        named = {name.removeprefix("text_model."): tensor for name, tensor in named.items()}
    policy = source.policy
    what = "its second text encoder" if text is _SECOND else "its text encoder"
    return _filled(network, named, what, policy.text_dtype, policy, source.refuse)


def _empty(kind: Any, config: Mapping[str, Any]) -> Any:  # noqa: ANN401 diffusers' own loose types
    """The network without memory for its weights."""
    with init_empty_weights():
        return kind.from_config(dict(config))


_OLD_NAMES = (
    (".query.", ".to_q."),
    (".key.", ".to_k."),
    (".value.", ".to_v."),
    (".proj_attn.", ".to_out.0."),
)


def _modern_name(name: str) -> str:
    """What diffusers calls a VAE's tensor today."""
    for old, new in _OLD_NAMES:
        name = name.replace(old, new)
    return name


def _filled(
    network: Any,  # noqa: ANN401 diffusers' and transformers' own loose types
    tensors: Tensors,
    part: str,
    dtype: torch.dtype,
    policy: DevicePolicy,
    refuse: Callable[[str], ModelBroken],
) -> Any:  # noqa: ANN401 as above
    """`network` in evaluation mode with its weights, each copied once, out of the file."""
    wanted: Mapping[str, torch.Tensor] = network.state_dict()
    missing = sorted(wanted.keys() - tensors.keys())
    if missing:
        raise refuse(f"{part} lacks {len(missing)} weights such as {missing[0]}")
    ready: dict[str, torch.Tensor] = {}
    for name, empty in wanted.items():
        tensor = tensors[name]
        if _without_ones(tensor.shape) != _without_ones(empty.shape):
            raise refuse(
                f"{part} has {name} of shape {list(tensor.shape)} "
                f"where {list(empty.shape)} is expected"
            )
        ready[name] = _copied(tensor.reshape(empty.shape), dtype, policy)
    network.load_state_dict(ready, assign=True)
    return network.eval().requires_grad_(False)


def _without_ones(shape: torch.Size) -> list[int]:
    """A convolution of one pixel is a linear layer, and files store the one as the other."""
    return [side for side in shape if side != 1]


def _copied(tensor: torch.Tensor, dtype: torch.dtype, policy: DevicePolicy) -> torch.Tensor:
    """In its number format and order: the file may be replaced while its weights are in use."""
    nhwc = policy.channels_last and tensor.dim() == 4
    order = torch.channels_last if nhwc else torch.contiguous_format
    return tensor.to(dtype, copy=True, memory_format=order)


def _prediction_of(source: _Source, unet: Unet) -> Prediction:
    """What a UNet predicts whose tensors do not tell: by the `.yaml` beside it, else by asking it.

    Only some of Stable Diffusion 2's predict velocity. The question is A1111's: a picture that is
    0.5 throughout at the last timestep, where nearly all is noise. One that predicts noise answers
    with about the same; one that predicts velocity with about the picture that it sees in it, less
    than nothing.
    """
    stated = prediction_beside(source.checkpoint.path)
    if stated is not None:
        return stated
    if source.kind.family is not ModelFamily.sd2 or source.kind.input_channels != IMG2IMG_CHANNELS:
        return Prediction.noise
    width = unet.config["cross_attention_dim"]
    latents = torch.full((1, 4, 8, 8), 0.5, dtype=unet.dtype)
    texts = torch.full((1, 2, width), 0.5, dtype=unet.dtype)
    ask: Any = unet
    with torch.no_grad():
        answer = ask(latents, torch.tensor([999]), encoder_hidden_states=texts).sample
    lowest = float((answer.float() - latents.float()).mean())
    return Prediction.velocity if lowest < _VELOCITY_BELOW else Prediction.noise


_VELOCITY_BELOW = -1.0
"""Mean difference between answer and question from which on a UNet predicts velocity."""
