"""Generate and its results: submit the form, show what a job made, keep the views in step."""

import logging
from dataclasses import replace

import gradio as gr
from PIL import Image

from pipelines.batch.control import batch_over_units
from pipelines.batch.plan import FileBatch, make_batch_plan
from pipelines.engine.jobs import Job
from pipelines.errors import MissingWeights, UserError
from pipelines.infotext import parse
from pipelines.plan import Plan, make_plan
from pipelines.results import Picture
from ui.batch_forms import read_batch
from ui.batch_report import report_html
from ui.context import Context
from ui.control_forms import read_batch_options, read_units
from ui.fields import integer
from ui.forms import read_request
from ui.messages import error_html, infotext_html, note_html, owner_of, plain_html
from ui.missing_weights import offer_html
from ui.sources import SourceTab
from ui.uploads import Uploads
from ui.values import UNCHANGED, Raw, Update, Values

log = logging.getLogger(__name__)


class GenerateEvents:
    """Handlers of the Generate button and the result column."""

    def __init__(self, context: Context, uploads: Uploads) -> None:
        self._context = context
        self._uploads = uploads

    def submit(self, request: gr.Request, **values: Raw) -> str:
        """Queue a job for the form; the message for the log: empty, or why not."""
        try:
            self._context.engine.submit(self._plan(values), owner_of(request))
        except MissingWeights as error:
            return offer_html(error)
        except UserError as error:
            return error_html(str(error))
        return ""

    def show(self, request: gr.Request, job_id: str) -> tuple[Update, ...]:
        """Gallery, selected index, infotext, log and job id once a job has ended.

        A job that made no picture leaves the pictures of the one before in place.
        """
        job = self._job(request, job_id)
        if job is None:
            return UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED, UNCHANGED
        if job.error is not None:
            return UNCHANGED, UNCHANGED, UNCHANGED, error_html(job.error), UNCHANGED
        if job.result is None:
            return UNCHANGED, UNCHANGED, UNCHANGED, plain_html("Cancelled."), UNCHANGED
        pictures = shown_pictures(job)
        if not pictures:
            return UNCHANGED, UNCHANGED, UNCHANGED, summary(job), UNCHANGED
        files = [self._servable(picture) for picture in pictures]
        return (
            gr.Gallery(value=files, selected_index=0),
            0,
            infotext_html(pictures[0].infotext),
            summary(job),
            job.id,
        )

    def select(self, request: gr.Request, job_id: str, event: gr.SelectData) -> tuple[Update, ...]:
        """Index and infotext of the picture that was selected in the gallery."""
        picture = self._picture(request, job_id, event.index)
        if picture is None:
            return UNCHANGED, UNCHANGED
        return event.index, infotext_html(picture.infotext)

    def compare(self, request: gr.Request, job_id: str, index: Raw) -> Update:
        """The prepared source picture beside the selected result."""
        job = self._job(request, job_id)
        picture = self._picture(request, job_id, index)
        if job is None or job.result is None or picture is None:
            return UNCHANGED
        if picture is job.result.grid:
            picture = job.result.pictures[0]
        source = job.result.init_image if picture.init_image is None else picture.init_image
        return source, self._servable(picture)

    def send_to_img2img(self, request: gr.Request, job_id: str, index: Raw) -> tuple[Update, ...]:
        """The selected picture as the next source, and its size if the settings say so."""
        picture = self._picture(request, job_id, index)
        if picture is None:
            return UNCHANGED, UNCHANGED, UNCHANGED
        return (self._servable(picture), *self.send_size(request, job_id, index))

    def send_size(self, request: gr.Request, job_id: str, index: Raw) -> tuple[Update, Update]:
        """Width and height of the selected picture if the settings want them sent."""
        picture = self._picture(request, job_id, index)
        if picture is None or not self._context.settings.current.send_size:
            return UNCHANGED, UNCHANGED
        return picture.image.size

    def reuse(self, request: gr.Request, job_id: str, index: Raw, name: str) -> int:
        """The number called `name` in the selected picture's infotext; -1 where there is none."""
        picture = self._picture(request, job_id, index)
        value = parse(picture.infotext).fields.get(name, "") if picture else ""
        return int(value) if value.isdecimal() else -1

    def reuse_seed(self, request: gr.Request, job_id: str, index: Raw) -> int:
        """The selected picture's seed."""
        return self.reuse(request, job_id, index, "Seed")

    def reuse_variation_seed(self, request: gr.Request, job_id: str, index: Raw) -> int:
        """The selected picture's variation seed."""
        return self.reuse(request, job_id, index, "Variation seed")

    def _plan(self, values: Values) -> Plan:
        """What the form asks for, decided: one picture's job, or that of a batch of files."""
        context, settings = self._context, self._context.settings.current
        units = read_units(values, self._uploads, context.control, context.folders)
        control = {"control": units, **read_batch_options(values)}
        if integer("Tab", values["mode"]) == SourceTab.batch:
            batch = read_batch(values, context.folders)
            batch = replace(batch, request=replace(batch.request, **control))
            return self._plan_batch(batch)
        wanted = read_request(values, self._uploads, background=settings.img2img_background_color)
        wanted = replace(wanted, **control)
        over_units = batch_over_units(wanted, context.folders)
        if over_units is not None:
            return self._plan_batch(over_units)
        return make_plan(
            wanted,
            settings,
            context.catalog,
            context.styles,
            control=context.control,
            files=context.prompt_files,
        )

    def _plan_batch(self, batch: FileBatch) -> Plan:
        context, settings = self._context, self._context.settings.current
        return make_batch_plan(
            batch,
            settings,
            context.catalog,
            context.styles,
            control=context.control,
            files=context.prompt_files,
        )

    def _job(self, request: gr.Request, job_id: Raw) -> Job | None:
        job = self._context.engine.get(job_id) if isinstance(job_id, str) else None
        return job if job is not None and job.owner == owner_of(request) else None

    def _picture(self, request: gr.Request, job_id: Raw, index: Raw) -> Picture | None:
        job = self._job(request, job_id)
        pictures = shown_pictures(job) if job else ()
        if not isinstance(index, int | float) or not 0 <= int(index) < len(pictures):
            return None
        return pictures[int(index)]

    def _servable(self, picture: Picture) -> str | Image.Image:
        """The saved file where the page may serve it; else the picture with its infotext."""
        if picture.path is not None and picture.path.is_file():
            path = picture.path.resolve()
            if path.is_relative_to(self._context.outputs.resolve()):
                return str(path)
        copy = picture.image.copy()
        profile = copy.info.get("icc_profile")  # the numbers mean other colours without it
        copy.info = {"parameters": picture.infotext}
        if profile is not None:
            copy.info["icc_profile"] = profile
        return copy


def shown_pictures(job: Job) -> tuple[Picture, ...]:
    """The gallery of a job: its grid first, if it is to be shown, then its pictures."""
    result = job.result
    if result is None:
        return ()
    shows_grid = result.grid is not None and job.plan.settings.return_grid
    grid = (result.grid,) if result.grid is not None and shows_grid else ()
    return (*grid, *result.pictures)


def summary(job: Job) -> str:
    """Time taken, and notes on the job, as HTML."""
    result = job.result
    assert result is not None
    seconds = result.seconds
    taken = (
        f"{seconds:.1f} sec."
        if seconds < 60
        else f"{seconds // 60:.0f} min. {seconds % 60:.1f} sec."
    )
    lines = [f"<p>Time taken: <b>{taken}</b></p>"]
    lines += [note_html(comment) for comment in result.comments]
    if result.report is not None:
        lines.append(report_html(result.report))
    elif not result.pictures:
        lines.append(plain_html("Interrupted before the first picture was finished."))
    return "".join(lines)
