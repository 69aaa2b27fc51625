"""Parameter text to the values of the form: the paste arrow, dropped files, PNG Info."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.opening import open_picture
from pipelines.infotext import parse
from pipelines.infotext_form import FormValues, to_form
from pipelines.networks.infotext import LORA_HASHES, with_local_names
from pipelines.storage import LAST_INFOTEXT, read_infotext
from ui.context import Context
from ui.control_values import pasted_units

LONGEST_TEXT_FILE = 10_000
"""Characters; a longer text file that is dropped on the prompt is no parameter text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pasted:
    """Values by form field; fields that are not named stay as they are."""

    values: dict[str, Any]
    comments: tuple[str, ...] = ()


def paste_text(context: Context, text: str) -> Pasted:
    """What the form becomes when `text` is pasted."""
    parameters = parse(text)
    loras = parameters.fields.get(LORA_HASHES, "")
    prompt = with_local_names(parameters.positive, loras, context.prompt_files.loras)
    return as_fields(
        to_form(
            replace(parameters, positive=prompt),
            settings=context.settings.current,
            catalog=context.catalog,
            styles=context.styles,
            control=context.control,
        ),
        context.control,
    )


def as_fields(form: FormValues, menus: ControlMenus = NO_CONTROL) -> Pasted:
    """The same values by the names of the form's fields; `menus` are ControlNet's."""
    values: dict[str, Any] = {
        "prompt": form.prompt,
        "negative_prompt": form.negative_prompt,
        "styles": None if form.styles is None else list(form.styles),
        "steps": form.steps,
        "sampler": form.sampler,
        "schedule": form.schedule,
        "cfg_scale": form.cfg_scale,
        "image_cfg_scale": form.image_cfg_scale,
        "denoising_strength": form.denoising_strength,
        "width": form.width,
        "height": form.height,
        "size_tab": None if form.width is None else 0,
        "seed": form.seed,
        "extra": form.extra_seeds,
        "variation_seed": form.variation_seed,
        "variation_strength": form.variation_strength,
        "seed_resize_width": form.seed_resize_width,
        "seed_resize_height": form.seed_resize_height,
        "resize_mode": form.resize_mode,
        "checkpoint": form.checkpoint,
        "refiner": form.refiner,
        "refiner_checkpoint": form.refiner_checkpoint,
        "refiner_switch_at": form.refiner_switch_at,
        "mask_blur": form.mask_blur,
        "mask_mode": form.mask_mode,
        "mask_transparency": form.mask_transparency,
        "masked_content": form.masked_content,
        "inpaint_area": form.inpaint_area,
        "inpaint_padding": form.masked_padding,
        "repaint_opaque": form.repaint_opaque,
        "soft_inpainting": form.soft_inpainting,
        **{f"soft_{name}": number for name, number in form.soft.items()},
        "override_settings": list(form.override_settings),
    }
    used = {name: value for name, value in values.items() if value is not None}
    if form.control is not None:
        used |= pasted_units(form.control, menus)
    return Pasted(values=used, comments=form.comments)


def last_parameters(data_dir: Path) -> str:
    """Parameter text of the last picture made; InvalidRequest when there is none yet."""
    try:
        return (data_dir / LAST_INFOTEXT).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            "The prompt is empty and no picture has been made yet; "
            "paste a parameter text into the prompt first."
        ) from error


def read_dropped(path: Path, *, max_pixels: int) -> str:
    """Parameter text of a picture, or the text of a text file; a UserError when there is none."""
    try:
        picture = open_picture(path, max_pixels=max_pixels)
    except InvalidPicture as refusal:
        text = _read_text(path)
        if text is None:
            raise refusal
        return text
    infotext = read_infotext(picture)
    if not infotext:
        raise InvalidRequest(f"{path.name} holds no generation parameters.")
    return infotext


def _read_text(path: Path) -> str | None:
    """A short text file's contents; None for anything else."""
    if path.stat().st_size > 4 * LONGEST_TEXT_FILE:
        return None
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        return None
    return text if len(text) < LONGEST_TEXT_FILE and "\0" not in text else None
