"""A batch of files as one job: what is decided once, and each file's plan when its turn comes."""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Protocol

from PIL import Image

from pipelines.batch.files import InputFile, Masks, open_input
from pipelines.batch.folders import AllowedFolders
from pipelines.batch.png_info import PngInfo, with_parameters
from pipelines.batch.units import UnitFiles, list_units, standing_in
from pipelines.catalog.checkpoints import Catalog
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.masks import mask_from_picture
from pipelines.imaging.metadata import read_infotext
from pipelines.plan import Plan, make_plan
from pipelines.prompting.files import NO_FILES, PromptFiles
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

    With `same_picture` every request has the picture and mask that `request` has, and only its
    ControlNet units see other ones: files are then those of the first unit with a folder.
    """

    request: Img2ImgRequest
    files: tuple[InputFile, ...]
    uploaded: bool = False
    masks: Masks | None = None
    png_info: PngInfo | None = None
    output: Path | None = None
    folders: AllowedFolders | None = None
    problems: tuple[str, ...] = ()
    same_picture: bool = False

    def __post_init__(self) -> None:
        if not self.files:
            raise InvalidRequest("There is no picture to start from; the batch holds no file.")
        if self.same_picture:
            return
        if (self.masks is None) is not (self.request.inpaint is None):
            raise InvalidRequest("Inpainting a batch takes both masks and the values of the form.")


@dataclass(frozen=True, kw_only=True)
class FilePlan:
    """One file's plan, and what is to be said about it, a sentence each."""

    plan: Plan
    notes: tuple[str, ...]


class PlanFile(Protocol):
    """Decides one file's job when its turn comes."""

    def __call__(
        self, file: InputFile, *, position: int = 0, previous: Image.Image | None = None
    ) -> FilePlan:
        """The plan for `file`, which is at `position` among all; `previous` was made before it.

        UserError as `make_plan`, and InvalidPicture for a file that cannot be used.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class BatchPlan(Plan):
    """The job over all files: to the engine a plan like any other, to `produce` many of them.

    As a Plan it is that of a file without parameters of its own, over a stand-in picture: its
    seeds, settings and checkpoint are those of every such file.
    """

    batch: FileBatch
    plan_file: PlanFile


def make_batch_plan(
    batch: FileBatch,
    settings: Settings,
    catalog: Catalog,
    styles: StyleBook,
    *,
    control: ControlMenus = NO_CONTROL,
    files: PromptFiles = NO_FILES,
) -> BatchPlan:
    """Decide what all files share, so that a mistake in the form is refused before the job waits.

    Seeds of -1 are resolved once for all files. No grid is made, no control map is shown, and
    results that have a folder of their own are saved whatever the settings say, as A1111 has it.
    Where a unit's folder holds fewer files, the batch ends with them. UserError as `make_plan`.
    """
    settings = settings.with_changes(
        {"grid_save": False, "return_grid": False, "control_net_no_detectmap": True}
    )
    if batch.output is not None:
        settings = settings.with_changes({"samples_save": True})
    leave_out = () if batch.output is None else (batch.output,)
    unit_files = list_units(batch.request.control, leave_out=leave_out)
    batch = _cut_to(unit_files.fewest, batch)
    size = batch.request.size
    if isinstance(size, ResizeBy) and not batch.same_picture:  # the stand-in's says nothing
        size = ResizeTo(width=STAND_IN.width, height=STAND_IN.height)
    units = standing_in(batch.request.control, STAND_IN)
    wanted = replace(batch.request, size=size, control=units)
    shared = make_plan(wanted, settings, catalog, styles, control=control, files=files)
    first = shared.images[0]
    seeds = replace(batch.request.seeds, seed=first.seed, variation_seed=first.variation_seed)
    request = replace(batch.request, seeds=seeds, model=shared.checkpoint.title)
    decide = _Decide(batch, request, unit_files, settings, catalog, styles, control, files)
    values = {field.name: getattr(shared, field.name) for field in fields(Plan)}
    return BatchPlan(**values, batch=batch, plan_file=decide)


def _cut_to(count: int | None, batch: FileBatch) -> FileBatch:
    """The batch without the files that a unit's folder has no picture for, which is said."""
    total = len(batch.files)
    if count is None or count >= total:
        return batch
    problem = f"Only the first {count} of {total} files are done: a ControlNet unit has no more."
    return replace(batch, files=batch.files[:count], problems=(*batch.problems, problem))


@dataclass(frozen=True)
class _Decide:
    """Makes the plan of each file when its turn comes; see `PlanFile`."""

    batch: FileBatch
    request: Img2ImgRequest
    unit_files: UnitFiles
    settings: Settings
    catalog: Catalog
    styles: StyleBook
    control: ControlMenus
    files: PromptFiles

    def __call__(
        self, file: InputFile, *, position: int = 0, previous: Image.Image | None = None
    ) -> FilePlan:
        request, notes = self._request(file)
        units = self.unit_files.units_for(
            request.control, position, previous, self.settings, self.batch.folders
        )
        seeds = request.seeds
        if self.unit_files.listed and self.settings.controlnet_increment_seed_during_batch:
            seeds = replace(seeds, seed=seeds.seed + position)
        plan = make_plan(
            replace(request, control=units, seeds=seeds),
            self.settings,
            self.catalog,
            self.styles,
            control=self.control,
            files=self.files,
        )
        return FilePlan(plan=plan, notes=notes)

    def _request(self, file: InputFile) -> tuple[Img2ImgRequest, tuple[str, ...]]:
        """What is asked for this file, and notes; InvalidPicture or InvalidRequest if no use."""
        batch = self.batch
        if batch.same_picture:
            return self.request, ()
        if batch.masks is not None and batch.masks.find(file.stem) is None:
            raise InvalidPicture(f"There is no mask for it: no file {file.stem}.* among the masks.")
        picture = open_input(file, self.settings, None if batch.uploaded else batch.folders)
        inpaint = _inpaint(file, batch, self.request.inpaint, self.settings)
        wanted = replace(self.request, init_image=picture, inpaint=inpaint)
        if batch.png_info is None:
            return wanted, ()
        infotext = _infotext(file, picture, batch, batch.png_info, self.settings)
        if infotext is None:
            return wanted, ("It has no PNG info, so only the form's values count.",)
        taken = with_parameters(
            wanted,
            infotext,
            batch.png_info.parameters,
            settings=self.settings,
            catalog=self.catalog,
            styles=self.styles,
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
