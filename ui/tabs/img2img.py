"""The img2img tab: what is repainted and every setting on the left, results on the right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

import gradio as gr

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.examples import has_example
from pipelines.catalog.families import ModelFamily
from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode
from ui.canvas.canvas import Opener
from ui.context import Context
from ui.panels import (
    controlnet,
    extra_networks,
    inpaint,
    prompt,
    refiner,
    results,
    sampling,
    seed,
    size,
    soft_inpainting,
    source,
    style_editor,
)
from ui.panels.tools import Field

TITLE = "img2img"
FALLBACK_SIZE = Size(512, 512)
"""Shown while there is no checkpoint to ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Img2ImgTab:
    """Every panel of the tab."""

    prompt: prompt.PromptPanel
    styles: style_editor.StyleEditor
    source: source.SourcePanel
    resize_mode: gr.Radio
    inpaint: inpaint.InpaintPanel
    soft_inpainting: soft_inpainting.SoftInpaintingPanel
    sampler: sampling.SamplerRow
    refiner: refiner.RefinerPanel
    size: size.SizePanel
    guidance: sampling.GuidanceRow
    seed: seed.SeedPanel
    control: controlnet.ControlNetPanel
    override_settings: gr.Dropdown
    results: results.ResultPanel
    networks: Mapping[str, gr.Tab]

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name, in the order they are drawn."""
        return {
            **self.prompt.fields,
            **self.source.fields,
            "resize_mode": self.resize_mode,
            **self.inpaint.fields,
            **self.soft_inpainting.fields,
            **self.sampler.fields,
            **self.refiner.fields,
            **self.size.fields,
            **self.guidance.fields,
            **self.seed.fields,
            **self.control.fields,
            "override_settings": self.override_settings,
        }


def build(context: Context, chosen: Checkpoint | None, open_file: Opener) -> Img2ImgTab:
    """Draw the tab as it is while `chosen` is the checkpoint; `open_file` reads an upload."""
    names = context.styles.names
    prompt_panel = prompt.build(names)
    editor = style_editor.build(names)
    with gr.Tabs(elem_id="img2img_extra_tabs", elem_classes=["extra-networks"]):
        with (
            gr.Tab("Generation", id="img2img_generation", elem_id="img2img_generation"),
            gr.Row(elem_id="img2img_body", elem_classes=["body"]),
        ):
            with gr.Column(
                scale=1, min_width=320, elem_id="img2img_settings", elem_classes=["settings-column"]
            ):
                parts = _build_settings(context, chosen, open_file)
            with gr.Column(scale=1, min_width=320):
                result_panel = results.build()
        networks = extra_networks.build()
    return Img2ImgTab(
        prompt=prompt_panel, styles=editor, results=result_panel, networks=networks, **parts
    )


class Parts(TypedDict):
    """What stands in the column of settings, under the names of `Img2ImgTab`."""

    source: source.SourcePanel
    resize_mode: gr.Radio
    inpaint: inpaint.InpaintPanel
    soft_inpainting: soft_inpainting.SoftInpaintingPanel
    sampler: sampling.SamplerRow
    refiner: refiner.RefinerPanel
    size: size.SizePanel
    guidance: sampling.GuidanceRow
    seed: seed.SeedPanel
    control: controlnet.ControlNetPanel
    override_settings: gr.Dropdown


def _build_settings(context: Context, chosen: Checkpoint | None, open_file: Opener) -> Parts:
    return Parts(
        source=source.build(
            context.settings.current,
            open_file,
            folders=context.folders,
            offer_example=chosen is not None and has_example(chosen),
        ),
        resize_mode=gr.Radio(
            choices=[mode.value for mode in ResizeMode],
            value=ResizeMode.just_resize.value,
            label="Resize mode",
            interactive=True,
            elem_id="resize_mode",
            elem_classes=["choices"],
        ),
        inpaint=inpaint.build(),
        soft_inpainting=soft_inpainting.build(),
        sampler=sampling.build_sampler(),
        refiner=refiner.build([one.title for one in context.catalog.checkpoints()]),
        size=size.build(chosen.default_size if chosen else FALLBACK_SIZE),
        guidance=sampling.build_guidance(edits=chosen is not None and chosen.edits),
        seed=seed.build(),
        control=_build_control(context, chosen, open_file),
        override_settings=gr.Dropdown(
            choices=[],
            value=[],
            multiselect=True,
            allow_custom_value=True,
            label="Override settings",
            interactive=True,
            elem_id="img2img_override_settings",
        ),
    )


def _build_control(
    context: Context, chosen: Checkpoint | None, open_file: Opener
) -> controlnet.ControlNetPanel:
    return controlnet.build(
        context.control,
        count=context.settings.current.control_net_unit_count,
        family=chosen.family if chosen else ModelFamily.unknown,
        open_file=open_file,
        folders=context.folders,
    )
