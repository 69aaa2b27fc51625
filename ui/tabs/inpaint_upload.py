"""The Inpaint upload tab: the mask is a file."""

from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import Field, picture_field

TITLE = "Inpaint upload"


@dataclass(frozen=True, kw_only=True, slots=True)
class InpaintUploadTab:
    """What the tab is made of."""

    base: gr.Image
    mask: gr.Image

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {"inpaint_base": self.base, "inpaint_mask": self.mask}


def build(*, height: int) -> InpaintUploadTab:
    """Draw the tab, picture beside mask, at most `height` CSS pixels high."""
    size = f"min({height}px, 50vh)"
    with gr.Row():
        base = picture_field("Image for img2img", "img_inpaint_base", height=size, show_label=False)
        mask = picture_field("Mask", "img_inpaint_mask", height=size, show_label=True)
    return InpaintUploadTab(base=base, mask=mask)
