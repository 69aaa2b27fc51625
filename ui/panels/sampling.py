"""How the picture is denoised: sampler, schedule, steps, CFG Scale, Denoising strength."""

from dataclasses import dataclass

import gradio as gr

from pipelines.samplers import SAMPLERS
from ui.choices import schedule_labels
from ui.panels.tools import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class SamplerRow:
    """The row above the sizes."""

    sampler: gr.Dropdown
    schedule: gr.Dropdown
    steps: gr.Slider

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {"sampler": self.sampler, "schedule": self.schedule, "steps": self.steps}


@dataclass(frozen=True, kw_only=True, slots=True)
class GuidanceRow:
    """The sliders below the sizes."""

    cfg_scale: gr.Slider
    for_editing: gr.Column  # shown while the checkpoint edits by instruction
    image_cfg_scale: gr.Slider
    denoising_strength: gr.Slider

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "cfg_scale": self.cfg_scale,
            "image_cfg_scale": self.image_cfg_scale,
            "denoising_strength": self.denoising_strength,
        }


def build_sampler() -> SamplerRow:
    """Draw sampling method, schedule type and steps."""
    first = SAMPLERS[0].label
    schedules = schedule_labels(first)
    with gr.Row(elem_id="sampler_selection_img2img", elem_classes=["fields"]):
        sampler = gr.Dropdown(
            choices=[sampler.label for sampler in SAMPLERS],
            value=first,
            label="Sampling method",
            interactive=True,
            elem_id="img2img_sampling",
            min_width=150,
        )
        schedule = gr.Dropdown(
            choices=list(schedules),
            value=schedules[0],
            label="Schedule type",
            interactive=True,
            elem_id="img2img_scheduler",
            min_width=130,
        )
        steps = gr.Slider(
            1,
            150,
            20,
            step=1,
            label="Sampling steps",
            interactive=True,
            elem_id="img2img_steps",
            min_width=200,
            scale=2,
            buttons=[],
        )
    return SamplerRow(sampler=sampler, schedule=schedule, steps=steps)


def build_guidance(*, edits: bool) -> GuidanceRow:
    """Draw CFG Scale and Denoising strength; Image CFG Scale shows while the model `edits`."""
    cfg_scale = gr.Slider(
        1.0,
        30.0,
        7.0,
        step=0.5,
        label="CFG Scale",
        interactive=True,
        elem_id="img2img_cfg_scale",
        buttons=[],
    )
    shown = True if edits else "hidden"  # rather than absent, since its value is always sent
    with gr.Column(visible=shown, elem_id="img2img_for_editing") as for_editing:
        image_cfg_scale = gr.Slider(
            0.0,
            3.0,
            1.5,
            step=0.05,
            label="Image CFG Scale",
            interactive=True,
            elem_id="img2img_image_cfg_scale",
            buttons=[],
        )
    denoising_strength = gr.Slider(
        0.0,
        1.0,
        0.75,
        step=0.01,
        label="Denoising strength",
        interactive=True,
        elem_id="img2img_denoising_strength",
        buttons=[],
    )
    return GuidanceRow(
        cfg_scale=cfg_scale,
        for_editing=for_editing,
        image_cfg_scale=image_cfg_scale,
        denoising_strength=denoising_strength,
    )
