"""One unit of the ControlNet accordion: every control of A1111's ControlNet extension.

What is seen when is `static/control.js`'s affair, by the classes that begin with "cnet-": Gradio's
own `visible` is lost on whatever is not drawn yet, such as the content of a closed accordion.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import gradio as gr

from pipelines.batch.folders import AllowedFolders
from pipelines.control.menus import ControlMenus
from pipelines.control.units import ControlMode, ControlResizeMode, WeightType
from pipelines.plugins import ALL
from ui.canvas.canvas import Opener
from ui.panels import control_images
from ui.panels.control_images import ControlImages
from ui.panels.tools import Field

TICKS_CLASSES = ("controlnet_main_options", "controlnet_img2img_options")
"""The extension's, of rows that are one here."""

PRESET = -1
"""Of a preprocessor's numbers: whatever it prefers."""

WEIGHT_PLOT = """\
<div class="cnet-plot">
  <span>Weight Plot</span>
  <div class="cnet-plot-bars"></div>
  <span class="cnet-plot-ends"><b>input</b><b>output</b></span>
</div>"""
"""What `static/control_weights.js` draws into."""

LOOPBACK = (
    "[Batch Loopback] Automatically send generated images to this ControlNet unit in batch "
    "generation"
)


Option = gr.Textbox | gr.Dropdown | gr.Slider | gr.Number | gr.Checkbox | gr.Radio
"""A component that tells when somebody has changed it by hand."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlUnitPanel:
    """What a unit is made of.

    `options` are those of its form fields that are no files, by their names within the unit.
    """

    index: int
    images: ControlImages
    run: gr.Button
    refresh: gr.Button
    message: gr.HTML  # why there is no preview
    options: dict[str, Option]

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        own = {**self.options, "pictures": self.images.pictures, "region": self.images.region}
        return {field_name(self.index, name): field for name, field in own.items()}

    @property
    def files(self) -> dict[str, gr.File]:
        """The canvas's hidden files: sent with Generate, but no fields of the form."""
        canvas = self.images.canvas
        return {
            field_name(self.index, "picture"): canvas.picture,
            field_name(self.index, "drawing"): canvas.drawing,
        }


def field_name(index: int, name: str) -> str:
    """What the field called `name` of a unit is called in the form."""
    return f"control_{index}_{name}"


def element_prefix(index: int, count: int) -> str:
    """How the element ids of unit `index` of `count` begin, which other people's scripts know."""
    return f"img2img_controlnet_ControlNet{'' if count == 1 else f'-{index}'}_"


def build(
    index: int,
    count: int,
    menus: ControlMenus,
    *,
    open_file: Opener,
    folders: AllowedFolders | None,
) -> ControlUnitPanel:
    """Draw unit `index` of `count`; `open_file` reads its picture.

    `folders` are those that may be named, None if no field for one is to be seen.
    """
    ids = element_prefix(index, count)
    with gr.Column(elem_id=f"{ids}unit", elem_classes=["cnet-unit"]):
        images = control_images.build(ids, index, open_file, folders)
        options = _build_ticks(ids)
        kind, run, refresh = _build_menus(ids, menus)
        message = gr.HTML(elem_id=f"{ids}message", elem_classes=["cnet-message", "log"])
        options |= kind | _build_numbers(ids) | _build_modes(ids) | _build_adapter(ids)
    options |= {"input_tab": images.input_tab, "folder": images.folder}
    return ControlUnitPanel(
        index=index, images=images, run=run, refresh=refresh, message=message, options=options
    )


def _build_ticks(ids: str) -> dict[str, Option]:
    with gr.Row(elem_classes=["cnet-ticks", *TICKS_CLASSES]):
        return {
            "enabled": _tick("Enable", f"{ids}controlnet_enable_checkbox", "cnet-unit-enabled"),
            "low_vram": _tick("Low VRAM", f"{ids}controlnet_low_vram_checkbox"),
            "pixel_perfect": _tick("Pixel Perfect", f"{ids}controlnet_pixel_perfect_checkbox"),
            "allow_preview": _tick(
                "Allow Preview",
                f"{ids}controlnet_preprocessor_preview_checkbox",
                "cnet-allow-preview",
            ),
            "region_on": _tick(
                "Effective Region Mask",
                f"{ids}controlnet_mask_upload_checkbox",
                "cnet-mask-upload",
            ),
            "independent": _tick(
                "Upload independent control image",
                f"{ids}controlnet_same_img2img_checkbox",
                "cnet-unit-same_img2img",
            ),
            "crop": _tick(
                "Crop input image based on A1111 mask",
                f"{ids}controlnet_crop_input_image_checkbox",
                "cnet-crop-input-image",
                value=True,
            ),
        }


def _build_menus(ids: str, menus: ControlMenus) -> tuple[dict[str, Option], gr.Button, gr.Button]:
    """Control Type, Preprocessor with its button, Model with its button."""
    kind = gr.Radio(
        choices=list(menus.control_types),
        value=ALL,
        label="Control Type",
        interactive=True,
        elem_id=f"{ids}controlnet_type_filter_radio",
        elem_classes=[
            "choices",
            "controlnet_control_type",
            "controlnet_control_type_filter_group",
        ],
    )
    with gr.Row(elem_classes=["controlnet_preprocessor_model", "fields"]):
        with gr.Row(elem_classes=["with-tool"]):
            preprocessor = _menu(
                "Preprocessor", menus.preprocessors(ALL), f"{ids}controlnet_preprocessor_dropdown"
            )
            run = _icon(
                "Run preprocessor", f"{ids}controlnet_trigger_preprocessor", "cnet-run-preprocessor"
            )
        with gr.Row(elem_classes=["with-tool", "cnet-model"]):
            model = _menu("Model", menus.model_choices(ALL), f"{ids}controlnet_model_dropdown")
            refresh = _icon("Refresh", f"{ids}controlnet_refresh_models", "cnet-refresh-models")
    gr.HTML(
        "<p>Licence of the weights: </p>",
        elem_id=f"{ids}licence",
        elem_classes=["cnet-hint", "cnet-licence"],
    )
    return {"type": kind, "preprocessor": preprocessor, "model": model}, run, refresh


