"""The accordion ControlNet: its units on tabs, and what a batch does with them."""

import html
import json
from dataclasses import dataclass

import gradio as gr

from pipelines.batch.folders import AllowedFolders
from pipelines.catalog.families import ModelFamily
from pipelines.control.ade20k import CLASSES
from pipelines.control.ip_weights import SD1, SDXL, shares
from pipelines.control.menus import ControlMenus
from pipelines.control.units import BatchOption, WeightType
from pipelines.plugins import Preprocessor, Slider
from ui.canvas.canvas import Canvas, Opener
from ui.panels import control_unit
from ui.panels.control_unit import ControlUnitPanel
from ui.panels.tools import Field

TITLE = "ControlNet"
NO_MODELS = "There is no ControlNet model yet: put one into {places}, then press Refresh."
BATCH_OPTION = "control_batch_option"
STYLE_ALIGN = "control_style_align"


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlNetPanel:
    """What the accordion is made of."""

    accordion: gr.Accordion
    units: tuple[ControlUnitPanel, ...]
    batch_option: gr.Radio
    style_align: gr.Checkbox
    table: gr.Textbox  # hidden: `table_of`, which the page's script follows

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        fields: dict[str, Field] = {
            BATCH_OPTION: self.batch_option,
            STYLE_ALIGN: self.style_align,
        }
        for unit in self.units:
            fields |= unit.fields
        return fields

    @property
    def files(self) -> dict[str, gr.File]:
        """The canvases' hidden files: sent with Generate, but no fields of the form."""
        return {name: file for unit in self.units for name, file in unit.files.items()}

    @property
    def canvases(self) -> tuple[Canvas, ...]:
        """Those of the units, in their order."""
        return tuple(unit.images.canvas for unit in self.units)


def build(
    menus: ControlMenus,
    *,
    count: int,
    family: ModelFamily,
    open_file: Opener,
    folders: AllowedFolders | None,
) -> ControlNetPanel:
    """Draw the accordion with `count` units, for a checkpoint of `family`.

    Without any preprocessor there are no units, and there is nothing to be seen.
    """
    if not menus.plugins.preprocessors:
        count = 0
    with (
        gr.Column(elem_id="img2img_controlnet", visible=count > 0),
        gr.Accordion(TITLE, open=False, elem_id="controlnet") as accordion,
    ):
        table = gr.Textbox(
            table_of(menus, family), visible="hidden", elem_id="controlnet_table", interactive=True
        )
        places = menus.models.places
        gr.HTML(
            f"<p>{html.escape(NO_MODELS.format(places=places))}</p>",
            elem_id="controlnet_no_models",
            elem_classes=["cnet-hint"],
        )
        units = _build_units(menus, count, open_file, folders)
        batch_option, style_align = _build_batch_options()
    return ControlNetPanel(
        accordion=accordion,
        units=units,
        batch_option=batch_option,
        style_align=style_align,
        table=table,
    )


def _build_batch_options() -> tuple[gr.Radio, gr.Checkbox]:
    with gr.Accordion("Batch Options", open=False, elem_id="controlnet_batch_options"):
        option = gr.Radio(
            choices=[option.value for option in BatchOption],
            value=BatchOption.all_units.value,
            label="Batch Option",
            interactive=True,
            elem_id="img2img_controlnet_controlnet_batch_option_radio",
            elem_classes=["choices"],
        )
        style_align = gr.Checkbox(
            label="[StyleAlign] Align image style in the batch.",
            container=False,
            interactive=True,
            elem_id="img2img_controlnet_controlnet_batch_style_align_checkbox",
        )
    return option, style_align


def _build_units(
    menus: ControlMenus, count: int, open_file: Opener, folders: AllowedFolders | None
) -> tuple[ControlUnitPanel, ...]:
    """Each on a tab of its own; a single one, as in A1111, without tabs."""
    if count == 1:
        return (control_unit.build(0, 1, menus, open_file=open_file, folders=folders),)
    units: list[ControlUnitPanel] = []
    with gr.Tabs(elem_id="img2img_controlnet_tabs"):
        for index in range(count):
            with gr.Tab(
                f"ControlNet Unit {index}",
                id=f"unit_{index}",
                elem_id=f"img2img_controlnet_unit_{index}",
                elem_classes=["cnet-unit-tab"],
            ):
                unit = control_unit.build(index, count, menus, open_file=open_file, folders=folders)
                units.append(unit)
    return tuple(units)


def table_of(menus: ControlMenus, family: ModelFamily) -> str:
    """Everything that the units' menus and sliders depend on, as JSON.

    `types`: what each control type lists and chooses, for a checkpoint of `family`.
    `preprocessors`: by label, the sliders as [label, least, most, step, default] or null, what
    belongs to it, and the licence of its weights. `palette`: names and colours with which
    segmentation maps are painted. `weights`: by weight type, for every layer of such a checkpoint's
    network, the shares of Control Weight and Composition Weight.
    """
    if not menus.plugins.preprocessors:
        return json.dumps({"types": {}, "preprocessors": {}, "palette": [], "weights": {}})
    types = {
        kind: {
            "preprocessors": menus.preprocessors(kind),
            "preprocessor": menus.default_preprocessor(kind),
            "models": menus.model_choices(kind, family),
            "model": menus.default_model(kind, family),
        }
        for kind in menus.control_types
    }
    preprocessors = {found.label: _describe(found) for found in menus.plugins.preprocessors}
    palette = [(kind.name, kind.colour) for kind in CLASSES]
    depths = SDXL if family is ModelFamily.sdxl else SD1
    weights = {kind.value: shares(kind, depths) for kind in WeightType}
    return json.dumps(
        {"types": types, "preprocessors": preprocessors, "palette": palette, "weights": weights}
    )


def _describe(preprocessor: Preprocessor) -> dict[str, object]:
    a, b = (*preprocessor.sliders, None, None)[:2]
    return {
        "resolution": _numbers(preprocessor.resolution),
        "a": _numbers(a),
        "b": _numbers(b),
        "model": preprocessor.needs_model,
        "mode": preprocessor.has_control_mode,
        "licence": ", ".join(dict.fromkeys(found.licence for found in preprocessor.weights)),
    }


def _numbers(slider: Slider | None) -> tuple[str, float, float, float, float] | None:
    if slider is None:
        return None
    return (slider.label, slider.minimum, slider.maximum, slider.step, slider.default)
