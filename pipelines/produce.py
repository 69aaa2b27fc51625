"""A plan to a result: every batch gets its infotext and is saved as soon as it is done."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, TypeVar

from PIL import Image

from pipelines import infotext
from pipelines.control.planned import PreparedUnit
from pipelines.errors import InvalidPicture, UserError
from pipelines.finish import Finished, Finisher
from pipelines.imaging.chunks import Chunks
from pipelines.imaging.colours import profile_problem, to_rgb
from pipelines.imaging.drawn import drawn_for, to_chunks
from pipelines.imaging.geometry import Size
from pipelines.imaging.grids import contact_sheet
from pipelines.imaging.kept_control import control_chunks
from pipelines.imaging.prepare import prepare
from pipelines.infotext_fields import INIT_IMAGE_HASH
from pipelines.monitor import Monitor, PartMonitor
from pipelines.plan import ImagePlan, Plan
from pipelines.requests import InpaintArea
from pipelines.results import Denoise, DenoisedBatch, Picture, Result
from pipelines.storage import Destination, Storage, init_image_hash

T = TypeVar("T")


class WriteInfotext(Protocol):
    """`pipelines.infotext.write`, as it is used here."""

    def __call__(
        self, plan: Plan, image_plan: ImagePlan, *, extra: tuple[tuple[str, str], ...] = ()
    ) -> str:
        """The parameter text of one picture."""
        ...


class Production:
    """Carries plans out: the network's run is handed in, and so is where pictures go."""

    def __init__(
        self, denoise: Denoise, storage: Storage, *, write_infotext: WriteInfotext = infotext.write
    ) -> None:
        self._denoise = denoise
        self._storage = storage
        self._write_infotext = write_infotext

    def sent_to(self, destination: Destination) -> "Production":
        """The same, but finished pictures go to `destination`, whatever the settings name."""
        return Production(
            self._denoise,
            self._storage.sent_to(destination),
            write_infotext=self._write_infotext,
        )

    def __call__(self, plan: Plan, monitor: Monitor) -> Result:
        """Everything the plan's job made, saved as the settings say; raises UserError.

        A failure to save costs no picture: it stays in the result, and the sentence goes into the
        comments. The same holds for a failure of the run once there are pictures. InvalidRequest
        for an output folder outside `outputs` comes before any work.
        """
        started = time.perf_counter()
        self._storage.check_folders(plan.settings)
        album = _Album(plan, self._storage, self._write_infotext)
        failed = False
        try:
            for batch in self._batches(plan, monitor):
                album.add(batch)
        except UserError as error:
            if not album.pictures:
                raise
            album.note(str(error))
            failed = True
        grid = album.make_grid()
        album.add_maps()
        stopped = failed or (monitor.stop_after_batch and album.incomplete)
        return Result(
            plan=plan,
            pictures=tuple(album.pictures),
            init_image=album.init_image or prepare(plan).shown,
            grid=grid,
            interrupted=stopped or len(album.finished) < len(plan.images),
            comments=tuple(album.comments),
            seconds=time.perf_counter() - started,
        )

    def _batches(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        """Those of all parts of the job, each of which says one thing."""
        parts = len(plan.batches) if plan.own_prompts else 1
        for position, part in enumerate(plan.parts()):
            if position and monitor.stop_after_batch:
                return
            yield from self._denoise(part, PartMonitor(monitor, position=position, parts=parts))


class _Album:
    """The pictures of one job as they come in."""

    def __init__(self, plan: Plan, storage: Storage, write_infotext: WriteInfotext) -> None:
        self.pictures: list[Picture] = []
        self.comments: list[str] = []
        self.init_image: Image.Image | None = None
        self.incomplete = False  # whether a batch was stopped early
        self._plan = plan
        self._storage = storage
        self._write_infotext = write_infotext
        self._finisher: Finisher | None = None
        self._extra: tuple[tuple[str, str], ...] = ()
        self._chunks: Chunks | None = None  # made for the first picture that is saved
        self._units: tuple[PreparedUnit, ...] = ()
        if problem := profile_problem(plan.request.init_image):
            self.note(problem)
        for note in (*plan.notes, *(note for unit in plan.control for note in unit.notes)):
            self.note(note)

    @property
    def finished(self) -> list[Picture]:
        """The pictures without the masks, composites and control maps that follow them."""
        return [picture for picture in self.pictures if not picture.extra]

    def note(self, sentence: str) -> None:
        """A sentence for the user; the same one is not said twice."""
        if sentence not in self.comments:
            self.comments.append(sentence)

    def add(self, batch: DenoisedBatch) -> None:
        """Take in one batch: last touches, infotext, file, comments."""
        settings = self._plan.settings
        for comment in batch.comments:
            self.note(comment)
        if self._finisher is None:
            self._finisher = self._begin(batch)
        self.incomplete = self.incomplete or not batch.complete
        wanted = settings.samples_save and (batch.complete or settings.save_incomplete_images)
        masked = batch.masked or (None,) * len(batch.images)
        for (image_plan, image), mask in zip(batch.images, masked, strict=True):
            finished = self._finisher.finish(image, mask)
            if wanted and self._chunks is None:
                self._chunks = self._kept(finished.image)
            extra = (*self._extra, *infotext.embedding_fields(batch.embeddings, settings))
            text = self._write_infotext(self._plan, image_plan, extra=extra)
            self._take(finished, image_plan, text, save=wanted)

    def make_grid(self) -> Picture | None:
        """The contact sheet of several pictures, if the settings want it saved or shown.

        One that shows an unfinished picture is saved only if unfinished pictures are.
        """
        plan, settings = self._plan, self._plan.settings
        pictures = self.finished
        if len(pictures) < 2 or not (settings.grid_save or settings.return_grid):
            return None
        try:
            sheet = contact_sheet(
                [to_rgb(picture.image) for picture in pictures],
                rows=settings.n_rows,
                batch_size=plan.request.batch.size,
                prevent_empty_spots=settings.grid_prevent_empty_spots,
                background=settings.grid_background_color,
            )
        except InvalidPicture as error:
            self.note(str(error))
            return None
        text = self.pictures[0].infotext
        path = None
        if settings.grid_save and (not self.incomplete or settings.save_incomplete_images):
            path = self._attempt(lambda: self._storage.save_grid(sheet, text, plan))
            if path is not None and settings.save_txt:
                self._attempt(lambda: self._storage.save_sidecar(path, text))
        if not settings.return_grid:
            return None
        return Picture(image=sheet, infotext=text, plan=None, path=path)

    def add_maps(self) -> None:
        """The units' control maps, saved and shown as the settings say."""
        settings = self._plan.settings
        for unit in self._units:
            module = unit.planned.preprocessor.key
            path = None
            if settings.control_net_detectmap_autosaving:
                path = self._attempt(
                    lambda image=unit.detected, module=module: self._storage.save_control_map(
                        image, module, settings
                    )
                )
            if not settings.control_net_no_detectmap:
                text = self.pictures[0].infotext
                self.pictures.append(
                    Picture(image=unit.detected, infotext=text, plan=None, path=path, extra=True)
                )

    def _begin(self, batch: DenoisedBatch) -> Finisher:
        """Once, with the first batch: the source picture is saved if the settings say so."""
        self.init_image = batch.init_image
        self._units = batch.units
        if self._plan.settings.save_init_img:
            self._extra = ((INIT_IMAGE_HASH, init_image_hash(self._plan.request.init_image)),)
            self._attempt(lambda: self._storage.save_init_image(self._plan))
        return Finisher(self._plan, batch.source or batch.init_image)

    def _kept(self, result: Image.Image) -> Chunks:
        """What a PNG of a result like this keeps of the job, if the settings want it."""
        if not self._plan.settings.embed_inpaint_mask:
            return ()
        units = [planned.unit for planned in self._plan.control]
        return (*self._drawn(result), *control_chunks(units))

    def _drawn(self, result: Image.Image) -> Chunks:
        """What was drawn for an inpaint job."""
        request = self._plan.request
        if request.inpaint is None:
            return ()
        is_crop = request.inpaint.area is InpaintArea.only_masked
        if is_crop and not self._plan.settings.overlay_inpaint:
            return ()  # the result is a part of the source, which the mask would not lie on
        source = to_rgb(request.init_image, self._plan.settings.img2img_background_color)
        size = Size.of(result.size)
        return to_chunks(drawn_for(request.inpaint, source, size, request.resize_mode))

    def _take(self, finished: Finished, image_plan: ImagePlan, text: str, *, save: bool) -> None:
        """One picture with its infotext and what comes with it, in A1111's order."""
        settings = self._plan.settings
        if not self.pictures:
            self._attempt(lambda: self._storage.remember(text))

        def write(image: Image.Image, suffix: str, chunks: Chunks = ()) -> Path | None:
            return self._attempt(
                lambda: self._storage.save_picture(
                    image, text, image_plan, self._plan, suffix=suffix, chunks=chunks
                )
            )

        if finished.uncorrected is not None and save:
            write(finished.uncorrected, "-before-color-correction")
        path = write(finished.image, "", self._chunks or ()) if save else None
        if path is not None and settings.save_txt:
            self._attempt(lambda: self._storage.save_sidecar(path, text))
        self.pictures.append(
            Picture(image=finished.image, infotext=text, plan=image_plan, path=path)
        )
        for image, suffix, keep, show in (
            (finished.mask, "-mask", settings.save_mask, settings.return_mask),
            (
                finished.composite,
                "-mask-composite",
                settings.save_mask_composite,
                settings.return_mask_composite,
            ),
        ):
            if image is None:
                continue
            beside = write(image, suffix) if keep and save else None
            if show:
                extra = Picture(
                    image=image, infotext=text, plan=image_plan, path=beside, extra=True
                )
                self.pictures.append(extra)

    def _attempt(self, save: Callable[[], T]) -> T | None:
        """What `save` gives; None, and its sentence among the comments, when it fails."""
        try:
            return save()
        except UserError as error:
            self.note(str(error))
            return None
