"""From planned units to what the network is shown: source, preprocessor, fit to its size."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pipelines.control.naming import named
from pipelines.control.planned import PlannedUnit, PreparedUnit
from pipelines.control.runner import PreprocessorRunner
from pipelines.control.sources import JobPicture, sources_of
from pipelines.control.units import ControlResizeMode
from pipelines.imaging.control_maps import fit_map
from pipelines.imaging.detection_size import pixel_perfect
from pipelines.imaging.geometry import Size
from pipelines.plan import Plan
from pipelines.plugins import NO_PREPROCESSOR, RESOLUTION, Pixels, Preprocessor
from pipelines.requests import LATENT_FACTOR

RESOLUTION_MEANT_BY_NONE = int(RESOLUTION.default)
"""What is passed to preprocessors without a resolution; one value, so that their maps are found."""

_SEEDS = 2**32


def _ignore(text: str) -> None:
    """Nobody listens."""


def prepare_units(
    plan: Plan, runner: PreprocessorRunner, *, stage: Callable[[str], None] = _ignore
) -> tuple[PreparedUnit, ...]:
    """One for each of `plan.control`, in order; `stage` is told what is being done.

    Every step is that of A1111's extension: choose the picture, cut out what Only masked shows,
    preprocess, fit to the network's size (the processing size rounded down to a multiple of 8).
    UserError, in a sentence that begins with the unit's name, if one cannot be prepared.
    """
    job = JobPicture(plan)
    prepared: list[PreparedUnit] = []
    for planned in plan.control:
        with named(planned.unit):
            prepared.append(_prepare(planned, job, runner, stage))
    return tuple(prepared)


def resolution_for(
    preprocessor: Preprocessor,
    chosen: int | None,
    picture: Image.Image,
    target: Size,
    mode: ControlResizeMode,
) -> int | None:
    """Pixels at which a preprocessor works; None where it has no such choice.

    `chosen` is None for Pixel Perfect: what `picture` needs to fill `target` as `mode` says.
    """
    if preprocessor.resolution is None:
        return None
    if chosen is not None:
        return chosen
    return pixel_perfect(Size.of(picture.size), target, mode)


def shown_map(pixels: Pixels) -> Image.Image:
    """A map as people see it: RGB, or RGBA whose opacity is 255 less half of what is masked."""
    shown = pixels.copy()
    shown[..., 3:] = 255 - shown[..., 3:] / 2
    return Image.fromarray(shown)


def _prepare(
    planned: PlannedUnit, job: JobPicture, runner: PreprocessorRunner, stage: Callable[[str], None]
) -> PreparedUnit:
    preprocessor = planned.preprocessor
    latents = job.plan.latent_size
    target = Size(latents.width * LATENT_FACTOR, latents.height * LATENT_FACTOR)
    sources = sources_of(planned, job)
    first = sources.all[0]
    resolution = resolution_for(
        preprocessor, planned.resolution, first.picture, target, sources.mode
    )
    if preprocessor.key != NO_PREPROCESSOR:
        stage(f"Running preprocessor {preprocessor.label}")
    detected = runner.run(
        preprocessor,
        np.asarray(first.picture),
        resolution=RESOLUTION_MEANT_BY_NONE if resolution is None else resolution,
        a=planned.a,
        b=planned.b,
        seed=_seed(job.plan),
        mask=None if first.mask is None else np.asarray(first.mask),
    )
    fitted = fit_map(detected.pixels, target, sources.mode)
    return PreparedUnit(
        planned=planned,
        pixels=_shares(fitted[..., :3]),
        pictures=tuple(source.picture for source in sources.all),
        detected=shown_map(fitted),
        mask=(fitted[..., 3] > 127).astype(np.float32) if fitted.shape[-1] == 4 else None,
        region=None if sources.region is None else _shares(np.asarray(sources.region)),
        hidden=first.mask,
        resolution=resolution,
    )


def _shares(values: Pixels) -> NDArray[np.float32]:
    """Bytes as shares of 1."""
    return values.astype(np.float32) / np.float32(255)


def _seed(plan: Plan) -> int:
    """What a preprocessor's randomness comes from: A1111's sum of seed and variation seed.

    The variation seed counts only where there is a variation, since it is not written down else,
    and the same parameters would give another map.
    """
    first = plan.images[0]
    varied = plan.request.seeds.variation_strength != 0
    return (first.seed + (first.variation_seed if varied else 0)) % _SEEDS
