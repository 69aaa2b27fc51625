"""Refiner: a tick that opens the choice of a second checkpoint, which finishes the picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import Field, tool_button


@dataclass(frozen=True, kw_only=True, slots=True)
class RefinerPanel:
    """What the accordion is made of."""

    enabled: gr.Checkbox
    checkpoint: gr.Dropdown
    refresh: gr.Button
    switch_at: gr.Slider

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "refiner": self.enabled,
            "refiner_checkpoint": self.checkpoint,
            "refiner_switch_at": self.switch_at,
        }


def build(titles: Sequence[str]) -> RefinerPanel:
    """Draw the accordion with these checkpoints; the page's style opens it while it is ticked."""
    with gr.Column(elem_id="img2img_refiner", elem_classes=["tick-accordion"]):
        enabled = gr.Checkbox(False, label="Refiner", interactive=True, elem_id="img2img_enable")
        with gr.Row(elem_classes=["tick-accordion-body"]):
            with gr.Row(elem_classes=["with-tool"]):
                checkpoint = gr.Dropdown(
                    choices=["", *titles],
                    value="",
                    label="Checkpoint",
                    interactive=True,
                    elem_id="img2img_checkpoint",
                )
                refresh = tool_button("🔄", "img2img_checkpoint_refresh")
            switch_at = gr.Slider(
                0.01,
                1.0,
                0.8,
                step=0.01,
                label="Switch at",
                interactive=True,
                elem_id="img2img_switch_at",
                buttons=[],
            )
    return RefinerPanel(
        enabled=enabled, checkpoint=checkpoint, refresh=refresh, switch_at=switch_at
    )
