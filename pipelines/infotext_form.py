"""From a parameter text that was read to the values of the page's fields."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from pipelines import infotext_fields as names
from pipelines.catalog.checkpoints import AUTOMATIC_VAE, OWN_VAE, Catalog, Checkpoint
from pipelines.control.infotext import read_units
from pipelines.control.menus import NO_CONTROL, ControlMenus
from pipelines.control.units import ControlUnit
from pipelines.errors import InvalidRequest, ModelBroken, ModelNotFound
from pipelines.infotext import Parameters, format_value
from pipelines.requests import LATENT_FACTOR, InpaintArea, MaskedContent, MaskMode, ResizeMode
from pipelines.samplers import (
    AUTOMATIC,
    SCHEDULES,
    Sampler,
    allowed_schedules,
    find_sampler,
    find_schedule,
)
from pipelines.settings import FIELDS, Settings, SettingValue, check
from pipelines.styles import StyleBook


@dataclass(frozen=True, kw_only=True, slots=True)
class FormValues:
    """One value per field of the page; None leaves the field as it is.

    Numbers are finite but otherwise unchecked, menus hold labels that exist. `soft` holds numbers
    by the names of `SoftInpainting`'s fields, only those that are to be changed. `checkpoint` is a
    title. `override_settings` are "Name: value" for the settings that differ from the current ones,
    none if they agree with all of them. `control` are the ControlNet units to be enabled, without
    images and with labels that exist, where all others are to be disabled. `comments` say what
    could not be used, a sentence each.
    """

    prompt: str
    negative_prompt: str
    styles: tuple[str, ...] | None = None
    steps: int | None = None
    sampler: str | None = None
    schedule: str | None = None
    cfg_scale: float | None = None
    image_cfg_scale: float | None = None
    denoising_strength: float | None = None
    width: int | None = None  # pixels
    height: int | None = None
    seed: int | None = None
    extra_seeds: bool | None = None  # A1111's checkbox "Extra"
    variation_seed: int | None = None
    variation_strength: float | None = None
    seed_resize_width: int | None = None  # pixels; 0 is off
    seed_resize_height: int | None = None
    resize_mode: str | None = None
    mask_blur: int | None = None  # pixels
    mask_mode: str | None = None
    mask_transparency: float | None = None  # percent
    masked_content: str | None = None
    inpaint_area: str | None = None
    masked_padding: int | None = None  # pixels
    repaint_opaque: bool | None = None
    soft_inpainting: bool | None = None  # its checkbox
    soft: Mapping[str, float] = field(default_factory=dict[str, float])
    checkpoint: str | None = None
    refiner: bool | None = None  # its checkbox
    refiner_checkpoint: str | None = None  # a title
    refiner_switch_at: float | None = None
    override_settings: tuple[str, ...] = ()
    control: tuple[ControlUnit, ...] | None = None
    comments: tuple[str, ...] = ()


def to_form(
    parameters: Parameters,
    *,
    settings: Settings,
    catalog: Catalog,
    styles: StyleBook,
    control: ControlMenus = NO_CONTROL,
) -> FormValues:
    """What the page's fields become when `parameters` are pasted; never fails.

    A text without parameters sets the prompts alone. Seeds' extra fields that are missing are
    turned off. `catalog` finds the checkpoint by its hash, else by its name, and `control` what
    ControlNet units name.
    """
    positive, negative, found = _without_styles(parameters, settings, styles)
    if not parameters.fields:
        return FormValues(prompt=positive, negative_prompt=negative, styles=found)
    fields = _Fields(parameters.fields)
    sampler, schedule = fields.sampler_and_schedule()
    refiner = fields.refiner(catalog)
    variation_seed = fields.whole(names.VARIATION_SEED)
    resize_from = fields.whole(f"{names.SEED_RESIZE}-1"), fields.whole(f"{names.SEED_RESIZE}-2")
    return FormValues(
        prompt=positive,
        negative_prompt=negative,
        styles=found,
        steps=fields.whole(names.STEPS),
        sampler=sampler,
        schedule=schedule,
        cfg_scale=fields.number(names.CFG_SCALE),
        image_cfg_scale=fields.number(names.IMAGE_CFG_SCALE),
        denoising_strength=fields.number(names.DENOISING_STRENGTH),
        width=fields.side("Width", f"{names.SIZE}-1"),
        height=fields.side("Height", f"{names.SIZE}-2"),
        seed=fields.whole(names.SEED),
        extra_seeds=variation_seed is not None or resize_from[0] is not None,
        variation_seed=variation_seed,
        variation_strength=fields.number(names.VARIATION_STRENGTH) or 0.0,
        seed_resize_width=resize_from[0] or 0,
        seed_resize_height=resize_from[1] or 0,
        resize_mode=fields.choice(names.RESIZE_MODE, ResizeMode),
        mask_blur=fields.mask_blur(),
        mask_mode=fields.choice(names.MASK_MODE, MaskMode),
        mask_transparency=fields.number(names.MASK_TRANSPARENCY),
        masked_content=fields.choice(names.MASKED_CONTENT, MaskedContent),
        inpaint_area=fields.choice(names.INPAINT_AREA, InpaintArea),
        masked_padding=fields.whole(names.MASKED_PADDING),
        repaint_opaque=fields.switch(names.OPAQUE),
        soft_inpainting=fields.switch(names.SOFT_INPAINTING),
        soft=fields.soft(),
        checkpoint=None if settings.disable_weights_auto_swap else fields.checkpoint(catalog),
        refiner=refiner is not None,
        refiner_checkpoint=refiner,
        refiner_switch_at=fields.number(names.SWITCH_AT),
        override_settings=fields.overrides(settings, catalog),
        control=fields.control(control, settings) if settings.control_net_sync_field_args else None,
        comments=tuple(fields.comments),
    )


def parse_overrides(entries: Iterable[str]) -> dict[str, SettingValue]:
    """Settings by key from entries such as "Clip skip: 2", as `to_form` makes them.

    InvalidRequest for an entry that names no setting or a value that is out of range.
    """
    overrides: dict[str, SettingValue] = {}
    for entry in entries:
        name, _, text = entry.partition(":")
        key = _KEYS.get(name.strip())
        if key is None:
            known = ", ".join(_KEYS)
            raise InvalidRequest(f"Override setting {entry!r} is not known; there are: {known}.")
        overrides[key] = _setting_value(key, text.strip())
    return overrides


_KEYS: Mapping[str, str] = {
    info.infotext: key for key, info in FIELDS.items() if info.infotext is not None
}
"""From a name in the parameter text to the key of the setting it stands for."""


def _setting_value(key: str, text: str) -> SettingValue:
    """The text of a setting as its type; InvalidRequest when it is of no use."""
    default = getattr(Settings(), key)
    if isinstance(default, bool):
        return check(key, {"True": True, "False": False}.get(text, text))
    if isinstance(default, int | float):
        number = _number(text)
        return check(key, text if number is None else number)
    return check(key, text)


def _without_styles(
    parameters: Parameters, settings: Settings, styles: StyleBook
) -> tuple[str, str, tuple[str, ...] | None]:
    """Prompts and chosen styles, as A1111's setting infotext_styles has it."""
    positive, negative = parameters.positive, parameters.negative
    if settings.infotext_styles == "Ignore":
        return positive, negative, None
    positive, negative, found = styles.extract(positive, negative)
    chosen = settings.infotext_styles == "Apply" or (
        settings.infotext_styles == "Apply if any" and found
    )
    return positive, negative, found if chosen else None