def _build_numbers(ids: str) -> dict[str, Option]:
    with gr.Row(elem_classes=["controlnet_weight_steps", "fields"]):
        numbers: dict[str, Option] = {
            "weight": _slider(
                "Control Weight", (0, 2, 0.05, 1), f"{ids}controlnet_control_weight_slider"
            ),
            "start": _slider(
                "Starting Control Step",
                (0, 1, 0.01, 0),
                f"{ids}controlnet_start_control_step_slider",
            ),
            "end": _slider(
                "Ending Control Step",
                (0, 1, 0.01, 1),
                f"{ids}controlnet_ending_control_step_slider",
            ),
        }
    with gr.Row(elem_classes=["cnet-sliders", "fields"]):
        numbers |= {
            "resolution": _slider(
                "Resolution",
                (64, 2048, 8, PRESET),
                f"{ids}controlnet_preprocessor_resolution_slider",
                "cnet-resolution",
            ),
            "a": _slider(
                "Threshold A",
                (64, 1024, 1, PRESET),
                f"{ids}controlnet_threshold_A_slider",
                "cnet-a",
            ),
            "b": _slider(
                "Threshold B",
                (64, 1024, 1, PRESET),
                f"{ids}controlnet_threshold_B_slider",
                "cnet-b",
            ),
        }
    return numbers


def _build_modes(ids: str) -> dict[str, Option]:
    return {
        "mode": _choice(
            "Control Mode", ControlMode, f"{ids}controlnet_control_mode_radio", "cnet-control-mode"
        ),
        "resize_mode": _choice(
            "Resize Mode",
            ControlResizeMode,
            f"{ids}controlnet_resize_mode_radio",
            "cnet-resize-mode",
            value=ControlResizeMode.crop_and_resize,
        ),
        "loopback": _tick(
            LOOPBACK,
            f"{ids}controlnet_automatically_send_generated_images_checkbox",
            "cnet-loopback",
        ),
    }


def _build_adapter(ids: str) -> dict[str, Option]:
    """What only models that look at the picture itself take."""
    with gr.Row(elem_classes=["cnet-adapter", "fields"]):
        options: dict[str, Option] = {
            "weight_type": gr.Dropdown(
                choices=[kind.value for kind in WeightType],
                value=WeightType.normal.value,
                label="Weight Type",
                filterable=False,
                interactive=True,
                elem_id=f"{ids}controlnet_weight_type_dropdown",
            ),
            "composition": _slider(
                "Composition Weight",
                (0, 2, 0.01, 1),
                f"{ids}controlnet_composition_weight_slider",
                "cnet-composition",
            ),
            "layer_weights": gr.Textbox(
                label="Weights",
                placeholder="One number for each layer; empty: by Weight Type",
                lines=1,
                max_lines=1,
                interactive=True,
                elem_id=f"{ids}controlnet_advanced_weighting",
            ),
        }
    gr.HTML(WEIGHT_PLOT, elem_id=f"{ids}controlnet_weight_plot", elem_classes=["cnet-adapter"])
    return options


def _tick(label: str, elem_id: str, *classes: str, value: bool = False) -> gr.Checkbox:
    return gr.Checkbox(
        value,
        label=label,
        container=False,
        interactive=True,
        min_width=0,
        elem_id=elem_id,
        elem_classes=list(classes),
    )


def _choice(
    label: str, kind: type[Enum], elem_id: str, *classes: str, value: Enum | None = None
) -> gr.Radio:
    """Every member of `kind`, with `value` or the first one chosen."""
    values = [member.value for member in kind]
    return gr.Radio(
        choices=values,
        value=values[0] if value is None else value.value,
        label=label,
        interactive=True,
        elem_id=elem_id,
        elem_classes=["choices", *classes],
    )


def _menu(label: str, choices: Sequence[str], elem_id: str) -> gr.Dropdown:
    """A menu whose first entry is chosen; entries may be exchanged, so none is refused."""
    return gr.Dropdown(
        choices=list(choices),
        value=choices[0],
        label=label,
        interactive=True,
        min_width=0,
        elem_id=elem_id,
    )


def _slider(
    label: str, numbers: tuple[float, float, float, float], elem_id: str, *classes: str
) -> gr.Slider:
    """`numbers` are least, most, step and first value."""
    least, most, step, value = numbers
    return gr.Slider(
        least,
        most,
        value,
        step=step,
        label=label,
        interactive=True,
        min_width=150,
        elem_id=elem_id,
        elem_classes=list(classes),
        buttons=[],
    )


def _icon(label: str, elem_id: str, *classes: str) -> gr.Button:
    """A square button; the style shows an icon in place of its label."""
    return gr.Button(
        label,
        elem_id=elem_id,
        elem_classes=["tool", "icon", *classes],
        size="sm",
        min_width=36,
        scale=0,
    )
