"""One batch, denoised: through diffusers' pipeline, watched, within the memory there is."""

import logging
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from pipelines.diffusion.assemble import BatchInputs, call_arguments, start_batch
from pipelines.diffusion.control.laid_on import laid_on
from pipelines.diffusion.control.style_align import style_aligned
from pipelines.diffusion.guidance import guided
from pipelines.diffusion.inpainting import conditioned
from pipelines.diffusion.memory import is_out_of_memory, release_memory
from pipelines.diffusion.parts import Components, Pipeline
from pipelines.diffusion.preview import PreviewMap
from pipelines.diffusion.schedulers import PlannedScheduler
from pipelines.errors import ModelBroken
from pipelines.monitor import Monitor
from pipelines.plan import ImagePlan, Plan

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model on its device, ready to be called. `key` changes when its files do."""

    key: Hashable
    components: Components
    pipeline: Pipeline
    preview: PreviewMap


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """A batch's latents, BxCxHxW float32: as they began, clean, and as they ended.

    `complete` is False for a batch that was stopped; it ends with the last predicted clean latents,
    as in A1111.
    """

    start: torch.Tensor
    end: torch.Tensor
    complete: bool


def sample_batch(
    plan: Plan,
    model: LoadedModel,
    images: Sequence[ImagePlan],
    inputs: BatchInputs,
    monitor: Monitor,
) -> Sampled:
    """Denoise a batch; once more with sliced attention when memory runs out."""
    try:
        return _sample(plan, model, images, inputs, monitor)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
    log.warning("Memory ran out; trying with sliced attention.")
    release_memory()
    monitor.step_done(0)
    with _sliced_attention(model):
        return _sample(plan, model, images, inputs, monitor)


@contextmanager
def _sliced_attention(model: LoadedModel) -> Iterator[None]:
    """Attention computed one head at a time: slower, in less memory."""
    unet = model.components.unet
    processors = dict(unet.attn_processors)
    unet.set_attention_slice("max")
    try:
        yield
    finally:
        unet.set_attn_processor(processors)


def _sample(
    plan: Plan,
    model: LoadedModel,
    images: Sequence[ImagePlan],
    inputs: BatchInputs,
    monitor: Monitor,
) -> Sampled:
    start = start_batch(plan, model.components, images, inputs)
    scheduler = start.scheduler
    watch = _Watch(scheduler, model.preview, monitor, plan.steps.executed)
    model.pipeline.scheduler = scheduler
    arguments = call_arguments(plan, start.latents, inputs, watch.on_step)
    # What the sampler makes of the CFG Scale.
    arguments["guidance_scale"] = scheduler.guidance_scale
    unet = model.components.unet
    steered = laid_on(
        unet,
        inputs.control,
        seeds=[image.seed for image in images],
        progress=start.progress,
    )
    pictures = len(images) if plan.request.style_align else 1
    # The units are before the channels, since they see the latents alone; they lay what they change
    # of the attention over what a batch shares. The texts are last, as they surround all of it.
    with (
        style_aligned(unet, pictures=pictures),
        steered,
        conditioned(unet, inputs.channels),
        guided(unet, inputs.texts, pictures=len(images), sigma=start.progress.sigma),
        scheduler.listening(unet),
    ):
        latents = model.pipeline(**arguments).images
    if watch.stopped and scheduler.denoised is not None:
        latents = scheduler.denoised
    if not torch.isfinite(latents).all():
        raise ModelBroken(
            f"Checkpoint {plan.checkpoint.name!r} computed values that are no numbers (NaN); "
            "it is damaged, or CFG Scale or the prompt's weights are too high for it."
        )
    if inputs.inpaint is not None:
        latents = inputs.inpaint.end(latents, start.latents)
    return Sampled(start=start.latents, end=latents, complete=not watch.stopped)


class _Watch:
    """Called after each model call: reports progress, offers previews, passes on a stop."""

    def __init__(
        self, scheduler: PlannedScheduler, preview: PreviewMap, monitor: Monitor, steps: int
    ) -> None:
        self._scheduler = scheduler
        self._preview = preview
        self._monitor = monitor
        self._steps = steps
        self._reported = 0
        self.stopped = False

    def on_step(
        self, pipeline: object, call: int, timestep: object, tensors: dict[str, Any]
    ) -> dict[str, Any]:
        """Diffusers' callback_on_step_end; changes nothing of what it is given."""
        done = self._scheduler.steps_done
        if done > self._reported:
            self._reported = done
            self._monitor.step_done(done)
            denoised = self._scheduler.denoised
            if denoised is not None and done < self._steps and self._monitor.wants_preview(done):
                latents = denoised.to("cpu", torch.float32, copy=True)
                self._monitor.offer_preview(lambda: self._preview.draw(latents))
        if self._monitor.stop_now and done < self._steps:
            self.stopped = True
            setattr(pipeline, "_interrupt", True)  # noqa: B010 diffusers' documented way to end early
        return {}
