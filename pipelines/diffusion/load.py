"""From a catalogue entry to diffusers' components, read from disk only and checked as they come.

Diffusers folders are read here, single files in `single_file`.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import diffusers
import torch
import transformers
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from pipelines.catalog.checkpoints import USABLE_CHANNELS, Checkpoint, Layout
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.headers import read_header, read_json
from pipelines.catalog.sidecars import config_beside
from pipelines.diffusion.configs import stored_config
from pipelines.diffusion.device import DevicePolicy, Offload
from pipelines.diffusion.noise_table import with_zero_snr
from pipelines.diffusion.parts import Components, Pipeline, Tokenizer, Vae
from pipelines.diffusion.single_file import (
    load_own_vae,
    load_single_file,
    load_vae_file,
    scaling_factor_of,
    tokenizer_of,
)
from pipelines.errors import ModelBroken, UserError

log = logging.getLogger(__name__)

_ONE_ENCODER = {"text_encoder": "CLIPTextModel"}
_REFINER = {"text_encoder_2": "CLIPTextModelWithProjection"}
_TWO_ENCODERS = {**_ONE_ENCODER, **_REFINER}

PIPELINES: Mapping[str, tuple[Mapping[str, str], ...]] = {
    "StableDiffusionPipeline": (_ONE_ENCODER,),
    "StableDiffusionImg2ImgPipeline": (_ONE_ENCODER,),
    "StableDiffusionInpaintPipeline": (_ONE_ENCODER,),
    "StableDiffusionInstructPix2PixPipeline": (_ONE_ENCODER,),
    "StableDiffusionXLPipeline": (_TWO_ENCODERS,),
    "StableDiffusionXLImg2ImgPipeline": (_TWO_ENCODERS, _REFINER),
    "StableDiffusionXLInpaintPipeline": (_TWO_ENCODERS,),
    "StableDiffusionXLInstructPix2PixPipeline": (_TWO_ENCODERS,),
}
"""Classes of model_index.json whose components are loaded here, and their text encoders."""

Value = TypeVar("Value")
Fingerprint = tuple[tuple[str, int, int], ...]


def fingerprint(path: Path) -> Fingerprint:
    """Changes when the file or any in the folder does: names, sizes and times of change.

    The configuration beside a file counts as a part of it.
    """
    if path.is_dir():
        files = sorted(path.rglob("*"))
    else:
        beside = config_beside(path)
        files = [path, *([beside] if beside else [])]
    described = []
    for file in files:
        status = file.stat()
        described.append((file.as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(described)


def load_components(
    checkpoint: Checkpoint, policy: DevicePolicy, vae: Path | None = None
) -> Components:
    """Read a Stable Diffusion 1, 2 or XL model; all parts stay on the processor.

    `vae` is a file whose VAE takes the place of the model's own. ModelBroken names the file that is
    missing, damaged, cut short or of an unsupported kind. Nothing is ever downloaded, and no code
    of a model is run.
    """
    other = None if vae is None else load_vae(checkpoint, policy, vae)
    if checkpoint.layout is Layout.file:
        components = _guarded(
            checkpoint, checkpoint.path, lambda: load_single_file(checkpoint, policy, vae=other)
        )
    else:
        components = _load_folder(checkpoint, policy, other)
    _check_shapes(checkpoint, components)
    if policy.channels_last:
        components.unet.to(memory_format=torch.channels_last)
        components.vae.to(memory_format=torch.channels_last)
    return components


def load_vae(checkpoint: Checkpoint, policy: DevicePolicy, vae: Path | None) -> Vae:
    """The VAE in the file `vae`, for this checkpoint's latents; its own for None.

    ModelBroken as `load_components`.
    """
    if vae is not None:
        factor = _scaling_factor(checkpoint, policy)
        return _guarded(checkpoint, vae, lambda: load_vae_file(vae, policy, scaling_factor=factor))
    if checkpoint.layout is Layout.file:
        return _guarded(checkpoint, checkpoint.path, lambda: load_own_vae(checkpoint, policy))
    return _read_network(checkpoint, "vae", AutoencoderKL, policy.vae_dtype)


def _scaling_factor(checkpoint: Checkpoint, policy: DevicePolicy) -> float:
    if checkpoint.layout is Layout.file:
        return scaling_factor_of(checkpoint, policy)
    usual: float = stored_config(ModelFamily.sd1)["vae"]["scaling_factor"]
    config = _read_json(checkpoint, checkpoint.path / "vae" / "config.json")
    return config.get("scaling_factor", usual)


def _load_folder(checkpoint: Checkpoint, policy: DevicePolicy, vae: Vae | None) -> Components:
    first, *more = _check_kind(checkpoint)
    second = more[0] if more else None
    # Their bars would be drawn over the program's own log.
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    scheduler = _read_json(checkpoint, checkpoint.path / "scheduler" / "scheduler_config.json")
    return Components(
        vae=vae or _read_network(checkpoint, "vae", AutoencoderKL, policy.vae_dtype),
        unet=_read_network(checkpoint, "unet", UNet2DConditionModel, policy.dtype),
        text_encoder=_read_text_encoder(checkpoint, first, policy),
        tokenizer=_read_tokenizer(checkpoint, first),
        text_encoder_2=_read_text_encoder(checkpoint, second, policy) if second else None,
        tokenizer_2=_read_tokenizer(checkpoint, second) if second else None,
        scheduler_config=with_zero_snr(scheduler)
        if scheduler.get("rescale_betas_zero_snr")
        else scheduler,
    )


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer alone, which takes a moment; ModelBroken if it cannot be read."""
    if checkpoint.layout is Layout.file:
        return tokenizer_of(checkpoint.family)
    first, *_ = _check_kind(checkpoint)
    return _read_tokenizer(checkpoint, first)


