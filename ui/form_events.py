"""Handlers that change the form: paste, styles, checkpoints, menus, restoring after a reload."""

import html
import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.errors import ModelBroken, ModelNotFound, UserError
from pipelines.prompting.reading import read_prompt, schedule_steps
from pipelines.requests import Prompt, Sampling
from pipelines.samplers import AUTOMATIC, SAMPLERS
from pipelines.settings import Settings
from pipelines.styles import Style
from ui.choices import menu, schedule_labels
from ui.context import Context
from ui.control_values import is_control, kept_pictures, restored_units
from ui.kept_drawings import on_canvas
from ui.kept_files import files_still_kept, still_kept
from ui.messages import error_html, note_html, plain_html
from ui.paste import last_parameters, paste_text, read_dropped
from ui.values import UNCHANGED, Raw, Update, picture_path

PICTURES = ("image", "inpaint_base", "inpaint_mask")
"""Fields whose value is a file; canvases keep theirs in the browser."""

FILES = "batch_files"
"""The field whose value are several files."""

Updates = dict[str, Update]
"""New values or component updates by form field."""


class FormEvents:
    """Each method returns updates by field name; `ui.page` knows the components."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def paste(self, prompt: Raw) -> tuple[Updates, str]:
        """Fields from the text in the prompt box, or from the last picture's if it is empty."""
        try:
            text = prompt if prompt else last_parameters(self._context.data_dir)
            return self.apply(text)
        except UserError as error:
            return {}, error_html(str(error))

    def drop(self, file: Raw) -> tuple[Updates, str]:
        """Fields from a picture or text file that was dropped on the prompt.

        A picture that keeps what was drawn for it goes back onto the canvas along with that.
        """
        path = picture_path(file)
        if path is None:
            return {}, ""
        try:
            text = read_dropped(path, max_pixels=self.max_pixels)
        except UserError as error:
            return {}, error_html(str(error))
        updates, message = self.apply(text)
        drawn = on_canvas(path, max_pixels=self.max_pixels)
        return {**updates, **drawn, **self.pictures_of_units(path, updates)}, message

    def pictures_of_units(self, path: Path, pasted: Updates) -> Updates:
        """What the file of a result keeps of the pictures of ControlNet units that were pasted."""
        return kept_pictures(path, pasted, max_pixels=self.max_pixels)

    def apply_styles(self, prompt: str, negative: str, styles: list[str]) -> tuple[Updates, str]:
        """Both prompts with the chosen styles written out, and none chosen."""
        wanted = Prompt(positive=prompt, negative=negative, styles=tuple(styles or ()))
        try:
            written = self._context.styles.apply(wanted)
        except UserError as error:
            return {}, error_html(str(error))
        updates: Updates = {"prompt": written.positive, "negative_prompt": written.negative}
        return {**updates, "styles": []}, ""

    def change_checkpoint(self, title: Raw, width: Raw, height: Raw) -> tuple[Updates, str]:
        """Store the choice; the size follows if it still is the default of the model before."""
        settings = self._context.settings
        before = self._find(settings.current.sd_model_checkpoint)
        if not isinstance(title, str) or (before is not None and before.title == title):
            return {}, ""
        try:
            chosen = self._context.catalog.find(title)
            settings.change({"sd_model_checkpoint": chosen.title})
        except UserError as error:
            return {}, error_html(str(error))
        untouched = before is None or (width, height) == (
            before.default_size.width,
            before.default_size.height,
        )
        if not untouched:
            return {}, ""
        return {"width": chosen.default_size.width, "height": chosen.default_size.height}, ""

    def refresh_checkpoints(self, title: Raw) -> Update:
        """Look for models again."""
        self._context.catalog.refresh()
        return self.checkpoint_menu(title)

    def checkpoint_menu(self, title: Raw) -> Update:
        """The menu of checkpoints with `title` chosen, or what the settings name."""
        titles = [checkpoint.title for checkpoint in self._context.catalog.checkpoints()]
        if title not in titles:
            chosen = self._find(self._context.settings.current.sd_model_checkpoint)
            title = chosen.title if chosen else None
        return menu(titles, title)

    def refresh_refiners(self, title: Raw) -> Update:
        """Look for models again."""
        self._context.catalog.refresh()
        return self.refiner_menu(title)

    def refiner_menu(self, title: Raw) -> Update:
        """The menu of checkpoints that may finish a picture, with `title` chosen if it is there."""
        titles = ["", *(checkpoint.title for checkpoint in self._context.catalog.checkpoints())]
        return menu(titles, title if title in titles else "")

    def schedule_menu(self, sampler: Raw, schedule: Raw) -> Update:
        """The menu of schedules that `sampler` can follow."""
        labels = schedule_labels(str(sampler))
        return menu(labels, schedule if schedule in labels else AUTOMATIC)

    def restore(self, stored: Raw) -> Updates:
        """The whole form after a reload: what the browser remembered, menus as they are now."""
        values = cast("Mapping[str, Raw]", stored if isinstance(stored, Mapping) else {})
        updates: Updates = {
            name: value
            for name, value in values.items()
            if value is not None and name not in PICTURES and not is_control(name)
        }
        names = self._context.styles.names
        styles = [name for name in updates.get("styles", []) if name in names]
        updates["styles"] = menu(names, styles)
        updates["checkpoint"] = self.checkpoint_menu(updates.get("checkpoint"))
        updates["refiner_checkpoint"] = self.refiner_menu(updates.get("refiner_checkpoint"))
        labels = [sampler.label for sampler in SAMPLERS]
        if updates.get("sampler") not in labels:
            updates["sampler"] = labels[0]
        updates["schedule"] = self.schedule_menu(updates["sampler"], updates.get("schedule"))
        if "override_settings" in updates:
            updates["override_settings"] = override_menu(updates["override_settings"])
        pictures: dict[str, Update] = {name: still_kept(values.get(name)) for name in PICTURES}
        pictures[FILES] = files_still_kept(updates.pop(FILES, None))
        kept = {name: path for name, path in pictures.items() if path is not None}
        return updates | kept | self._restore_control(values, updates["checkpoint"]["value"])

    def _restore_control(self, values: Mapping[str, Raw], title: Raw) -> Updates:
        checkpoint = self._find(str(title or ""))
        family = ModelFamily.unknown if checkpoint is None else checkpoint.family
        return restored_units(values, self._context.control, family)

    def count_tokens(
        self, prompt: Raw, negative: Raw, styles: Raw, steps: Raw, sampler: Raw
    ) -> tuple[str, str]:
        """The two counters, such as "12/75"; "" while there is nothing to count with yet.

        Of a prompt that says something else at other steps, or several things at once, the longest.
        """
        chosen = Prompt(positive=prompt or "", negative=negative or "", styles=tuple(styles or ()))
        settings = self._context.settings.current
        checkpoint = self._find(settings.sd_model_checkpoint)
        try:
            chosen = self._context.styles.apply(chosen)
        except UserError:
            chosen = replace(chosen, styles=())
        texts = read_prompt(chosen, settings, steps=_schedule_steps(steps, sampler))
        positive = {text for part in texts.positive for text in part.texts}
        return self._count(positive, checkpoint), self._count(texts.negative.texts, checkpoint)

    def apply(self, infotext: str) -> tuple[Updates, str]:
        """Fields from a parameter text, and what could not be used."""
        pasted = paste_text(self._context, infotext)
        updates = dict(pasted.values)
        if "sampler" in updates or "schedule" in updates:
            sampler = updates.get("sampler", SAMPLERS[0].label)
            updates["schedule"] = self.schedule_menu(sampler, updates.get("schedule"))
        if "override_settings" in updates:
            updates["override_settings"] = override_menu(updates["override_settings"])
        return updates, "".join(note_html(comment) for comment in pasted.comments)

    @property
    def max_pixels(self) -> int:
        """The largest picture that is decoded."""
        return int(self._context.settings.current.max_picture_megapixels * 1_000_000)

    def _count(self, texts: Collection[str], checkpoint: Checkpoint | None) -> str:
        try:
            counted = checkpoint and self._context.count_tokens(texts, checkpoint)
        except UserError:
            counted = None
        return f"{counted[0]}/{counted[1]}" if counted else ""

    def _find(self, name: str) -> Checkpoint | None:
        try:
            return self._context.catalog.find(name)
        except (ModelNotFound, ModelBroken):
            return None


