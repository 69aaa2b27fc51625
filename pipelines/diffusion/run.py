"""One plan in, pictures out: prepare, load, read the prompt, encode, denoise by batches, decode."""

import logging
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pipelines.catalog.checkpoints import (
    EDITING_CHANNELS,
    INPAINTING_CHANNELS,
    Checkpoint,
    VaeFile,
)
from pipelines.catalog.networks import NetworkFile
from pipelines.catalog.weights import DetectorTools, WeightStore
from pipelines.control.maps import prepare_units
from pipelines.control.planned import PreparedUnit
from pipelines.control.runner import PreprocessorRunner
from pipelines.diffusion.assemble import (
    BatchInputs,
    RefinerInputs,
    check_refiner,
    image_scale_of,
)
from pipelines.diffusion.cache import BoundedCache, PictureDigests
from pipelines.diffusion.control.job import ControlModels
from pipelines.diffusion.control.laid_on import JobUnits
from pipelines.diffusion.control.load import Base
from pipelines.diffusion.device import DevicePolicy
from pipelines.diffusion.guidance import Skips
from pipelines.diffusion.inpainting import (
    LatentInpaint,
    latent_change,
    picture_channels,
)
from pipelines.diffusion.memory import is_out_of_memory, release_memory
from pipelines.diffusion.models import Checkpoints, vae_key
from pipelines.diffusion.networks.applied import Networks, shared_by
from pipelines.diffusion.parts import Components
from pipelines.diffusion.prompts import Prompts, ReadPrompts
from pipelines.diffusion.sample import LoadedModel, Sampled, sample_batch
from pipelines.diffusion.seamless import seamless
from pipelines.diffusion.vae import decode, encode, resize_latents
from pipelines.errors import OutOfMemory
from pipelines.imaging.geometry import Size
from pipelines.imaging.inpaint import MaskedPicture
from pipelines.imaging.masks import fit_mask, unit_mask
from pipelines.imaging.prepare import Prepared, prepare
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.requests import Inpaint, ResizeMode
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings

log = logging.getLogger(__name__)

MEGABYTE = 1024**2