def _read_text_encoder(checkpoint: Checkpoint, part: str, policy: DevicePolicy) -> Any:  # noqa: ANN401 a TextEncoder, which its classes do not declare
    kind = CLIPTextModel if part in _ONE_ENCODER else CLIPTextModelWithProjection
    return _read_network(checkpoint, part, kind, policy.text_dtype)


def _read_tokenizer(checkpoint: Checkpoint, text_encoder: str) -> Tokenizer:
    """The one that goes with this text encoder."""
    folder = checkpoint.path / text_encoder.replace("text_encoder", "tokenizer")
    single = folder / "tokenizer.json"
    for name in ("tokenizer.json",) if single.exists() else ("vocab.json", "merges.txt"):
        if not (folder / name).is_file():
            raise _broken(checkpoint, folder / name, "is missing")
    return _guarded(
        checkpoint, folder, lambda: CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    )


def place(pipeline: Pipeline, policy: DevicePolicy) -> None:
    """Move a pipeline's parts to the device, or arrange for them to be moved when needed."""
    match policy.offload:
        case Offload.none:
            pipeline.to(policy.device)
        case Offload.whole_models:
            pipeline.enable_model_cpu_offload(device=policy.device)
        case Offload.layers:
            pipeline.enable_sequential_cpu_offload(device=policy.device)


def _broken(checkpoint: Checkpoint, path: Path, what: str) -> ModelBroken:
    within = path.is_relative_to(checkpoint.path) and path != checkpoint.path
    inside = path.relative_to(checkpoint.path).as_posix() if within else path.name
    return ModelBroken(f"Checkpoint {checkpoint.name!r} cannot be loaded: {inside} {what}.")


