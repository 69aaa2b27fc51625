"""From a catalogue entry to diffusers' components, read from disk only and checked as they come.

Diffusers folders are read here, single files in `single_file`.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import diffusers
import torch
import transformers
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

from pipelines.catalog.checkpoints import (
    IMG2IMG_CHANNELS,
    INPAINTING_CHANNELS,
    Checkpoint,
    Layout,
)
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
    tokenizer_of,
)
from pipelines.errors import ModelBroken, UserError

log = logging.getLogger(__name__)

PIPELINES = frozenset(
    {
        "StableDiffusionPipeline",
        "StableDiffusionImg2ImgPipeline",
        "StableDiffusionInpaintPipeline",
    }
)
"""Classes of model_index.json whose components are the ones loaded here."""

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
    """Read a Stable Diffusion 1 or 2 model; all parts stay on the processor.

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
        factor = _scaling_factor(checkpoint)
        return _guarded(checkpoint, vae, lambda: load_vae_file(vae, policy, scaling_factor=factor))
    if checkpoint.layout is Layout.file:
        return _guarded(checkpoint, checkpoint.path, lambda: load_own_vae(checkpoint, policy))
    return _read_network(checkpoint, "vae", AutoencoderKL, policy.vae_dtype)


def _scaling_factor(checkpoint: Checkpoint) -> float:
    usual: float = stored_config(ModelFamily.sd1)["vae"]["scaling_factor"]
    if checkpoint.layout is Layout.file:
        return usual
    config = _read_json(checkpoint, checkpoint.path / "vae" / "config.json")
    return config.get("scaling_factor", usual)


def _load_folder(checkpoint: Checkpoint, policy: DevicePolicy, vae: Vae | None) -> Components:
    _check_kind(checkpoint)
    # Their bars would be drawn over the program's own log.
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    scheduler = _read_json(checkpoint, checkpoint.path / "scheduler" / "scheduler_config.json")
    return Components(
        vae=vae or _read_network(checkpoint, "vae", AutoencoderKL, policy.vae_dtype),
        unet=_read_network(checkpoint, "unet", UNet2DConditionModel, policy.dtype),
        text_encoder=_read_network(checkpoint, "text_encoder", CLIPTextModel, policy.text_dtype),
        tokenizer=load_tokenizer(checkpoint),
        scheduler_config=with_zero_snr(scheduler)
        if scheduler.get("rescale_betas_zero_snr")
        else scheduler,
    )


def load_tokenizer(checkpoint: Checkpoint) -> Tokenizer:
    """The tokenizer alone, which takes a moment; ModelBroken if it cannot be read."""
    if checkpoint.layout is Layout.file:
        return tokenizer_of(checkpoint.family)
    folder = checkpoint.path / "tokenizer"
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


def _check_kind(checkpoint: Checkpoint) -> None:
    index = _read_json(checkpoint, checkpoint.path / "model_index.json")
    kind = index.get("_class_name")
    if kind not in PIPELINES:
        raise ModelBroken(
            f"Checkpoint {checkpoint.name!r} is a {kind}; "
            "only Stable Diffusion 1 and 2 models can be loaded."
        )
    wanted = {
        "vae": "AutoencoderKL",
        "unet": "UNet2DConditionModel",
        "text_encoder": "CLIPTextModel",
    }
    for part, name in wanted.items():
        given = index.get(part)
        if not (isinstance(given, list) and given[-1] == name):
            raise ModelBroken(
                f"Checkpoint {checkpoint.name!r} cannot be loaded: its {part} is {given!r} "
                f"where {name} is expected."
            )


def _check_shapes(checkpoint: Checkpoint, components: Components) -> None:
    """Parts that each load may still not fit together."""
    unet, vae = components.unet.config, components.vae.config
    width = components.text_encoder.config.hidden_size
    facts = (
        (
            "the network takes",
            unet["in_channels"],
            "channels",
            (IMG2IMG_CHANNELS, INPAINTING_CHANNELS),
        ),
        ("the VAE has", vae["latent_channels"], "latent channels", (4,)),
        ("the VAE has", len(vae["block_out_channels"]), "levels", (4,)),
        ("the network reads texts of width", unet["cross_attention_dim"], "", (width,)),
    )
    for subject, given, unit, allowed in facts:
        if given not in allowed:
            expected = " or ".join(map(str, allowed))
            raise ModelBroken(
                f"Checkpoint {checkpoint.name!r} cannot be used: {subject} {given} {unit}".rstrip()
                + f" where {expected} is expected."
            )


def _read_network(
    checkpoint: Checkpoint, part: str, kind: type[nn.Module], dtype: torch.dtype
) -> Any:  # noqa: ANN401 one of three protocols, which the classes meet but do not declare
    """One part, in evaluation mode, with every weight it needs found in its file."""
    folder = checkpoint.path / part
    _read_json(checkpoint, folder / "config.json")
    stem = "model" if kind is CLIPTextModel else "diffusion_pytorch_model"
    variant = _check_weights(checkpoint, folder, stem)

    def read() -> tuple[nn.Module, Mapping[str, Any]]:
        precision = {"dtype" if kind is CLIPTextModel else "torch_dtype": dtype}
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
