"""A1111's parameter text: written from a plan, and read back into names and values.

A prompt may hold anything, so a text that is made to confuse can be read wrongly, in A1111 too: a
prompt line that begins with "Negative prompt:" starts the negative prompt, and one that looks like
parameters is taken for them where the parameters are missing.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pipelines import infotext_fields as names
from pipelines.catalog.checkpoints import INPAINTING_CHANNELS
from pipelines.control.infotext import name_of, write_unit
from pipelines.networks.infotext import lora_fields
from pipelines.plan import ImagePlan, Plan
from pipelines.requests import Inpaint, InpaintArea, MaskedContent, MaskMode, ResizeMode
from pipelines.samplers import AUTOMATIC, find_schedule
from pipelines.settings import FIELDS, Settings

Value = str | float | None


def _read_version() -> str:
    try:
        return version("redraw")
    except PackageNotFoundError:  # run from a checkout that was never installed
        pyproject = Path(__file__).resolve().parent.parent / "pyproject.toml"
        return tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]["version"]


VERSION = _read_version()
"""Of this program, such as "0.1.0"."""


def write(plan: Plan, image_plan: ImagePlan, *, extra: Iterable[tuple[str, Value]] = ()) -> str:
    """The parameter text of one picture of `plan`, in A1111's names, order and quoting.

    `extra` are more names and values in order; the hashes of an init image and of embeddings go to
    A1111's places for them. A value of None leaves its name out.
    """
    added = dict(extra)
    init_image_hash = added.pop(names.INIT_IMAGE_HASH, None)
    embeddings = added.pop(names.TI_HASHES, None)
    plan = plan.for_picture(image_plan)
    fields: dict[str, Value] = {
        **_main_fields(plan, image_plan),
        names.INIT_IMAGE_HASH: init_image_hash,
        names.RNG: None if plan.settings.randn_source == "GPU" else plan.settings.randn_source,
        names.TILING: None,  # A1111's place for it, before the mask; settings say whether it is on
        **_inpaint_fields(plan.request.inpaint),
        **_setting_fields(plan),
        names.TI_HASHES: embeddings,
        **lora_fields(plan.networks),
        **_refiner_fields(plan),
        **_soft_fields(plan.request.inpaint),
        **{name_of(number): write_unit(unit) for number, unit in enumerate(plan.control)},
        **added,
        names.VERSION: f"{names.PROGRAM} {VERSION}"
        if plan.settings.add_version_to_infotext
        else None,
    }
    parameters = ", ".join(
        name if format_value(value) == name else f"{name}: {quote(format_value(value))}"
        for name, value in fields.items()
        if value is not None
    )
    negative = plan.prompt.negative
    lines = [plan.prompt.positive, names.NEGATIVE_PROMPT + negative if negative else "", parameters]
    return "\n".join([lines[0], *filter(None, lines[1:])]).strip()


def embedding_fields(hashes: Mapping[str, str], settings: Settings) -> tuple[tuple[str, str], ...]:
    """What is written of the embeddings in a picture's prompts, given their hashes by name.

    A colon or comma in a name would be read as the end of it, and is left out, as in A1111.
    """
    if not hashes or not settings.textual_inversion_add_hashes_to_infotext:
        return ()
    plain = {name.replace(":", "").replace(",", ""): value for name, value in hashes.items()}
    return ((names.TI_HASHES, ", ".join(f"{name}: {value}" for name, value in plain.items())),)


def format_value(value: str | float) -> str:
    """A number as short as it can be without losing a digit: 7.0 is "7"; a text as it is."""
    if isinstance(value, str | bool):
        return str(value)
    return str(int(value)) if value == int(value) else repr(value)


def quote(value: str) -> str:
    """A value as it stands after its colon: a JSON string if it has a comma, colon or newline."""
    if any(character in value for character in ",:\n"):
        return json.dumps(value, ensure_ascii=False)
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameters:
    """What a parameter text says; nothing is validated.

    `fields` has A1111's names; "Size: 512x768" is "Size-1" and "Size-2". It is empty when the text
    has no line of parameters, and is then a mere prompt.
    """

    positive: str = ""
    negative: str = ""
    fields: Mapping[str, str]


def parse(text: str) -> Parameters:
    """Read a parameter text as A1111 does, in time proportional to its length; never fails.

    Names that a line of parameters leaves out get what their absence means. A mere prompt gets
    none of these, unlike in A1111, where pasting one changes settings.
    """
    *lines, last = text.strip().split("\n")
    pairs = list(_pairs(last))
    if len(pairs) < _FEWEST_PARAMETERS:
        lines, pairs = [*lines, last], []
    positive, negative = _split_prompts(lines)
    fields: dict[str, str] = {}
    for name, raw in pairs:
        value = _unquote(raw)
        size = _SIZE.fullmatch(value)
        if size:
            fields[f"{name}-1"], fields[f"{name}-2"] = size.groups()
        elif value:
            fields[name] = value
    if fields:
        fields = {**names.meant_when_missing(positive, negative, fields), **fields}
    return Parameters(positive=positive, negative=negative, fields=fields)


_FEWEST_PARAMETERS = 3
"""A last line with fewer "name: value" pairs is part of the prompt."""

_NAME = re.compile(r"[\w \-/]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)+"')
_SIZE = re.compile(r"([0-9]+)x([0-9]+)")
_NOT_A_FIRST_CHARACTER = " -/"


def _pairs(line: str) -> Iterator[tuple[str, str]]:
    """Every name of two characters or more before a colon, with the text up to the comma.

    A comma inside a quoted text does not count, if another comma or the end follows the quotes.
    """
    position = 0
    while match := _NAME.search(line, position):
        position = match.end()
        name = match.group().lstrip(_NOT_A_FIRST_CHARACTER)
        if len(name) < 2 or not line.startswith(":", position):
            continue
        start = position + 1
        while start < len(line) and line[start].isspace():
            start += 1
        quoted = _QUOTED.match(line, start)
        if quoted and (quoted.end() == len(line) or line[quoted.end()] == ","):
            position = quoted.end()
        else:
            comma = line.find(",", start)
            position = len(line) if comma < 0 else comma
        yield name, line[start:position]


def _split_prompts(lines: Iterable[str]) -> tuple[str, str]:
    prompts: tuple[list[str], list[str]] = [], []
    negative = False
    marker = names.NEGATIVE_PROMPT.strip()
    for line in map(str.strip, lines):
        negative = negative or line.startswith(marker)
        text = line.removeprefix(marker).strip() if negative else line
        if text or prompts[negative]:
            prompts[negative].append(text)
    return "\n".join(prompts[0]), "\n".join(prompts[1])


def _unquote(value: str) -> str:
    if len(value) < 2 or not (value.startswith('"') and value.endswith('"')):
        return value
    try:
        text: object = json.loads(value)
    except ValueError:
        return value
    return text if isinstance(text, str) else value


def _main_fields(plan: Plan, image_plan: ImagePlan) -> dict[str, Value]:
    request, settings, checkpoint = plan.request, plan.settings, plan.checkpoint
    sampling, seeds = request.sampling, request.seeds
    varied = seeds.variation_strength != 0
    mode = request.resize_mode
    clip_skip = settings.CLIP_stop_at_last_layers
    ensd = settings.eta_noise_seed_delta
    # Empty while a large model's hash is still being computed.
    model_hash = checkpoint.short_hash if settings.add_model_hash_to_info else None
    return {
        names.STEPS: sampling.steps,
        names.SAMPLER: plan.sampler.label,
        names.SCHEDULE_TYPE: _schedule_label(plan),
        names.CFG_SCALE: sampling.cfg_scale,
        names.IMAGE_CFG_SCALE: sampling.image_cfg_scale if plan.edits else None,
        names.SEED: image_plan.seed,
        names.SIZE: str(plan.size),
        names.MODEL_HASH: model_hash or None,
        names.MODEL: checkpoint.stem if settings.add_model_name_to_info else None,
        **_vae_fields(plan),
        names.VARIATION_SEED: image_plan.variation_seed if varied else None,
        names.VARIATION_STRENGTH: seeds.variation_strength if varied else None,
        names.SEED_RESIZE: str(seeds.resize_from) if seeds.resize_from else None,
        names.DENOISING_STRENGTH: sampling.denoising_strength,
        names.CONDITIONAL_MASK_WEIGHT: settings.inpainting_mask_weight
        if checkpoint.input_channels == INPAINTING_CHANNELS
        else None,
        names.RESIZE_MODE: None if mode is ResizeMode.just_resize else mode.value,
        names.CLIP_SKIP: clip_skip if clip_skip > 1 else None,
        names.ENSD: ensd if ensd and plan.sampler.uses_ensd else None,
    }


def _vae_fields(plan: Plan) -> dict[str, Value]:
    """A VAE that is not the checkpoint's own; its hash is empty while it is being computed."""
    if plan.vae is None:
        return {}
    hashed = plan.vae.short_hash if plan.settings.add_vae_hash_to_info else None
    return {
        names.VAE_HASH: hashed or None,
        names.VAE: plan.vae.name if plan.settings.add_vae_name_to_info else None,
    }


