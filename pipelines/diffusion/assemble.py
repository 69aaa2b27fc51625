"""From shared components to a pipeline, and from a plan to the pipeline's arguments."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import torch
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
    StableDiffusionImg2ImgPipeline,
)
from diffusers.pipelines.stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img import (
    StableDiffusionXLImg2ImgPipeline,
)
from torch import nn

from pipelines.catalog.checkpoints import EDITING_CHANNELS
from pipelines.diffusion.control.corrections import Progress, then_keep
from pipelines.diffusion.control.laid_on import JobUnits
from pipelines.diffusion.guidance import Guidance
from pipelines.diffusion.inpainting import LatentInpaint, blend_for
from pipelines.diffusion.noise import planned_noise
from pipelines.diffusion.parts import Components, Pipeline, Unet, dtype_of
from pipelines.diffusion.samplers import make_scheduler
from pipelines.diffusion.schedulers import PlannedScheduler
from pipelines.errors import InvalidRequest
from pipelines.plan import ImagePlan, Plan


class _KnowsItsDevice:
    """Mixed into a pipeline of diffusers: asks only once where it runs.

    diffusers finds out by going through every layer, five times a call, which is a fifth of what a
    job takes outside of its networks. Where a pipeline runs is settled before its first call.
    """

    @cached_property
    def _execution_device(self) -> torch.device:
        return getattr(super(), "_execution_device")  # noqa: B009 the next class in line has it


def _knowing_its_device(kind: type) -> Callable[..., Pipeline]:
    """The same class of pipeline, so mixed."""
    return cast(Callable[..., Pipeline], type(kind.__name__, (_KnowsItsDevice, kind), {}))


_Img2Img = _knowing_its_device(StableDiffusionImg2ImgPipeline)
_SdxlImg2Img = _knowing_its_device(StableDiffusionXLImg2ImgPipeline)


def img2img_pipeline(components: Components) -> Pipeline:
    """Diffusers' own pipeline around the shared parts; its scheduler comes with each batch."""
    pipeline = _sdxl(components) if components.is_sdxl else _plain(components)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def _plain(components: Components) -> Pipeline:
    return _Img2Img(
        vae=components.vae,
        unet=components.unet,
        text_encoder=components.text_encoder,
        tokenizer=components.tokenizer,
        scheduler=None,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _sdxl(components: Components) -> Pipeline:
    """SDXL's, or that of its refiner, which diffusers has without the first text encoder."""
    encoders = (components.text_encoder, components.text_encoder_2)
    tokenizers = (components.tokenizer, components.tokenizer_2)
    if components.is_refiner:
        encoders, tokenizers = (None, encoders[0]), (None, tokenizers[0])
    return _SdxlImg2Img(
        vae=components.vae,
        unet=components.unet,
        text_encoder=encoders[0],
        text_encoder_2=encoders[1],
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        scheduler=None,
        requires_aesthetics_score=components.is_refiner,
        add_watermarker=False,
    )


def keep_outside_in_float32(unet: Unet, dtype: torch.dtype) -> None:
    """Let `unet` compute in `dtype` while everything around it stays in float32.

    A1111 keeps latents and guidance in float32; diffusers would keep both in the network's format,
    where bf16 holds three decimal digits.
    """

    def enter(
        module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        texts = kwargs["encoder_hidden_states"].to(dtype)
        return (args[0].to(dtype), *args[1:]), {**kwargs, "encoder_hidden_states": texts}

    def leave(module: nn.Module, args: object, output: tuple[torch.Tensor, ...]) -> tuple[Any, ...]:
        return (output[0].float(), *output[1:])

    unet.register_forward_pre_hook(enter, with_kwargs=True)
    unet.register_forward_hook(leave)


@dataclass(frozen=True, kw_only=True)
class BatchInputs:
    """What every batch of a job is denoised from, once texts and picture are encoded.

    `texts` and `latents` (1x4xhxw, clean and scaled) are on the device. `inpaint` belongs to an
    inpaint job, `channels` (1x5xhxw) to a network for inpainting or (1x4xhxw) for editing by
    instruction, `image_scale` to the latter (A1111: Image CFG Scale), `control` to a job with
    ControlNet units. `refiner` finishes what the job's own network began.
    """

    texts: Guidance
    latents: torch.Tensor
    inpaint: LatentInpaint | None = None
    channels: torch.Tensor | None = None
    image_scale: float = 1.0
    control: JobUnits | None = None
    refiner: "RefinerInputs | None" = None


@dataclass(frozen=True, kw_only=True)
class RefinerInputs:
    """A second network and what it is told; the rest as for the first.

    It answers from the first model call on at which the share `switch_at` is done: of the
    training's timesteps, or of the model calls if `by_calls` says how many there will be.
    """

    components: Components
    texts: Guidance
    switch_at: float
    channels: torch.Tensor | None = None
    image_scale: float = 1.0
    by_calls: int | None = None

    def is_due(self, scheduler: PlannedScheduler) -> bool:
        """Whether it is to answer the next call."""
        done = scheduler.training_share
        if self.by_calls is not None:
            done = scheduler.calls_done / self.by_calls
        return done >= self.switch_at


def image_scale_of(plan: Plan, components: Components) -> float:
    """A1111's Image CFG Scale, or 1 for a network that it means nothing to."""
    edits = components.unet.config["in_channels"] == EDITING_CHANNELS
    return plan.request.sampling.image_cfg_scale if edits else 1.0


def check_refiner(plan: Plan, first: Components, refiner: Components) -> None:
    """InvalidRequest if the refiner's answers would be read as something else than they are."""
    told, given = (
        parts.scheduler_config.get("prediction_type", "epsilon") for parts in (first, refiner)
    )
    if told != given and plan.refiner is not None:
        raise InvalidRequest(
            f"Refiner {plan.refiner.checkpoint.title} predicts {given} and checkpoint "
            f"{plan.checkpoint.title} {told}; choose two that predict the same."
        )


@dataclass(frozen=True, kw_only=True)
class BatchStart:
    """Where one batch begins: `latents` (Bx4xhxw, clean), and what carries its noise and steps."""

    latents: torch.Tensor
    scheduler: PlannedScheduler
    progress: Progress


def start_batch(
    plan: Plan, components: Components, images: Sequence[ImagePlan], inputs: BatchInputs
) -> BatchStart:
    """The scheduler that carries this batch's noise and steps, and what the noise is laid on."""
    noise, sources = planned_noise(plan, images, inputs.latents.shape[1:], inputs.latents.device)
    clean = inputs.latents.repeat(len(images), 1, 1, 1)
    if inputs.inpaint is not None:
        clean = inputs.inpaint.begin(clean, noise)
    # Asked while sampling, when there is a scheduler to ask.
    progress = Progress(
        share=lambda: scheduler.share,
        sigma=lambda: scheduler.sigma,
        predicts_velocity=components.scheduler_config.get("prediction_type") == "v_prediction",
    )
    kept = inputs.control.kept if inputs.control else ()
    scheduler = make_scheduler(
        plan,
        components.scheduler_config,
        noise=noise,
        sources=sources,
        dtype=dtype_of(components.unet),
        sdxl=components.is_sdxl,
        blend=then_keep(blend_for(inputs.inpaint, clean), kept, progress.share),
    )
    return BatchStart(latents=clean, scheduler=scheduler, progress=progress)


def call_arguments(
    plan: Plan,
    latents: torch.Tensor,
    inputs: BatchInputs,
    on_step: Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]],
) -> dict[str, Any]:
    """The pipeline's arguments for a batch that begins with these clean `latents` (Bx4xhxw).

    Strength is 1 because the scheduler's schedule is cut already. The generator is a throwaway one:
    the noise that the pipeline draws is not used, and torch's global generator is left alone. The
    embeddings are the first call's; `guided` lays those of every call before the network.
    """
    count = len(latents)
    negative, positive = inputs.texts.pair(0)
    pooled: dict[str, Any] = {}
    if negative.pooled is not None and positive.pooled is not None:
        pooled["pooled_prompt_embeds"] = positive.pooled.repeat(count, 1)
        pooled["negative_pooled_prompt_embeds"] = negative.pooled.repeat(count, 1)
    return {
        **pooled,
        "image": latents,
        "prompt_embeds": positive.tokens.repeat(count, 1, 1),
        "negative_prompt_embeds": negative.tokens.repeat(count, 1, 1),
        "strength": 1.0,
        "num_inference_steps": plan.steps.executed,
        "guidance_scale": plan.request.sampling.cfg_scale,
        "generator": torch.Generator("cpu").manual_seed(0),
        "output_type": "latent",
        "callback_on_step_end": on_step,
        "callback_on_step_end_tensor_inputs": [],
    }