def _read_json(checkpoint: Checkpoint, path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise _broken(checkpoint, path, "is missing")
    try:
        return read_json(path)
    except ModelBroken as error:
        raise _broken(checkpoint, path, f"is damaged ({error})") from error


def _check_kind(checkpoint: Checkpoint) -> Sequence[str]:
    """The names of the model's text encoders, one or two; ModelBroken for other kinds of models."""
    index = _read_json(checkpoint, checkpoint.path / "model_index.json")
    kind = index.get("_class_name")
    known = PIPELINES.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise ModelBroken(
            f"Checkpoint {checkpoint.name!r} is a {kind}; "
            "only Stable Diffusion 1, 2 and XL models can be loaded."
        )
    there = [texts for texts in known if all(_names_class(index.get(part)) for part in texts)]
    texts = (there or known)[0]
    for part, name in {"vae": "AutoencoderKL", "unet": "UNet2DConditionModel", **texts}.items():
        given = index.get(part)
        if not (isinstance(given, list) and given[-1] == name):
            raise ModelBroken(
                f"Checkpoint {checkpoint.name!r} cannot be loaded: its {part} is {given!r} "
                f"where {name} is expected."
            )
    return tuple(texts)


def _names_class(described: object) -> bool:
    """model_index.json names a part by [library, class]; [null, null] is one that is not there."""
    return isinstance(described, list) and described[-1] is not None


def _check_shapes(checkpoint: Checkpoint, components: Components) -> None:
    """Parts that each load may still not fit together."""
    unet, vae = components.unet.config, components.vae.config
    width = sum(encoder.config.hidden_size for encoder in components.text_encoders)
    facts = (
        ("the network takes", unet["in_channels"], "channels", USABLE_CHANNELS),
        ("the VAE has", vae["latent_channels"], "latent channels", (4,)),
        ("the VAE has", len(vae["block_out_channels"]), "levels", (4,)),
        ("the network reads texts of width", unet["cross_attention_dim"], "", (width,)),
        *_facts_of_sdxl(components),
    )
    for subject, given, unit, allowed in facts:
        if given not in allowed:
            expected = " or ".join(map(str, allowed))
            raise ModelBroken(
                f"Checkpoint {checkpoint.name!r} cannot be used: {subject} {given} {unit}".rstrip()
                + f" where {expected} is expected."
            )


def _facts_of_sdxl(components: Components) -> Sequence[tuple[str, int, str, tuple[int]]]:
    """What the UNet is told beside the tokens: a vector, and sizes as so many numbers each."""
    if not components.is_sdxl:
        return ()
    unet = components.unet.config
    sizes = (5 if components.is_refiner else 6) * unet["addition_time_embed_dim"]
    width = getattr(components.text_encoders[-1].config, "projection_dim", 0) + sizes
    told = unet["projection_class_embeddings_input_dim"]
    return (("the network is told, beside the tokens,", told, "numbers", (width,)),)


def _read_network(
    checkpoint: Checkpoint, part: str, kind: type[nn.Module], dtype: torch.dtype
) -> Any:  # noqa: ANN401 one of three protocols, which the classes meet but do not declare
    """One part, in evaluation mode, with every weight it needs found in its file."""
    folder = checkpoint.path / part
    _read_json(checkpoint, folder / "config.json")
    is_text = kind in (CLIPTextModel, CLIPTextModelWithProjection)
    stem = "model" if is_text else "diffusion_pytorch_model"
    variant = _check_weights(checkpoint, folder, stem)

    def read() -> tuple[nn.Module, Mapping[str, Any]]:
        precision = {"dtype" if is_text else "torch_dtype": dtype}
        from_pretrained: Callable[..., Any] = getattr(kind, "from_pretrained")  # noqa: B009 each has it
        return from_pretrained(
            folder,
            variant=variant,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **precision,
        )

    network, info = _guarded(checkpoint, folder, read)
    if info["missing_keys"]:
        name = min(info["missing_keys"])
        raise _broken(
            checkpoint, folder, f"lacks {len(info['missing_keys'])} weights such as {name}"
        )
    return network.eval().requires_grad_(False)


def _check_weights(checkpoint: Checkpoint, folder: Path, stem: str) -> str | None:
    """Check the weight files' headers and lengths; the name of their variant, if they have one."""
    for variant in (None, "fp16"):
        infix = f".{variant}" if variant else ""
        whole = folder / f"{stem}{infix}.safetensors"
        shards = folder / f"{stem}.safetensors.index{infix}.json"
        if whole.is_file():
            files = [whole]
        elif shards.is_file():
            listed = _read_json(checkpoint, shards).get("weight_map", {})
            files = [folder / name for name in sorted(set(listed.values()))]
        else:
            continue
        for file in files:
            if not file.is_file():
                raise _broken(checkpoint, file, "is missing")
            try:
                read_header(file)
            except ModelBroken as error:
                raise _broken(checkpoint, file, f"is damaged ({error})") from error
        return variant
    raise _broken(checkpoint, folder / f"{stem}.safetensors", "is missing")


def _guarded(checkpoint: Checkpoint, folder: Path, read: Callable[[], Value]) -> Value:
    """What `read` gives; whatever it dies of is the model's fault and becomes ModelBroken.

    The libraries raise nearly every type there is for damaged files, so that all are taken but
    running out of memory.
    """
    try:
        return read()
    except (MemoryError, torch.OutOfMemoryError, UserError):
        raise
    except Exception as error:
        log.warning("Loading %s failed.", folder, exc_info=True)
        line = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise _broken(checkpoint, folder, f"is damaged or incomplete ({line})") from error
