"""One plan in, pictures out: load, read the prompt, encode, denoise batch by batch, decode."""

import logging
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.assemble import (
    BatchInputs,
    batch_scheduler,
    call_arguments,
    img2img_pipeline,
    keep_outside_in_float32,
)
from pipelines.diffusion.cache import BoundedCache, ModelCache, PictureDigests
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.load import (
    fingerprint,
    load_components,
    load_tokenizer,
    place,
)
from pipelines.diffusion.memory import is_out_of_memory, release_memory
from pipelines.diffusion.parts import Components, Pipeline, Tokenizer
from pipelines.diffusion.preview import PreviewMap, fit_preview
from pipelines.diffusion.schedulers import PlannedScheduler
from pipelines.diffusion.text import TextOptions, count_tokens, encode_text, pad_to_same_length
from pipelines.diffusion.vae import decode, encode, resize_latents
from pipelines.errors import ModelBroken, ModelNotFound, OutOfMemory
from pipelines.imaging.prepare import prepare_init_image
from pipelines.monitor import Monitor
from pipelines.plan import ImagePlan, Plan
from pipelines.requests import ResizeMode
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings

log = logging.getLogger(__name__)

GIGABYTE = 1024**3
MEGABYTE = 1024**2


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """A model on its device, ready to be called. `key` changes when its files do."""

    key: Hashable
    components: Components
    pipeline: Pipeline
    preview: PreviewMap


class Diffusion:
    """Carries out plans; owns the models and everything that is kept between jobs.

    `denoise` is for one thread at a time; `count_tokens` and `preload` may be called from others.
    """

    def __init__(self, policy: DevicePolicy) -> None:
        self._policy = policy
        self._models: ModelCache[LoadedModel] = ModelCache(lambda model: model.components.nbytes)
        self._tokenizers: BoundedCache[Tokenizer] = BoundedCache(8, lambda _: 1)
        self._texts: BoundedCache[torch.Tensor] = BoundedCache(64 * MEGABYTE, _tensor_bytes)
        self._latents: BoundedCache[torch.Tensor] = BoundedCache(64 * MEGABYTE, _tensor_bytes)
        self._pictures: BoundedCache[Image.Image] = BoundedCache(256 * MEGABYTE, _picture_bytes)
        self._digests = PictureDigests()
        log.info("Models run on %s.", policy)

    def denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        """Yield one DenoisedBatch per batch until done or stopped; raise UserError on failure."""
        try:
            yield from self._denoise(plan, monitor)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            log.warning("Memory ran out for good.", exc_info=True)
        else:
            return
        # Outside the handler, since the traceback keeps what filled the memory.
        release_memory()
        raise OutOfMemory(
            f"Memory ran out for {len(plan.batches[0])} at once of {plan.latent_size.scaled(8)}; "
            "lower Batch size, Width or Height."
        )

    def _denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        # 1. The model
        model = self._model(plan.checkpoint, plan.settings, monitor)
        # 2. The picture as the network is shown it, and the texts
        picture_key, picture = self._prepared(plan)
        inputs = self._encoded(plan, model, picture_key, picture, monitor)
        # 3. Batch by batch
        for index, images in enumerate(plan.batches):
            if monitor.stop_after_batch:
                return
            monitor.begin_batch(index, len(plan.batches), plan.steps.executed)
            latents, complete = _sample_within_memory(plan, model, images, inputs, monitor)
            decoded = tuple(
                (image, decode(model.components.vae, latent))
                for image, latent in zip(images, latents, strict=True)
            )
            yield DenoisedBatch(images=decoded, init_image=picture, complete=complete)

    def preload(
        self, checkpoint: Checkpoint | None = None, settings: Settings | None = None
    ) -> None:
        """Load a model ahead of the first job; importing this module loaded the libraries."""
        if checkpoint is not None:
            self._model(checkpoint, settings or Settings(), None)

    def forget_encodings(self) -> None:
        """Drop what is kept of pictures and texts; models stay."""
        for cache in (self._texts, self._latents, self._pictures):
            cache.clear()

    def count_tokens(
        self, text: str, checkpoint: Checkpoint, settings: Settings | None = None
    ) -> tuple[int, int]:
        """Tokens in `text` and tokens its chunks hold (75, 150, ...), as the model counts them."""
        tokenizer = self._tokenizers.get(
            (checkpoint.path, _fingerprint(checkpoint)), lambda: load_tokenizer(checkpoint)
        )
        return count_tokens(tokenizer, text, TextOptions.of(settings or Settings()))

    def _model(
        self, checkpoint: Checkpoint, settings: Settings, monitor: Monitor | None
    ) -> LoadedModel:
        key = (checkpoint.path, _fingerprint(checkpoint))
        if monitor is not None and key not in self._models:
            monitor.stage(f"Loading {checkpoint.name}")
        budget = int(settings.model_cache_gigabytes * GIGABYTE)
        return self._models.get(key, budget, lambda: self._load(key, checkpoint))

    def _load(self, key: Hashable, checkpoint: Checkpoint) -> LoadedModel:
        components = load_components(checkpoint, self._policy)
        pipeline = img2img_pipeline(components)
        keep_outside_in_float32(components.unet, self._policy.dtype)
        place(pipeline, self._policy)
        preview = fit_preview(components.vae, self._policy.device)
        return LoadedModel(key=key, components=components, pipeline=pipeline, preview=preview)

    def _prepared(self, plan: Plan) -> tuple[Hashable, Image.Image]:
        key = (
            self._digests.digest(plan.request.init_image),
            plan.request.resize_mode,
            plan.size,
            plan.settings.img2img_background_color,
        )
        return key, self._pictures.get(key, lambda: prepare_init_image(plan))

    def _encoded(
        self,
        plan: Plan,
        model: LoadedModel,
        picture_key: Hashable,
        picture: Image.Image,
        monitor: Monitor,
    ) -> BatchInputs:
        components, device = model.components, self._policy.device
        options = TextOptions.of(plan.settings)

        def text(words: str) -> torch.Tensor:
            def make() -> torch.Tensor:
                monitor.stage("Reading the prompt")
                return encode_text(components, words, options, device)

            return self._texts.get((model.key, words, options), make)

        def latents() -> torch.Tensor:
            monitor.stage("Encoding the picture")
            encoded = encode(components.vae, picture, device)
            if plan.request.resize_mode is ResizeMode.latent_upscale:
                return resize_latents(encoded, plan.latent_size)
            return encoded

        positive, negative = pad_to_same_length(
            text(plan.prompt.positive), text(plan.prompt.negative), text("")
        )
        return BatchInputs(
            positive=positive,
            negative=negative,
            latents=self._latents.get((model.key, picture_key), latents),
        )


