"""Parameters that a batch takes from each picture's own infotext (A1111: Append png info)."""

from collections.abc import Set
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from pipelines import infotext_fields as names
from pipelines.catalog.checkpoints import Catalog
from pipelines.errors import InvalidRequest
from pipelines.infotext import Parameters, parse
from pipelines.infotext_form import FormValues, to_form
from pipelines.requests import Img2ImgRequest, Prompt
from pipelines.settings import Settings
from pipelines.styles import StyleBook


class Parameter(Enum):
    """What may be taken; values are A1111's labels, in its order."""

    prompt = "Prompt"
    negative_prompt = "Negative prompt"
    seed = "Seed"
    cfg_scale = "CFG scale"
    sampler = "Sampler"
    steps = "Steps"
    model_hash = "Model hash"


NAMES = {
    Parameter.seed: names.SEED,
    Parameter.cfg_scale: names.CFG_SCALE,
    Parameter.sampler: names.SAMPLER,
    Parameter.steps: names.STEPS,
    Parameter.model_hash: names.MODEL_HASH,
}
"""In the line of parameters; prompts have none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PngInfo:
    """Which parameters are taken; from files of the same name in `folder`, if there is one."""

    parameters: frozenset[Parameter]
    folder: Path | None = None


def with_parameters(
    request: Img2ImgRequest,
    infotext: str,
    wanted: Set[Parameter],
    *,
    settings: Settings,
    catalog: Catalog,
    styles: StyleBook,
) -> Img2ImgRequest:
    """`request` with what `infotext` says about the `wanted` parameters.

    Prompts are appended after a space, the rest replaces; what the text leaves out stays. Old
    names such as "DPM++ 2M Karras" set the schedule, too; a sampler that cannot follow the
    request's schedule gets "Automatic". InvalidRequest for a value that cannot be used.
    """
    parameters = parse(infotext)
    form = _read(parameters, wanted, request, settings, catalog, styles)
    prompt, sampling = request.prompt, request.sampling
    taken = set(wanted)
    return replace(
        request,
        prompt=Prompt(
            positive=_appended(prompt.positive, parameters.positive, Parameter.prompt in taken),
            negative=_appended(
                prompt.negative, parameters.negative, Parameter.negative_prompt in taken
            ),
            styles=prompt.styles,
        ),
        seeds=request.seeds if form.seed is None else replace(request.seeds, seed=form.seed),
        sampling=replace(
            sampling,
            cfg_scale=sampling.cfg_scale if form.cfg_scale is None else form.cfg_scale,
            steps=sampling.steps if form.steps is None else form.steps,
            sampler=form.sampler or sampling.sampler,
            schedule=(form.sampler and form.schedule) or sampling.schedule,
        ),
        model=form.checkpoint or request.model,
    )


def _appended(own: str, more: str, wanted: bool) -> str:
    return " ".join(filter(None, (own, more))) if wanted else own


def _read(
    parameters: Parameters,
    wanted: Set[Parameter],
    request: Img2ImgRequest,
    settings: Settings,
    catalog: Catalog,
    styles: StyleBook,
) -> FormValues:
    """The wanted values as the page's fields would have them; all that are there are of use."""
    given = {
        name: parameters.fields[name]
        for parameter, name in NAMES.items()
        if parameter in wanted and name in parameters.fields
    }
    form = to_form(
        Parameters(fields={**given, names.SCHEDULE_TYPE: request.sampling.schedule}),
        settings=settings.with_changes({"disable_weights_auto_swap": False}),
        catalog=catalog,
        styles=styles,
    )
    values = {
        names.SEED: form.seed,
        names.CFG_SCALE: form.cfg_scale,
        names.SAMPLER: form.sampler,
        names.STEPS: form.steps,
        names.MODEL_HASH: form.checkpoint,
    }
    for name, text in given.items():
        if values[name] is None:
            raise InvalidRequest(
                f"Its PNG info names {name} {text[:80]!r}, which is not known here."
            )
    return form
