"""ControlNet units decided: names looked up, presets filled in, what cannot work refused."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import compatible, family_of_name
from pipelines.catalog.models import ModelFile
from pipelines.control.menus import ControlMenus
from pipelines.control.models import NO_MODEL, without_hash
from pipelines.control.naming import named
from pipelines.control.planned import PlannedUnit
from pipelines.control.units import BatchOption, ControlUnit
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.plugins import NO_PREPROCESSOR, Preprocessor
from pipelines.requests import Img2ImgRequest
from pipelines.settings import FIELDS, Settings

NO_SLIDER = 0.5
"""What stands for a threshold that a preprocessor does not have, as in A1111's texts."""

INPAINT_ONLY, INPAINT_INSTEAD = "inpaint_only", "inpaint_global_harmonious"

AVERAGES = "IP-Adapter"
"""The control type whose units see all of several pictures at once."""


def plan_units(
    request: Img2ImgRequest, menus: ControlMenus, settings: Settings, checkpoint: Checkpoint
) -> tuple[PlannedUnit, ...]:
    """The request's units in order, one for each picture of Multi-Inputs.

    Several pictures of one unit become as many units that share its weight, but an IP-Adapter takes
    them all. UserError, in a sentence that begins with the unit's name, for a unit that could not
    run: none is ever left out.
    """
    planned: list[PlannedUnit] = []
    for position, unit in enumerate(request.control):
        with named(unit):
            _check_number(unit, position, settings)
            _check_alone(unit, request.control[:position])
            _check_pictures(unit)
            planned += _plan(unit, request, menus, checkpoint)
    return tuple(_noted(planned, request))


def _noted(planned: Sequence[PlannedUnit], request: Img2ImgRequest) -> Iterator[PlannedUnit]:
    """`planned`, with a note for each unit that acts on none of the pictures of a batch."""
    numbers = list(dict.fromkeys(one.unit.index for one in planned))
    idle = numbers[request.batch.size :] if request.control_batch is BatchOption.one_each else []
    for one in planned:
        if one.unit.index not in idle:
            yield one
            continue
        note = (
            f"{one.unit.name} acted on no picture: each unit is for one picture of a batch, and "
            f"Batch size is {request.batch.size}."
        )
        yield replace(one, notes=(*one.notes, note))


def _check_number(unit: ControlUnit, position: int, settings: Settings) -> None:
    most = settings.control_net_unit_count
    if max(unit.index, position) >= most:
        raise InvalidRequest(
            f"{unit.name} is one unit too many: there are {most}, from 0 to {most - 1}; raise "
            f"{FIELDS['control_net_unit_count'].label!r} in the settings."
        )


def _check_alone(unit: ControlUnit, before: Sequence[ControlUnit]) -> None:
    # Messages, infotext and the pictures kept with a result tell units apart by their numbers.
    if unit.index in {other.index for other in before}:
        raise InvalidRequest(
            f"two units have the number {unit.index}; each must have a number of its own."
        )


def _check_pictures(unit: ControlUnit) -> None:
    if unit.folder is not None:
        raise InvalidRequest(
            "an input directory makes a job over its files, which this one is not."
        )
    if unit.independent and not unit.images:
        raise InvalidPicture(
            "there is no image; give it one, or untick Upload independent control image to use "
            "img2img's own picture."
        )
    if unit.mask is None:
        return
    if len(unit.images) != 1:
        raise InvalidPicture(
            f"a mask belongs to one image of the unit's own, and there are {len(unit.images)}."
        )
    size, mask_size = Size.of(unit.images[0].size), Size.of(unit.mask.size)
    if size != mask_size:
        raise InvalidPicture(f"its mask is {mask_size} and its image {size}; they must be alike.")


def _plan(
    unit: ControlUnit, request: Img2ImgRequest, menus: ControlMenus, checkpoint: Checkpoint
) -> Iterator[PlannedUnit]:
    preprocessor, notes = _preprocessor(unit, request, menus)
    # Named as it was chosen, also where another one runs in its place.
    chosen = menus.plugins.find_preprocessor(unit.preprocessor)
    title, model = _model(unit, preprocessor, chosen, menus, checkpoint)
    for weights in preprocessor.weights:
        menus.require(weights)
    resolution = None
    if preprocessor.resolution is not None and not unit.pixel_perfect:
        resolution = int(preprocessor.resolution.value(unit.resolution))
    a, b = thresholds(preprocessor, unit.threshold_a, unit.threshold_b)
    for part in _parts(unit, preprocessor):
        yield PlannedUnit(
            unit=part,
            preprocessor=preprocessor,
            model=model,
            model_title=title,
            resolution=resolution,
            a=a,
            b=b,
            notes=notes,
        )


def thresholds(preprocessor: Preprocessor, a: float, b: float) -> tuple[float, float]:
    """The values of the preprocessor's sliders when `a` and `b` are given, presets filled in."""
    values = [float(s.value(v)) for s, v in zip(preprocessor.sliders, (a, b), strict=False)]
    a, b, *_ = *values, NO_SLIDER, NO_SLIDER
    return a, b


def _preprocessor(
    unit: ControlUnit, request: Img2ImgRequest, menus: ControlMenus
) -> tuple[Preprocessor, tuple[str, ...]]:
    """The preprocessor that runs, and a note where that is not the one that was chosen."""
    preprocessor = menus.plugins.find_preprocessor(unit.preprocessor)
    if preprocessor.key != INPAINT_ONLY or request.inpaint is None:
        return preprocessor, ()
    # What is not masked is kept by img2img's own mask; both at once would be done twice.
    instead = menus.plugins.find_preprocessor(INPAINT_INSTEAD)
    return instead, (
        f"{unit.name}: {instead.label} was used in place of {preprocessor.label}, since the job "
        "has a mask of its own.",
    )


def _model(
    unit: ControlUnit,
    preprocessor: Preprocessor,
    chosen: Preprocessor,
    menus: ControlMenus,
    checkpoint: Checkpoint,
) -> tuple[str, ModelFile | None]:
    if not preprocessor.needs_model:
        return NO_MODEL, None
    if unit.model.strip() in ("", NO_MODEL):
        raise _no_model(chosen, menus)
    title, model = menus.models.find(unit.model)
    family = family_of_name(without_hash(title))
    if not compatible(family, checkpoint.family):
        raise InvalidRequest(
            f"model {title} is for {family.value} and checkpoint {checkpoint.title} is "
            f"{checkpoint.family.value}; choose two of one family."
        )
    return title, model


def _no_model(chosen: Preprocessor, menus: ControlMenus) -> InvalidRequest:
    """Whoever sees their image or map would else wonder why that is not enough."""
    is_image = chosen.key == NO_PREPROCESSOR or AVERAGES in chosen.types
    followed = "its image" if is_image else f"the map that {chosen.label} makes"
    remedy = "choose one in the menu Model"
    if not menus.models.titles():
        remedy = f"put one into {menus.models.places}, then press Refresh beside the menu Model"
    return InvalidRequest(f"no model is chosen to follow {followed}; {remedy}.")


def _parts(unit: ControlUnit, preprocessor: Preprocessor) -> Iterator[ControlUnit]:
    if len(unit.images) < 2 or AVERAGES in preprocessor.types:
        yield unit
        return
    for image in unit.images:
        yield replace(unit, images=(image,), weight=unit.weight / len(unit.images))
