"""A batch of files to a result: one file after the other, with no more than one open at a time."""

import logging
import time
from dataclasses import replace

from PIL import Image

from pipelines.batch.files import InputFile
from pipelines.batch.monitor import FileMonitor
from pipelines.batch.plan import BatchPlan, FilePlan
from pipelines.batch.report import BatchReport, FileReport, Outcome
from pipelines.errors import (
    InvalidPicture,
    InvalidRequest,
    ModelBroken,
    ModelNotFound,
    UserError,
    describe_unexpected,
)
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.produce import Production
from pipelines.results import Picture, Result
from pipelines.storage import Destination

log = logging.getLogger(__name__)

SHOWN_BYTES = 256 * 2**20
"""Memory that the pictures kept for the page may take, whatever the setting says."""


class BatchProduction:
    """Carries out any plan: a batch's file by file, every other as `production` does."""

    def __init__(self, production: Production, *, shown_bytes: int = SHOWN_BYTES) -> None:
        self._production = production
        self._shown_bytes = shown_bytes

    def __call__(self, plan: Plan, monitor: Monitor) -> Result:
        """What the job made. In a batch, a file's failure costs that file alone, and is reported.

        UserError as `Production`; in a batch only while there is no picture yet, and only for what
        every other file would fail of, too.
        """
        if not isinstance(plan, BatchPlan):
            return self._production(plan, monitor)
        started = time.perf_counter()
        run = _BatchRun(plan, self._production, _Shown(plan, self._shown_bytes))
        run.carry_out(monitor)
        return run.result(time.perf_counter() - started)


class _Shown:
    """The first pictures of a batch, as many as the settings want and memory allows."""

    def __init__(self, plan: BatchPlan, most_bytes: int) -> None:
        limit = plan.settings.img2img_batch_show_results_limit
        self._most = None if limit < 0 else limit
        self._bytes_left = most_bytes
        self.pictures: list[Picture] = []
        self.made = 0
        self._full = False

    def add(self, result: Result) -> None:
        """Keep what there is room for, each picture with the source it came from."""
        for picture in result.pictures:
            self.made += 1
            size = _bytes(picture.image) + _bytes(result.init_image)
            self._full = self._full or size > self._bytes_left or len(self.pictures) == self._most
            if not self._full:
                self._bytes_left -= size
                self.pictures.append(replace(picture, init_image=result.init_image))


class _BatchRun:
    """One batch as it goes."""

    def __init__(self, plan: BatchPlan, production: Production, shown: _Shown) -> None:
        self._plan = plan
        self._production = production
        self._shown = shown
        self._reports: list[FileReport] = []
        self._notes = list(plan.batch.problems)
        self._interrupted = False
        self._loops_back = any(unit.loopback for unit in plan.request.control)
        self._previous: Image.Image | None = None  # for units that loop back

    def carry_out(self, monitor: Monitor) -> None:
        """Every file, until Interrupt or something that would befall all that follow."""
        files = self._plan.batch.files
        for position, file in enumerate(files):
            if monitor.stop_after_batch:
                self._interrupted = True
                return
            file_monitor = FileMonitor(
                monitor,
                name=file.name,
                position=position,
                files=len(files),
                skipped=sum(report.outcome is Outcome.skipped for report in self._reports),
            )
            file_monitor.stage("")
            if not self._carry_out_one(file, position, file_monitor, monitor):
                return

    def result(self, seconds: float) -> Result:
        """What came out."""
        report = BatchReport(
            files=tuple(self._reports),
            unreached=len(self._plan.batch.files) - len(self._reports),
            made=self._shown.made,
            shown=len(self._shown.pictures),
            notes=tuple(self._notes),
        )
        pictures = tuple(self._shown.pictures)
        first = pictures[0].init_image if pictures else None
        return Result(
            plan=self._plan,
            pictures=pictures,
            init_image=first or self._plan.request.init_image,
            interrupted=self._interrupted or report.unreached > 0,
            comments=tuple(self._notes),
            seconds=seconds,
            report=report,
        )

    def _carry_out_one(
        self, file: InputFile, position: int, monitor: FileMonitor, job: Monitor
    ) -> bool:
        """One file, and its line in the report; False when the batch ends with it."""
        planned: FilePlan | None = None
        try:
            planned = self._plan.plan_file(file, position=position, previous=self._previous)
            result = self._production_for(file)(planned.plan, monitor)
        except (InvalidPicture, InvalidRequest) as error:
            self._report(file, Outcome.skipped, str(error))
        except UserError as error:
            self._report(file, Outcome.failed, str(error))
            return not (planned and self._befalls_all(error, planned.plan))
        except Exception as error:
            # One file that trips over a mistake of ours must not cost all that follow.
            log.exception("File %s of a batch failed unexpectedly.", file.name)
            self._report(file, Outcome.failed, describe_unexpected(error))
        else:
            return self._take(file, planned, result, monitor, job)
        return True

    def _production_for(self, file: InputFile) -> Production:
        folder = self._plan.batch.output
        if folder is None:
            return self._production
        return self._production.sent_to(Destination(folder=folder, stem=file.safe_stem))

    def _befalls_all(self, error: UserError, plan: Plan) -> bool:
        """Whether every other file would fail of this; raises it if it is all there is to tell."""
        if not isinstance(error, ModelNotFound | ModelBroken):
            return False
        if plan.checkpoint != self._plan.checkpoint:  # the file's own, from its PNG info
            return False
        if not self._shown.made:
            raise error
        self._notes.append(str(error))
        return True

    def _take(
        self,
        file: InputFile,
        planned: FilePlan,
        result: Result,
        monitor: FileMonitor,
        job: Monitor,
    ) -> bool:
        """Keep what came of a file; False when the batch ends with it."""
        self._shown.add(result)
        if self._loops_back and result.pictures:
            self._previous = result.pictures[0].image
        cut_short = result.interrupted or monitor.skipped
        outcome = Outcome.done
        if cut_short and job.stop_after_batch:
            outcome, self._interrupted = Outcome.interrupted, True
        elif monitor.skipped:
            outcome = Outcome.skipped
        elif cut_short:
            outcome = Outcome.failed
        paths = [picture.path for picture in result.pictures if picture.path is not None]
        notes = (*planned.notes, *result.comments)
        if monitor.skipped:
            notes = (*notes, "Skip was pressed.")
        saved = tuple(path.name for path in paths)
        self._report(file, outcome, *notes, saved=saved)
        if paths or outcome is not Outcome.done or not self._plan.settings.samples_save:
            return True
        # Nothing more is made that would be lost: the disk is full, or the folder is gone.
        self._notes.append(f"Nothing more was made, since results of {file.name} were not saved.")
        return False

    def _report(
        self, file: InputFile, outcome: Outcome, *notes: str, saved: tuple[str, ...] = ()
    ) -> None:
        self._reports.append(FileReport(name=file.name, outcome=outcome, saved=saved, notes=notes))


def _bytes(picture: Image.Image) -> int:
    """Memory of an 8-bit picture."""
    return picture.width * picture.height * len(picture.getbands())