def _schedule_steps(steps: Raw, sampler: Raw) -> int:
    """Those of the form, or those of a form that nobody changed while these are of no use."""
    try:
        return schedule_steps(Sampling(steps=steps, sampler=str(sampler)))
    except UserError:
        return schedule_steps(Sampling())


class StyleEvents:
    """Handlers of the style editor; each returns what its dropdowns, boxes and message become."""

    def __init__(self, context: Context) -> None:
        self._styles = context.styles

    def load(self, name: Raw) -> tuple[Update, Update]:
        """The texts of a style that was chosen; a new name leaves the boxes as they are."""
        if not isinstance(name, str) or name not in self._styles.names:
            return UNCHANGED, UNCHANGED
        style = self._styles.get(name)
        return style.positive, style.negative

    def save(self, name: Raw, positive: Raw, negative: Raw, chosen: Raw) -> tuple[Update, ...]:
        """Write a style; both menus, and a message."""
        try:
            style = Style(name=name or "", positive=positive or "", negative=negative or "")
            self._styles.save(style)
        except UserError as error:
            return UNCHANGED, UNCHANGED, error_html(str(error))
        return (*self.menus(name, chosen), plain_html(f"Saved style {name}."))

    def delete(self, name: Raw, chosen: Raw) -> tuple[Update, ...]:
        """Remove a style; both menus, and a message."""
        try:
            self._styles.delete(name or "")
        except UserError as error:
            return UNCHANGED, UNCHANGED, error_html(str(error))
        return (*self.menus(None, chosen), plain_html(f"Deleted style {name}."))

    def menus(self, name: Raw, chosen: Raw) -> tuple[Update, Update]:
        """The editor's menu and the page's, as the file has them now."""
        names = list(self._styles.names)
        kept = [name for name in names if chosen and name in chosen]
        return menu(names, name), menu(names, kept)

    def refresh(self, name: Raw, chosen: Raw) -> tuple[Update, ...]:
        """Read the file again; both menus, and what is wrong with it."""
        problem = self._styles.problem
        return (*self.menus(name, chosen), error_html(problem) if problem else "")


def override_menu(entries: list[str]) -> Update:
    """The menu of overridden settings, all of them chosen."""
    return menu(entries, list(entries))


def options_html(settings: Settings) -> str:
    """Settings that the page's script follows."""
    options = {
        "attentionStep": settings.keyedit_precision_attention,
        "refreshPeriod": settings.live_preview_refresh_period,
        "previews": settings.live_previews_enable,
        "counters": not settings.disable_token_counters,
        "comments": settings.enable_prompt_comments,
        "cardOrder": settings.extra_networks_card_order_field,
        "cardsDescending": settings.extra_networks_card_order == "Descending",
    }
    return f'<div data-options="{html.escape(json.dumps(options))}"></div>'