def _fingerprint(checkpoint: Checkpoint) -> Hashable:
    try:
        return fingerprint(checkpoint)
    except OSError as error:
        raise ModelNotFound(
            f"Checkpoint {checkpoint.name!r} is no longer at {checkpoint.path}."
        ) from error


def _sample_within_memory(
    plan: Plan,
    model: LoadedModel,
    images: Sequence[ImagePlan],
    inputs: BatchInputs,
    monitor: Monitor,
) -> tuple[torch.Tensor, bool]:
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
) -> tuple[torch.Tensor, bool]:
    """Denoised latents (BxCxHxW float32) of a batch, and whether it ran to its end.

    A batch that was stopped gives its last predicted clean latents, as A1111 does.
    """
    scheduler = batch_scheduler(plan, model.components, images, inputs)
    watch = _Watch(scheduler, model.preview, monitor, plan.steps.executed)
    model.pipeline.scheduler = scheduler
    arguments = call_arguments(plan, len(images), inputs, watch.on_step)
    latents = model.pipeline(**arguments).images
    if watch.stopped and scheduler.denoised is not None:
        latents = scheduler.denoised
    if not torch.isfinite(latents).all():
        raise ModelBroken(
            f"Checkpoint {plan.checkpoint.name!r} computed values that are no numbers (NaN); "
            "it is damaged, or CFG Scale or the prompt's weights are too high for it."
        )
    return latents, not watch.stopped


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


def _tensor_bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _picture_bytes(picture: Image.Image) -> int:
    return picture.width * picture.height * 4
