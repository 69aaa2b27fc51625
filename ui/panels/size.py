"""Which size to work at (Resize to, Resize by), and how many pictures to make."""

from dataclasses import dataclass

import gradio as gr

from pipelines.imaging.geometry import Size
from ui.panels.tools import Field, tool_button

LARGEST = 2048
"""Pixels along one side that the sliders reach; larger sizes can be typed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SizePanel:
    """What the panel is made of."""

    resize_to: gr.Tab
    resize_by: gr.Tab
    size_tab: gr.Number  # hidden: 0 is Resize to, 1 is Resize by
    width: gr.Slider
    height: gr.Slider
    swap: gr.Button
    detect: gr.Button
    scale: gr.Slider
    batch_count: gr.Slider
    batch_size: gr.Slider

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "size_tab": self.size_tab,
            "width": self.width,
            "height": self.height,
            "scale": self.scale,
            "batch_count": self.batch_count,
            "batch_size": self.batch_size,
        }


def build(default: Size) -> SizePanel:
    """Draw the panel; `default` is the size the chosen checkpoint likes."""
    with gr.Row(elem_id="img2img_dimensions_row", elem_classes=["fields"]):
        with gr.Column(scale=4, min_width=260, elem_id="img2img_column_size"):
            size_tab = gr.Number(0, visible="hidden", elem_id="img2img_size_tab", interactive=True)
            with gr.Tabs(elem_id="img2img_tabs_resize"):
                with (
                    gr.Tab("Resize to", id="to", elem_id="img2img_tab_resize_to") as resize_to,
                    gr.Row(elem_classes=["with-tool"]),
                ):
                    with gr.Column(elem_classes=["sliders"], min_width=180):
                        width = _side("Width", "img2img_width", default.width)
                        height = _side("Height", "img2img_height", default.height)
                    with gr.Column(elem_classes=["tool-column"], min_width=36, scale=0):
                        swap = tool_button("⇅", "img2img_res_switch_btn")
                        detect = tool_button("📐", "img2img_detect_image_size_btn")
                with gr.Tab("Resize by", id="by", elem_id="img2img_tab_resize_by") as resize_by:
                    scale = gr.Slider(
                        0.05,
                        4.0,
                        1.0,
                        step=0.05,
                        label="Scale",
                        interactive=True,
                        elem_id="img2img_scale",
                        buttons=[],
                    )
                    gr.HTML(
                        '<span class="resolution">no image selected</span>',
                        elem_id="img2img_scale_resolution_preview",
                    )
        with gr.Column(scale=1, min_width=150, elem_id="img2img_column_batch"):
            batch_count = _batch("Batch count", "img2img_batch_count", 100)
            batch_size = _batch("Batch size", "img2img_batch_size", 8)
    return SizePanel(
        resize_to=resize_to,
        resize_by=resize_by,
        size_tab=size_tab,
        width=width,
        height=height,
        swap=swap,
        detect=detect,
        scale=scale,
        batch_count=batch_count,
        batch_size=batch_size,
    )


def _side(label: str, elem_id: str, value: int) -> gr.Slider:
    return gr.Slider(
        64, LARGEST, value, step=8, label=label, interactive=True, elem_id=elem_id, buttons=[]
    )


def _batch(label: str, elem_id: str, most: int) -> gr.Slider:
    return gr.Slider(1, most, 1, step=1, label=label, interactive=True, elem_id=elem_id, buttons=[])
