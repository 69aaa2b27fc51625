"""What came out of a plan: pictures with their infotext, and where they were written."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from PIL import Image

from pipelines.batch.report import BatchReport
from pipelines.control.planned import PreparedUnit
from pipelines.imaging.inpaint import MaskedPicture
from pipelines.monitor import Monitor
from pipelines.plan import ImagePlan, Plan


@dataclass(frozen=True, kw_only=True)
class DenoisedBatch:
    """What the network made of one batch, before colours are corrected and masks laid over.

    `images` are RGB, in the order of the batch's ImagePlans. `complete` is False when the batch
    was stopped early, and the images are the last predicted clean ones. `init_image` is the source
    picture for before / after views; `source` (RGB) is what the network was shown of it, None for
    the same. `masked` says how each result is laid into its picture, None where nothing is masked.
    `comments` are notes for the user, one sentence each. `units` are the plan's ControlNet units
    with their maps. `embeddings` are the hashes of those that stand in the prompts, by name.
    """

    images: tuple[tuple[ImagePlan, Image.Image], ...]
    init_image: Image.Image
    source: Image.Image | None = None
    masked: tuple[MaskedPicture, ...] | None = None
    complete: bool = True
    comments: tuple[str, ...] = ()
    units: tuple[PreparedUnit, ...] = ()
    embeddings: Mapping[str, str] = field(default_factory=dict[str, str])


class Denoise(Protocol):
    """The run, as `pipelines.produce` sees it: a plan in, batches out, one at a time."""

    def __call__(self, plan: Plan, monitor: Monitor) -> Iterator[DenoisedBatch]:
        """Yield one DenoisedBatch per batch until done or stopped; raise UserError on failure."""
        ...


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One finished picture.

    `image` is RGB; of an inpaint job it may be RGBA or 16-bit gray, as its source is, and keeps the
    source's ICC profile, EXIF and resolution in `.info`. `infotext` is A1111's parameter text.
    `path` is None when it was not saved. `extra` tells a mask or masked composite, which follows
    the picture it belongs to, and a control map (RGB, or RGBA for inpainting), which follows all.
    `plan` is None for a grid and a control map, which belong to no single seed. `init_image` is the
    picture's own source in a job over several files, else None.
    """

    image: Image.Image
    infotext: str
    plan: ImagePlan | None
    path: Path | None = None
    extra: bool = False
    init_image: Image.Image | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything one job produced.

    `pictures` are in order of generation; `grid` is the contact sheet of several, if one was made.
    `init_image` is the prepared source picture for before / after views: as large as the results,
    but at its own size for a latent upscale; RGB, or RGBA for an inpaint job with transparency.
    `interrupted` is True when the job ended before its last batch. `comments` are notes for the
    user, one sentence each. `seconds` is wall time of the job, loading included. `report` says what
    became of each file of a batch, of which `pictures` are the first.
    """

    plan: Plan
    pictures: tuple[Picture, ...]
    init_image: Image.Image
    grid: Picture | None = None
    interrupted: bool = False
    comments: tuple[str, ...] = ()
    seconds: float = 0.0
    report: BatchReport | None = None
