"""Soft inpainting: a tick that opens its fields, as A1111's built-in extension has it."""

from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import Field

INTRO = (
    "Where the mask is half strong, original and new content are mixed while the picture is made, "
    "so that no seam is left. It needs a soft edge: give **Mask blur** a high value."
)
HELP = """
The first three fields work while the picture is made, at every step. With everything at its
default, a wide blur of the mask is usually all that is needed. If too much of the original is left
at the edge, lower **Preservation strength**; if the edge looks washed out, raise **Transition
contrast boost**.

The others work on the finished picture: where it has hardly changed, the original is laid over it
again. If a change that you want disappears, lower **Difference threshold**; if the original
flickers through, lower **Difference contrast** or raise **Mask influence**.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoftInpaintingPanel:
    """What the accordion is made of."""

    enabled: gr.Checkbox
    schedule_bias: gr.Slider
    preservation_strength: gr.Slider
    transition_contrast_boost: gr.Slider
    mask_influence: gr.Slider
    difference_threshold: gr.Slider
    difference_contrast: gr.Slider

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "soft_inpainting": self.enabled,
            "soft_schedule_bias": self.schedule_bias,
            "soft_preservation_strength": self.preservation_strength,
            "soft_transition_contrast_boost": self.transition_contrast_boost,
            "soft_mask_influence": self.mask_influence,
            "soft_difference_threshold": self.difference_threshold,
            "soft_difference_contrast": self.difference_contrast,
        }


def build() -> SoftInpaintingPanel:
    """Draw the accordion; the page's style opens it while it is ticked."""
    with gr.Column(elem_id="soft_inpainting", elem_classes=["tick-accordion"]):
        enabled = gr.Checkbox(
            False, label="Soft inpainting", interactive=True, elem_id="soft_inpainting_enabled"
        )
        with gr.Column(elem_classes=["tick-accordion-body"]):
            gr.Markdown(INTRO)
            schedule_bias = _slider(
                "Schedule bias",
                "At which noise levels the original is kept: above 1 early on, below 1 late.",
                (0, 8, 0.1, 1),
                "mask_blend_power",
            )
            preservation_strength = _slider(
                "Preservation strength",
                "How much of the original stays where the mask is half strong; 0 keeps none.",
                (0, 8, 0.05, 0.5),
                "mask_blend_scale",
            )
            transition_contrast_boost = _slider(
                "Transition contrast boost",
                "Gives back the contrast that is lost where old and new are mixed.",
                (1, 32, 0.5, 4),
                "inpaint_detail_preservation",
            )
            gr.Markdown("#### Pixel Composite Settings")
            mask_influence = _slider(
                "Mask influence",
                "How much the mask decides, and not the change alone.",
                (0, 1, 0.05, 0),
                "composite_mask_influence",
            )
            difference_threshold = _slider(
                "Difference threshold",
                "The change at which a place begins to show the new picture.",
                (0, 8, 0.25, 0.5),
                "composite_difference_threshold",
            )
            difference_contrast = _slider(
                "Difference contrast",
                "How hard the passage from the original to the new picture is.",
                (0, 8, 0.25, 2),
                "composite_difference_contrast",
            )
            with gr.Accordion("Help", open=False, elem_id="soft_inpainting_help"):
                gr.Markdown(HELP)
    return SoftInpaintingPanel(
        enabled=enabled,
        schedule_bias=schedule_bias,
        preservation_strength=preservation_strength,
        transition_contrast_boost=transition_contrast_boost,
        mask_influence=mask_influence,
        difference_threshold=difference_threshold,
        difference_contrast=difference_contrast,
    )


def _slider(
    label: str, info: str, numbers: tuple[float, float, float, float], elem_id: str
) -> gr.Slider:
    """`numbers` are least, most, step and default."""
    least, most, step, value = numbers
    return gr.Slider(
        least,
        most,
        value,
        step=step,
        label=label,
        info=info,
        interactive=True,
        elem_id=elem_id,
        buttons=[],
    )
