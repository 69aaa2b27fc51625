"""What is done with a mask: the group of A1111's inpainting fields."""

from dataclasses import dataclass

import gradio as gr

from pipelines.requests import InpaintArea, MaskedContent, MaskMode
from ui.panels.tools import Field


@dataclass(frozen=True, kw_only=True, slots=True)
class InpaintPanel:
    """What the group is made of."""

    mask_blur: gr.Slider
    mask_transparency: gr.Slider
    mask_mode: gr.Radio
    masked_content: gr.Radio
    inpaint_area: gr.Radio
    inpaint_padding: gr.Slider
    repaint_opaque: gr.Checkbox  # A1111 has none: its results have no transparency

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "mask_blur": self.mask_blur,
            "mask_transparency": self.mask_transparency,
            "mask_mode": self.mask_mode,
            "masked_content": self.masked_content,
            "inpaint_area": self.inpaint_area,
            "inpaint_padding": self.inpaint_padding,
            "repaint_opaque": self.repaint_opaque,
        }


def build() -> InpaintPanel:
    """Draw the group; the page's style shows it on the tabs that have a mask."""
    with gr.Column(elem_id="inpaint_controls"):
        with gr.Row(elem_classes=["fields"]):
            mask_blur = _slider("Mask blur", "img2img_mask_blur", 64, 1, 4)
            mask_transparency = _slider("Mask transparency", "img2img_mask_alpha", 100, 1, 0)
        mask_mode = gr.Radio(
            choices=[mode.value for mode in MaskMode],
            value=MaskMode.masked.value,
            label="Mask mode",
            interactive=True,
            elem_id="img2img_mask_mode",
            elem_classes=["choices"],
        )
        masked_content = gr.Radio(
            choices=[content.value for content in MaskedContent],
            value=MaskedContent.original.value,
            label="Masked content",
            interactive=True,
            elem_id="img2img_inpainting_fill",
            elem_classes=["choices"],
        )
        with gr.Row(elem_classes=["fields"]):
            inpaint_area = gr.Radio(
                choices=[area.value for area in InpaintArea],
                value=InpaintArea.whole_picture.value,
                label="Inpaint area",
                interactive=True,
                elem_id="img2img_inpaint_full_res",
                elem_classes=["choices"],
                min_width=200,
            )
            inpaint_padding = _slider(
                "Only masked padding, pixels", "img2img_inpaint_full_res_padding", 256, 4, 32
            )
        repaint_opaque = gr.Checkbox(
            False,
            label="Repainted parts lose their transparency",
            interactive=True,
            elem_id="img2img_inpaint_opaque",
        )
    return InpaintPanel(
        mask_blur=mask_blur,
        mask_transparency=mask_transparency,
        mask_mode=mask_mode,
        masked_content=masked_content,
        inpaint_area=inpaint_area,
        inpaint_padding=inpaint_padding,
        repaint_opaque=repaint_opaque,
    )


def _slider(label: str, elem_id: str, most: int, step: int, value: int) -> gr.Slider:
    return gr.Slider(
        0,
        most,
        value,
        step=step,
        label=label,
        interactive=True,
        elem_id=elem_id,
        min_width=200,
        buttons=[],
    )
