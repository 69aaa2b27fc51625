"""What the chosen checkpoint has to say on the page: a line beside its name, and its example."""

from collections.abc import Mapping
from typing import Any, cast

import gradio as gr

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.examples import Example, has_example, read_example
from pipelines.errors import ModelBroken, ModelNotFound, UserError
from pipelines.imaging.opening import open_picture
from pipelines.requests import ResizeMode
from ui.context import Context
from ui.form_events import FormEvents, Updates, override_menu
from ui.forms import RESIZE_TO
from ui.messages import error_html, plain_html
from ui.panels.models import note_html
from ui.values import Raw, Update


class ExampleEvents:
    """Handlers of the checkpoint's line and of the two buttons of its example."""

    def __init__(self, context: Context, form: FormEvents) -> None:
        self._catalog = context.catalog
        self._form = form

    def describe(self, title: Raw) -> tuple[str, Update, Update]:
        """The line beside the checkpoint's name, and what is shown for it: an offer of its example,
        and the fields of models that edit by instruction.
        """
        checkpoint = self._find(title)
        offered = checkpoint is not None and has_example(checkpoint)
        edits = checkpoint is not None and checkpoint.edits
        editing = gr.update(visible=True if edits else "hidden")
        return note_html(checkpoint), gr.update(visible=offered), editing

    def fill(self, title: Raw) -> tuple[Updates, str]:
        """The form with the checkpoint's example in it, and a message."""
        try:
            example = read_example(self._catalog.find(str(title or "")))
            picture = open_picture(example.picture, max_pixels=self._form.max_pixels)
        except UserError as error:
            return {}, error_html(str(error))
        return {**self._fields(example), "image": picture}, plain_html(
            "The example is filled in; press Generate."
        )

    def undo(self, before: Raw) -> Updates:
        """The form as it was, which the browser has kept; empty fields are empty again."""
        values = cast("Mapping[str, Any]", before if isinstance(before, Mapping) else {})
        emptied = {name: None for name, value in values.items() if value is None}
        return {**emptied, **self._form.restore(before)}

    def _fields(self, example: Example) -> Updates:
        """Every field that decides what the picture looks like."""
        sampling = example.sampling
        return {
            "prompt": example.prompt.positive,
            "negative_prompt": example.prompt.negative,
            "styles": [],
            "resize_mode": ResizeMode.just_resize.value,
            "sampler": sampling.sampler,
            "schedule": self._form.schedule_menu(sampling.sampler, sampling.schedule),
            "steps": sampling.steps,
            "size_tab": RESIZE_TO,
            "width": example.size.width,
            "height": example.size.height,
            "cfg_scale": sampling.cfg_scale,
            "denoising_strength": sampling.denoising_strength,
            "seed": example.seeds.seed,
            "extra": False,
            "override_settings": override_menu([]),
        }

    def _find(self, title: Raw) -> Checkpoint | None:
        try:
            return self._catalog.find(title) if isinstance(title, str) and title else None
        except (ModelNotFound, ModelBroken):
            return None