class Diffusion:
    """Carries out plans; owns the models and everything that is kept between jobs.

    `denoise` is for one thread at a time; `count_tokens` and `preload` may be called from others.
    """

    def __init__(
        self,
        policy: DevicePolicy,
        *,
        runner: PreprocessorRunner | None = None,
        models_dirs: Sequence[Path] = (),
    ) -> None:
        """`runner` makes the maps; `models_dirs` are where IP-Adapters' image encoders may be."""
        self._policy = policy
        tools = DetectorTools(WeightStore(()), lambda: str(policy.device))
        self._runner = runner or PreprocessorRunner(tools)
        self._controls = ControlModels(policy, models_dirs)
        self._models = Checkpoints(policy)
        self._networks = Networks(policy)
        self._prompts = Prompts(policy.device)
        self._latents: BoundedCache[torch.Tensor] = BoundedCache(64 * MEGABYTE, _tensor_bytes)
        self._pictures: BoundedCache[Prepared] = BoundedCache(
            256 * MEGABYTE, lambda prepared: prepared.nbytes
        )
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
        finally:
            self._controls.rest()
        # Outside the handler, since the traceback keeps what filled the memory.
        release_memory()
        raise OutOfMemory(
            f"Memory ran out for {len(plan.batches[0])} at once of {plan.latent_size.scaled(8)}; "
            "lower Batch size, Width or Height."
        )

    def _denoise(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        # 1. The picture as the network is shown it; what is refused is refused before any loading
        prepared = self._prepared(plan)
        units = prepare_units(plan, self._runner, stage=monitor.stage)
        # 2. The models, what they make of the texts and of the picture
        model = self._model(plan.checkpoint, plan.settings, monitor, plan.vae)
        applied = self._networks.apply(
            model.components,
            plan.networks.loras,
            title=plan.checkpoint.title,
            stage=monitor.stage,
        )
        control = self._control(plan, units, model, monitor)
        key = (model.key, applied.texts)
        texts = self._prompts.read(plan, model.components, key=key, monitor=monitor)
        if texts is None:
            return
        refiner = self._refiner(plan, model, prepared, monitor)
        with _borders(plan, model, control):
            inputs = replace(
                self._encoded(plan, model, prepared, texts, monitor),
                control=control,
                refiner=refiner,
            )
        shown = prepared.shown
        masked_notes = prepared.masked.messages if prepared.masked else ()
        # 3. Batch by batch
        for index, images in enumerate(plan.batches):
            if monitor.stop_after_batch:
                return
            monitor.begin_batch(index, len(plan.batches), plan.steps.executed)
            with _borders(plan, model, control, refiner):
                sampled = sample_batch(plan, model, images, inputs, monitor)
                decoded = tuple(
                    (image, _decoded(plan, model, latent, control))
                    for image, latent in zip(images, sampled.end, strict=True)
                )
            yield DenoisedBatch(
                images=decoded,
                init_image=shown,
                source=prepared.init_image,
                masked=_masked_pictures(plan, prepared, sampled),
                complete=sampled.complete,
                comments=(
                    *masked_notes,
                    *plan.networks.notes,
                    *applied.notes,
                    *texts.embeddings.notes,
                ),
                units=units,
                embeddings=texts.embeddings.hashes,
            )

    def preload(
        self,
        checkpoint: Checkpoint | None = None,
        settings: Settings | None = None,
        vae: VaeFile | None = None,
    ) -> None:
        """Load a model ahead of the first job; importing this module loaded the libraries."""
        if checkpoint is not None:
            self._models.preload(checkpoint, vae, settings or Settings())

    def forget_encodings(self) -> None:
        """Drop what is kept of pictures and texts; models stay."""
        for cache in (self._prompts, self._latents, self._pictures):
            cache.clear()

    def count_tokens(
        self,
        texts: Iterable[str],
        checkpoint: Checkpoint,
        settings: Settings | None = None,
        embeddings: Sequence[NetworkFile] = (),
    ) -> tuple[int, int]:
        """Tokens in the longest of `texts`, and tokens its chunks hold (75, 150, ...)."""
        return self._prompts.count_tokens(texts, checkpoint, settings or Settings(), embeddings)

    def _model(
        self,
        checkpoint: Checkpoint,
        settings: Settings,
        monitor: Monitor | None,
        vae: VaeFile | None = None,
    ) -> LoadedModel:
        stage = monitor.stage if monitor is not None else log.info
        return self._models.get(checkpoint, vae, settings, stage)

    def _control(
        self, plan: Plan, units: Sequence[PreparedUnit], model: LoadedModel, monitor: Monitor
    ) -> JobUnits | None:
        parts = model.components
        key = (model.key, vae_key(plan.vae))
        base = Base(
            unet=parts.unet,
            vae=parts.vae,
            title=plan.checkpoint.title,
            key=key,
            originals=lambda: self._networks.originals(parts),
        )
        return self._controls.units(
            plan, units, base, loading=lambda name: monitor.stage(f"Loading {name}")
        )

    def _prepared(self, plan: Plan) -> Prepared:
        request = plan.request
        key = (
            self._digests.digest(request.init_image),
            self._inpaint_key(request.inpaint),
            request.resize_mode,
            plan.size,
            plan.settings.img2img_background_color,
        )
        return self._pictures.get(key, lambda: prepare(plan))

    def _inpaint_key(self, inpaint: Inpaint | None) -> Hashable:
        """Everything an inpaint job asks for, its pictures by their content."""
        if inpaint is None:
            return None
        values = (getattr(inpaint, field.name) for field in fields(inpaint))
        return tuple(
            self._digests.digest(value) if isinstance(value, Image.Image) else value
            for value in values
        )

    def _encoded(
        self,
        plan: Plan,
        model: LoadedModel,
        prepared: Prepared,
        texts: ReadPrompts,
        monitor: Monitor,
    ) -> BatchInputs:
        return BatchInputs(
            texts=texts.guidance,
            latents=self._encode_picture(plan, model, prepared, monitor),
            inpaint=self._latent_inpaint(plan, prepared),
            channels=self._picture_channels(plan, model, prepared, monitor, model.components),
            image_scale=image_scale_of(plan, model.components),
        )

    def _refiner(
        self, plan: Plan, model: LoadedModel, prepared: Prepared, monitor: Monitor
    ) -> RefinerInputs | None:
        """The network that finishes the job, and what it is told; None without one.

        It has the LoRAs of the job, if they can fit both. InvalidRequest if the two do not predict
        the same.
        """
        refiner = plan.refiner
        if refiner is None:
            return None
        other = self._model(refiner.checkpoint, plan.settings, monitor, refiner.vae)
        check_refiner(plan, model.components, other.components)
        parts, title = other.components, refiner.checkpoint.title
        loras = shared_by(plan.networks.loras, model.components, parts)
        applied = self._networks.apply(parts, loras, title=title, stage=monitor.stage)
        texts = self._prompts.read(plan, parts, key=(other.key, applied.texts), monitor=monitor)
        if texts is None:
            return None
        return RefinerInputs(
            components=parts,
            texts=texts.guidance,
            switch_at=refiner.switch_at,
            channels=self._picture_channels(plan, model, prepared, monitor, parts),
            image_scale=image_scale_of(plan, parts),
            by_calls=Skips.of(plan).calls if plan.settings.refiner_switch_by_sample_steps else None,
        )

    def _encode_picture(
        self, plan: Plan, model: LoadedModel, prepared: Prepared, monitor: Monitor
    ) -> torch.Tensor:
        def make() -> torch.Tensor:
            monitor.stage("Encoding the picture")
            encoded = encode(model.components.vae, prepared.init_image, self._policy.device)
            if plan.request.resize_mode is ResizeMode.latent_upscale:
                return resize_latents(encoded, plan.latent_size)
            return encoded

        return self._latents.get(self._encoding_key(plan, model, prepared), make)

    def _picture_channels(
        self,
        plan: Plan,
        model: LoadedModel,
        prepared: Prepared,
        monitor: Monitor,
        shown: Components,
    ) -> torch.Tensor | None:
        """For a network made for inpainting or editing, which takes them in every kind of job.

        `model` encodes what `shown` is shown. For editing it is the picture's latents, unscaled.
        """
        channels = shown.unet.config["in_channels"]
        if channels == EDITING_CHANNELS:
            factor = model.components.vae.config["scaling_factor"]
            return self._encode_picture(plan, model, prepared, monitor) / factor
        if channels != INPAINTING_CHANNELS:
            return None
        weight = plan.settings.inpainting_mask_weight

        def make() -> torch.Tensor:
            monitor.stage("Encoding the picture")
            return picture_channels(
                model.components.vae,
                prepared.init_image,
                _picture_mask(plan, prepared),
                weight=weight,
                size=plan.latent_size,
                device=self._policy.device,
            )

        masked, inpaint = prepared.masked, plan.request.inpaint
        drawn = masked and self._digests.digest(masked.mask)
        rounded = inpaint is None or inpaint.soft is None
        key = (*self._encoding_key(plan, model, prepared), weight, drawn, rounded)
        return self._latents.get(key, make)

    def _encoding_key(
        self, plan: Plan, model: LoadedModel, prepared: Prepared
    ) -> tuple[Hashable, ...]:
        """What decides the latents of a picture: nothing that only its mask changes."""
        digest = self._digests.digest(prepared.init_image)
        return model.key, vae_key(plan.vae), digest, plan.latent_size, plan.settings.tiling

    def _latent_inpaint(self, plan: Plan, prepared: Prepared) -> LatentInpaint | None:
        inpaint, masked = plan.request.inpaint, prepared.masked
        if inpaint is None or masked is None:
            return None
        mask = torch.from_numpy(masked.latent_mask)[None, None].to(self._policy.device)
        return LatentInpaint(mask=mask, content=inpaint.content, soft=inpaint.soft)


def _decoded(
    plan: Plan, model: LoadedModel, latent: torch.Tensor, control: JobUnits | None
) -> Image.Image:
    picture = decode(model.components.vae, latent, widens=plan.settings.auto_vae_precision)
    return control.finish(picture) if control else picture


def _picture_mask(plan: Plan, prepared: Prepared) -> NDArray[np.float32]:
    """The mask at the size of the picture that is encoded; without one, all of it is repainted."""
    inpaint, masked, picture = plan.request.inpaint, prepared.masked, prepared.init_image
    if inpaint is None or masked is None:
        return np.ones((picture.height, picture.width), np.float32)
    fitted = fit_mask(masked.mask, Size.of(picture.size))
    return unit_mask(fitted, rounded=inpaint.soft is None)


def _masked_pictures(
    plan: Plan, prepared: Prepared, sampled: Sampled
) -> tuple[MaskedPicture, ...] | None:
    """How each result is laid into its picture; Soft inpainting looks at what has changed."""
    masked, inpaint = prepared.masked, plan.request.inpaint
    if masked is None or inpaint is None:
        return None
    if inpaint.soft is None:
        return (masked,) * len(sampled.end)
    soft = inpaint.soft
    changes = latent_change(sampled.end, sampled.start)
    return tuple(masked.with_soft_mask(change, soft) for change in changes)


def _borders(
    plan: Plan,
    model: LoadedModel,
    control: JobUnits | None,
    refiner: RefinerInputs | None = None,
) -> AbstractContextManager[None]:
    """Where a network's pictures end: nowhere, if they are to be tiled."""
    if not plan.settings.tiling:
        return nullcontext()
    parts = model.components
    second = (refiner.components.unet,) if refiner else ()
    return seamless(parts.unet, parts.vae, *second, *(control.networks if control else ()))


def _tensor_bytes(tensor: torch.Tensor) -> int:
    return tensor.numel() * tensor.element_size()
