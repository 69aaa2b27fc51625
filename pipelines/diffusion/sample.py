"""One batch, denoised: through diffusers' pipeline, watched, within the memory there is."""

import logging
from collections.abc import Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from pipelines.diffusion.assemble import (
    BatchInputs,
    RefinerInputs,
    call_arguments,
    start_batch,
)
from pipelines.diffusion.control.laid_on import laid_on
from pipelines.diffusion.control.style_align import style_aligned
from pipelines.diffusion.guidance import Edit, guided
from pipelines.diffusion.inpainting import conditioned
from pipelines.diffusion.memory import is_out_of_memory, release_memory
from pipelines.diffusion.parts import Components, Pipeline, Unet
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
    refiner = inputs.refiner
    with _sliced_attention(model.components.unet, *([refiner.components.unet] if refiner else [])):
        return _sample(plan, model, images, inputs, monitor)


@contextmanager
def _sliced_attention(*unets: Unet) -> Iterator[None]:
    """Attention computed one head at a time: slower, in less memory."""
    with ExitStack() as undo:
        for unet in unets:
            undo.callback(unet.set_attn_processor, dict(unet.attn_processors))
            unet.set_attention_slice("max")
        yield


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
    pictures, count = len(images) if plan.request.style_align else 1, len(images)
    # The units are before the channels, since they see the latents alone; they lay what they change
    # of the attention over what a batch shares. The texts are last, as they surround all of it.
    with (
        style_aligned(unet, pictures=pictures),
        steered,
        _told(unet, inputs, scheduler, count),
        _finished_by(inputs.refiner, model.pipeline, scheduler, count),
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


@contextmanager
def _told(
    unet: Unet, inputs: BatchInputs | RefinerInputs, scheduler: PlannedScheduler, pictures: int
) -> Iterator[None]:
    """`unet` is told the texts and shown the channels of `inputs`, whenever it is asked."""
    with conditioned(unet, inputs.channels) as unseen:
        edit = None if inputs.image_scale == 1 else Edit(scale=inputs.image_scale, unseen=unseen)
        with (
            guided(
                unet,
                inputs.texts,
                pictures=pictures,
                sigma=lambda: scheduler.sigma,
                calls_before=lambda: scheduler.calls_done,
                edit=edit,
            ),
            scheduler.listening(unet),
        ):
            yield


@contextmanager
def _finished_by(
    refiner: RefinerInputs | None, pipeline: Pipeline, scheduler: PlannedScheduler, pictures: int
) -> Iterator[None]:
    """The pipeline's network is another one from the first call on at which that is due.

    It is exchanged within the pipeline's loop, since before that the pipeline checks what it is
    given against its own. The units are made for the first network, and do not act on the other,
    as in A1111.
    """
    if refiner is None:
        yield
        return
    first, second = pipeline.unet, refiner.components.unet

    def look() -> None:
        if pipeline.unet is first and refiner.is_due(scheduler):
            pipeline.unet = second

    scheduler.before_calls(look)
    with _told(second, refiner, scheduler, pictures):
        try:
            yield
        finally:
            pipeline.unet = first


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