def _number(text: str) -> float | None:
    """A finite number, an int where the text is one; None for anything else."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


class _Fields:
    """The fields of a parameter text, read one by one; what is of no use becomes a comment."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self._fields = fields
        self.comments: list[str] = []

    def number(self, name: str) -> float | None:
        text = self._fields.get(name)
        if text is None:
            return None
        number = _number(text.strip())
        if number is None:
            self.comments.append(f"{name} was left as it is, since {text[:40]!r} is no number.")
        return number

    def whole(self, name: str) -> int | None:
        number = self.number(name)
        if number is not None and number != int(number):
            self.comments.append(f"{name} was left as it is, since {number:g} is not whole.")
            return None
        return None if number is None else int(number)

    def side(self, label: str, name: str) -> int | None:
        """Pixels, as many whole latents as fit: "Resize by" makes sizes that no slider has."""
        given = self.whole(name)
        if given is None or given % LATENT_FACTOR == 0:
            return given
        side = given - given % LATENT_FACTOR
        self.comments.append(f"{label} was set to {side}, since {given} is not a multiple of 8.")
        return side

    def sampler_and_schedule(self) -> tuple[str | None, str | None]:
        """Labels; a sampler's own schedule is "Automatic", as the page's menu has it."""
        schedule = self._fields[names.SCHEDULE_TYPE].strip()
        text = self._fields.get(names.SAMPLER)
        sampler, suffix = _split_sampler(text.strip()) if text else (None, None)
        if text and sampler is None:
            self.comments.append(f"Sampling method {text[:40]!r} is not known here.")
        try:
            label = find_schedule(suffix or schedule).label
        except InvalidRequest:
            self.comments.append(f"Schedule type {schedule[:40]!r} is not known here.")
            return sampler and sampler.label, None
        # A timestep sampler follows no schedule, whatever an A1111 user had chosen beside it.
        own = sampler and (
            label == sampler.automatic_schedule or label not in allowed_schedules(sampler)
        )
        if own:
            label = AUTOMATIC
        return sampler and sampler.label, label

    def choice(self, name: str, menu: type[Enum]) -> str | None:
        """The label of an entry of `menu`; another one says nothing here."""
        text = self._fields.get(name, "")
        return text if text in {entry.value for entry in menu} else None

    def switch(self, name: str) -> bool | None:
        return {"True": True, "False": False}.get(self._fields.get(name, ""))

    def mask_blur(self) -> int | None:
        """Written only above 0: without it, a text that speaks of a mask means 0 if it is ours."""
        if names.MASK_BLUR in self._fields:
            return self.whole(names.MASK_BLUR)
        ours = self._fields.get(names.VERSION, "").startswith(names.PROGRAM)
        return 0 if ours and self._speaks_of_a_mask() else None

    def _speaks_of_a_mask(self) -> bool:
        area = self._fields.get(names.INPAINT_AREA)
        content = self._fields.get(names.MASKED_CONTENT)
        mode = self._fields.get(names.MASK_MODE)
        usual = (
            InpaintArea.whole_picture.value,
            MaskedContent.original.value,
            MaskMode.masked.value,
        )
        return (area, content, mode) != usual or self.switch(names.SOFT_INPAINTING) is True

    def soft(self) -> dict[str, float]:
        numbers = {field: self.number(name) for field, name in names.SOFT_FIELDS.items()}
        return {field: number for field, number in numbers.items() if number is not None}

    def checkpoint(self, catalog: Catalog) -> str | None:
        """The title of the checkpoint with this hash, else of this name."""
        given = self._fields.get(names.MODEL_HASH, ""), self._fields.get(names.MODEL, "")
        for wanted in filter(None, (text.strip() for text in given)):
            found = _find(catalog, wanted)
            if found:
                return found.title
        if any(given):
            wanted = given[1] or given[0]
            self.comments.append(f"Checkpoint {wanted[:80]!r} is not among those here.")
        return None

    def refiner(self, catalog: Catalog) -> str | None:
        """The title of the checkpoint that finished the picture."""
        text = self._fields.get(names.REFINER, "").strip()
        if not text:
            return None
        try:
            return catalog.find(text).title
        except (ModelNotFound, ModelBroken):
            self.comments.append(f"Refiner {text[:80]!r} is not among the checkpoints here.")
            return None

    def control(self, menus: ControlMenus, settings: Settings) -> tuple[ControlUnit, ...] | None:
        """Absence means no unit in our own texts, and nothing in others."""
        pasted = read_units(self._fields, menus, settings.control_net_unit_count)
        self.comments += pasted.comments
        ours = self._fields.get(names.VERSION, "").startswith(names.PROGRAM)
        return pasted.units if ours or pasted.found else None

    def overrides(self, settings: Settings, catalog: Catalog) -> tuple[str, ...]:
        entries: list[str] = []
        for name, key in _KEYS.items():
            text = self._fields.get(name)
            if text is None:
                continue
            try:
                value = _setting_value(key, text.strip())
                if name == names.VAE and value not in (AUTOMATIC_VAE, OWN_VAE):
                    catalog.find_vae(text.strip())
            except (InvalidRequest, ModelBroken, ModelNotFound) as error:
                self.comments.append(f"{name} was left out. {error}")
                continue
            if value != getattr(settings, key):
                entries.append(f"{name}: {format_value(value)}")
        return tuple(entries)


def _split_sampler(text: str) -> tuple[Sampler | None, str | None]:
    """The sampler of this name, and the schedule that A1111's old names have at their end."""
    try:
        return find_sampler(text), None
    except InvalidRequest:
        pass
    for schedule in SCHEDULES:
        for name in (schedule.label, *schedule.aliases):
            if text.lower().endswith(f" {name.lower()}"):
                try:
                    return find_sampler(text[: -len(name) - 1]), schedule.label
                except InvalidRequest:
                    continue
    return None, None


def _find(catalog: Catalog, wanted: str) -> Checkpoint | None:
    """The checkpoint with this very hash or name; the catalogue itself is content with a part."""
    try:
        found = catalog.find(wanted)
    except (ModelNotFound, ModelBroken):
        return None
    exact = {found.name.casefold(), found.stem.casefold(), found.short_hash}
    return found if wanted.casefold() in exact else None
