"""The quicksettings row: which checkpoint, and looking for new ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import Field, tool_button


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPanel:
    """What the row is made of."""

    checkpoint: gr.Dropdown
    refresh: gr.Button

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {"checkpoint": self.checkpoint}


def build(titles: Sequence[str], chosen: str | None) -> ModelPanel:
    """Draw the row with these checkpoints to choose from."""
    with gr.Row(elem_id="quicksettings"):
        with gr.Row(elem_classes=["with-tool"], elem_id="quicksettings_checkpoint"):
            checkpoint = gr.Dropdown(
                choices=list(titles),
                value=chosen,
                label="Stable Diffusion checkpoint",
                interactive=True,
                elem_id="setting_sd_model_checkpoint",
            )
            refresh = tool_button("🔄", "refresh_sd_model_checkpoint")
        tool_button("🌓", "theme_toggle")
    return ModelPanel(checkpoint=checkpoint, refresh=refresh)
