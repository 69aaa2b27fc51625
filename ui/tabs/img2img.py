"""The img2img tab: one picture in, settings left, results right."""

from dataclasses import dataclass

import gradio as gr

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.examples import has_example
from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode
from ui.context import Context
from ui.panels import example, prompt, results, sampling, seed, size, style_editor
from ui.panels.tools import Field

TITLE = "img2img"
IMAGE_HEIGHT = 400
"""Pixels; less than A1111's 720, so that the settings below are in sight."""

FALLBACK_SIZE = Size(512, 512)
"""Shown while there is no checkpoint to ask."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Img2ImgTab:
    """Every panel of the tab."""

    prompt: prompt.PromptPanel
    styles: style_editor.StyleEditor
    image: gr.Image
    example: example.ExamplePanel
    resize_mode: gr.Radio
    sampler: sampling.SamplerRow
    size: size.SizePanel
    guidance: sampling.GuidanceRow
    seed: seed.SeedPanel
    override_settings: gr.Dropdown
    results: results.ResultPanel

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name, in the order they are drawn."""
        return {
            **self.prompt.fields,
            "image": self.image,
            "resize_mode": self.resize_mode,
            **self.sampler.fields,
            **self.size.fields,
            **self.guidance.fields,
            **self.seed.fields,
            "override_settings": self.override_settings,
        }


def build(context: Context, chosen: Checkpoint | None) -> Img2ImgTab:
    """Draw the tab as it is while `chosen` is the checkpoint."""
    names = context.styles.names
    prompt_panel = prompt.build(names)
    editor = style_editor.build(names)
    with gr.Row(elem_id="img2img_body", elem_classes=["body"]):
        with gr.Column(
            scale=1, min_width=320, elem_id="img2img_settings", elem_classes=["settings-column"]
        ):
            image, example_panel = _build_source(chosen is not None and has_example(chosen))
            resize_mode = gr.Radio(
                choices=[mode.value for mode in ResizeMode],
                value=ResizeMode.just_resize.value,
                label="Resize mode",
                interactive=True,
                elem_id="resize_mode",
            )
            sampler_row = sampling.build_sampler()
            size_panel = size.build(chosen.default_size if chosen else FALLBACK_SIZE)
            guidance = sampling.build_guidance()
            seed_panel = seed.build()
            override_settings = gr.Dropdown(
                choices=[],
                value=[],
                multiselect=True,
                allow_custom_value=True,
                label="Override settings",
                interactive=True,
                elem_id="img2img_override_settings",
            )
        with gr.Column(scale=1, min_width=320):
            result_panel = results.build()
    return Img2ImgTab(
        prompt=prompt_panel,
        styles=editor,
        image=image,
        example=example_panel,
        resize_mode=resize_mode,
        sampler=sampler_row,
        size=size_panel,
        guidance=guidance,
        seed=seed_panel,
        override_settings=override_settings,
        results=result_panel,
    )


def _build_source(offer_example: bool) -> tuple[gr.Image, example.ExamplePanel]:
    with gr.Tabs(elem_id="mode_img2img"), gr.Tab("img2img", id="img2img"):
        image = gr.Image(
            label="Image for img2img",
            show_label=False,
            type="filepath",
            image_mode=None,
            format="png",
            sources=["upload", "clipboard"],
            height=IMAGE_HEIGHT,
            interactive=True,
            buttons=["fullscreen"],
            elem_id="img2img_image",
        )
        return image, example.build(offer_example)
