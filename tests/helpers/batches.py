"""Batches of files for tests, and a run that records what it was asked and draws noise."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.batch.files import InputFile, list_folder
from pipelines.batch.plan import STAND_IN, BatchPlan, FileBatch, make_batch_plan
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.requests import Img2ImgRequest, ResizeTo
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.images import gradient, noise
from tests.helpers.jobs import OneCheckpoint

NO_STYLES = StyleBook(Path("no such file.csv"))


def write_pictures(folder: Path, *names: str, size: tuple[int, int] = (64, 64)) -> Path:
    """Pictures of these names in `folder`; one whose name begins with "broken" is none."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name.startswith("broken"):
            path.write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
        else:
            gradient(*size).save(path)
    return folder.resolve()


def files_in(folder: Path) -> tuple[InputFile, ...]:
    """The folder's pictures as the page would list them."""
    return list_folder(folder.resolve()).files


def batch_for(
    files: tuple[InputFile, ...], *, more: Mapping[str, Any] | None = None, **parts: Any
) -> FileBatch:
    """A batch at 64x64; `more` are further fields of FileBatch, `parts` those of the request."""
    request = Img2ImgRequest(
        init_image=STAND_IN, **{"size": ResizeTo(width=64, height=64), **parts}
    )
    return FileBatch(request=request, files=files, **(more or {}))


def batch_plan(batch: FileBatch, catalog: Any = None, **settings: Any) -> BatchPlan:
    """The batch's plan under A1111's settings but for these."""
    return make_batch_plan(
        batch, Settings().with_changes(settings), catalog or OneCheckpoint(), NO_STYLES
    )


class RecordingRun:
    """Pictures of noise by seed; `plans` are those it was given, `act` is called with each."""

    def __init__(self, act: Callable[[Plan, Monitor], None] = lambda plan, monitor: None) -> None:
        self.plans: list[Plan] = []
        self.act = act

    def __call__(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        self.plans.append(plan)
        for index, batch in enumerate(plan.batches):
            if monitor.stop_after_batch:
                return
            monitor.begin_batch(index, len(plan.batches), 10)
            self.act(plan, monitor)
            yield DenoisedBatch(
                images=tuple((image, noise(seed=image.seed)) for image in batch),
                init_image=plan.request.init_image.convert("RGB"),
                complete=not monitor.stop_now,
            )