def _refiner_fields(plan: Plan) -> dict[str, Value]:
    refiner = plan.refiner
    if refiner is None:
        return {}
    checkpoint = refiner.checkpoint
    hashed = f" [{checkpoint.short_hash}]" if checkpoint.short_hash else ""
    return {names.REFINER: f"{checkpoint.stem}{hashed}", names.SWITCH_AT: refiner.switch_at}


def _schedule_label(plan: Plan) -> str:
    """A1111 prints the schedule that was resolved, but "Automatic" where that is the model's own.

    Samplers that follow no schedule of ours print what was chosen.
    """
    chosen = find_schedule(plan.request.sampling.schedule).label
    if chosen != AUTOMATIC:
        return chosen
    return AUTOMATIC if plan.sampler.automatic_schedule == "Uniform" else plan.schedule


def _setting_fields(plan: Plan) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for row in names.RECORDED:
        value: str | float = getattr(plan.settings, row.setting)
        if value != row.default and row.matters(plan):
            name = FIELDS[row.setting].infotext
            assert name is not None
            values[name] = value
    return values


def _inpaint_fields(inpaint: Inpaint | None) -> dict[str, Value]:
    """What A1111 writes of a mask; it leaves out a blur of 0 and two blurs that differ."""
    if inpaint is None:
        return {}
    blur = inpaint.blur_x if inpaint.blur_x == inpaint.blur_y else 0
    cropped = inpaint.area is InpaintArea.only_masked
    original = inpaint.content is MaskedContent.original
    return {
        names.MASK_MODE: None if inpaint.mode is MaskMode.masked else inpaint.mode.value,
        names.MASK_BLUR: blur or None,
        names.INPAINT_AREA: inpaint.area.value if cropped else None,
        names.MASKED_PADDING: inpaint.padding if cropped else None,
        names.MASKED_CONTENT: None if original else inpaint.content.value,
        names.MASK_TRANSPARENCY: inpaint.transparency or None,
        names.OPAQUE: inpaint.opaque or None,
    }


def _soft_fields(inpaint: Inpaint | None) -> dict[str, Value]:
    if inpaint is None or inpaint.soft is None:
        return {}
    values = {name: getattr(inpaint.soft, field) for field, name in names.SOFT_FIELDS.items()}
    return {names.SOFT_INPAINTING: True, **values}
