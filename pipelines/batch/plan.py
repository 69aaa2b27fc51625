"""A batch of files as one job: what is decided once, and each file's plan when its turn comes."""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

from PIL import Image

from pipelines.batch.files import InputFile, Masks, open_input
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.png_info import PngInfo, with_parameters
from pipelines.catalog.checkpoints import Catalog
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.masks import mask_from_picture
from pipelines.imaging.metadata import read_infotext
from pipelines.plan import Plan, make_plan
from pipelines.requests import Img2ImgRequest, Inpaint, ResizeBy, ResizeTo
from pipelines.settings import Settings
from pipelines.styles import StyleBook

STAND_IN = Image.new("RGB", (512, 512))
"""The init picture of a request that is over files."""

STAND_IN_MASK = Image.new("L", STAND_IN.size, 255)
"""Its mask, where inpainting is asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileBatch:
    """What a user asked for: these files, all of them treated alike.

    Every file's request is `request` with another init picture and mask, which are STAND_INs in
    it; without `inpaint` in it, `masks` must be None. All that is opened must lie in `folders`,
    links followed, but for `files` that were `uploaded`; None lets everything be opened. Without
    `output`, an absolute folder, results are saved as those of other jobs are. `problems` are
    sentences about what was not even listed.
    """

    request: Img2ImgRequest
    files: tuple[InputFile, ...]
    uploaded: bool = False
    masks: Masks | None = None
    png_info: PngInfo | None = None
    output: Path | None = None
    folders: AllowedFolders | None = None
    problems: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.files:
            raise InvalidRequest("There is no picture to start from; the batch holds no file.")
        if (self.masks is None) is not (self.request.inpaint is None):
            raise InvalidRequest("Inpainting a batch takes both masks and the values of the form.")


@dataclass(frozen=True, kw_only=True)
class FilePlan:
    """One file's plan, and what is to be said about it, a sentence each."""

    plan: Plan
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class BatchPlan(Plan):
    """The job over all files: to the engine a plan like any other, to `produce` many of them.

    As a Plan it is that of a file without parameters of its own, over a stand-in picture: its
    seeds, settings and checkpoint are those of every such file.
    """

    batch: FileBatch
    plan_file: Callable[[InputFile], FilePlan]


def make_batch_plan(
    batch: FileBatch, settings: Settings, catalog: Catalog, styles: StyleBook
) -> BatchPlan:
    """Decide what all files share, so that a mistake in the form is refused before the job waits.

    Seeds of -1 are resolved once for all files. No grid is made, and results that have a folder of
    their own are saved whatever the settings say, as A1111 has it. UserError as `make_plan`.
    """
    settings = settings.with_changes({"grid_save": False, "return_grid": False})
    if batch.output is not None:
        settings = settings.with_changes({"samples_save": True})
    size = batch.request.size
    if isinstance(size, ResizeBy):  # each file's own; the stand-in's says nothing
        size = ResizeTo(width=STAND_IN.width, height=STAND_IN.height)
    shared = make_plan(replace(batch.request, size=size), settings, catalog, styles)
    first = shared.images[0]
    seeds = replace(batch.request.seeds, seed=first.seed, variation_seed=first.variation_seed)
    request = replace(batch.request, seeds=seeds, model=shared.checkpoint.title)

    def plan_file(file: InputFile) -> FilePlan:
        wanted, notes = _file_request(file, batch, request, settings, catalog, styles)
        return FilePlan(plan=make_plan(wanted, settings, catalog, styles), notes=notes)

    values = {field.name: getattr(shared, field.name) for field in fields(Plan)}
    return BatchPlan(**values, batch=batch, plan_file=plan_file)


def _file_request(
    file: InputFile,
    batch: FileBatch,
    request: Img2ImgRequest,
    settings: Settings,
    catalog: Catalog,
    styles: StyleBook,
) -> tuple[Img2ImgRequest, tuple[str, ...]]:
    """What is asked for this file, and notes; InvalidPicture or InvalidRequest if it is no use."""
    if batch.masks is not None and batch.masks.find(file.stem) is None:
        raise InvalidPicture(f"There is no mask for it: no file {file.stem}.* among the masks.")
    picture = open_input(file, settings, None if batch.uploaded else batch.folders)
    wanted = replace(
        request, init_image=picture, inpaint=_inpaint(file, batch, request.inpaint, settings)
    )
    if batch.png_info is None:
        return wanted, ()
    infotext = _infotext(file, picture, batch, batch.png_info, settings)
    if infotext is None:
        return wanted, ("It has no PNG info, so only the form's values count.",)
    taken = with_parameters(
        wanted,
        infotext,
        batch.png_info.parameters,
        settings=settings,
        catalog=catalog,
        styles=styles,
    )
    return taken, ()


def _inpaint(
    file: InputFile, batch: FileBatch, form: Inpaint | None, settings: Settings
) -> Inpaint | None:
    mask = batch.masks.find(file.stem) if batch.masks else None
    if mask is None or form is None:
        return None
    try:
        picture = open_input(mask, settings, batch.folders)
    except InvalidPicture as error:
        raise InvalidPicture(f"Its mask {mask.name} cannot be used. {error}") from error
    return replace(form, mask=mask_from_picture(picture, rounded=form.soft is None))


def _infotext(
    file: InputFile, picture: Image.Image, batch: FileBatch, wanted: PngInfo, settings: Settings
) -> str | None:
    """The parameter text that counts for `file`; None where there is none."""
    if wanted.folder is None:
        return read_infotext(picture)
    name = Path(file.name).name
    other = InputFile(path=wanted.folder / name, name=name)
    if not other.path.exists():
        return None
    try:
        return read_infotext(open_input(other, settings, batch.folders))
    except InvalidPicture as error:
        raise InvalidPicture(f"Its PNG info {name} cannot be used. {error}") from error
