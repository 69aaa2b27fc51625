"""The quicksettings row: which checkpoint and which VAE, and looking for new ones."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from pipelines.catalog.checkpoints import (
    EDITING_CHANNELS,
    IMG2IMG_CHANNELS,
    INPAINTING_CHANNELS,
    MADE_FOR,
    Checkpoint,
)
from ui.panels.tools import Field, tool_button

BUILT_IN_NOTE = (
    "This is a small built-in model to try things out. The tab Models finds real ones; or put "
    "yours into models/Stable-diffusion and press 🔄, or start with --models-dir."
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelPanel:
    """What the row is made of."""

    checkpoint: gr.Dropdown
    refresh: gr.Button
    vae: gr.Dropdown
    refresh_vae: gr.Button
    note: gr.HTML

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name; the VAE is a setting, for all pages at once."""
        return {"checkpoint": self.checkpoint}


def build(
    titles: Sequence[str], chosen: Checkpoint | None, vaes: Sequence[str], vae: str
) -> ModelPanel:
    """Draw the row with these checkpoints and VAEs to choose from; `vae` is chosen."""
    with gr.Row(elem_id="quicksettings"):
        with gr.Row(elem_classes=["with-tool"], elem_id="quicksettings_checkpoint"):
            checkpoint = gr.Dropdown(
                choices=list(titles),
                value=chosen.title if chosen else None,
                label="Stable Diffusion checkpoint",
                interactive=True,
                elem_id="setting_sd_model_checkpoint",
            )
            refresh = tool_button("🔄", "refresh_sd_model_checkpoint")
        with gr.Row(elem_classes=["with-tool"], elem_id="quicksettings_vae"):
            vae_menu = gr.Dropdown(
                choices=list(vaes),
                value=vae,
                label="SD VAE",
                interactive=True,
                elem_id="setting_sd_vae",
            )
            refresh_vae = tool_button("🔄", "refresh_sd_vae")
        note = gr.HTML(note_html(chosen), elem_id="checkpoint_note")
        tool_button("🌓", "theme_toggle")
    return ModelPanel(
        checkpoint=checkpoint,
        refresh=refresh,
        vae=vae_menu,
        refresh_vae=refresh_vae,
        note=note,
    )


def note_html(checkpoint: Checkpoint | None) -> str:
    """The line beside the checkpoint's name; empty where there is nothing to be said."""
    if checkpoint is None:
        return ""
    if checkpoint.input_channels in (INPAINTING_CHANNELS, EDITING_CHANNELS):
        return f"<p>Made for {MADE_FOR[checkpoint.input_channels]}.</p>"
    if checkpoint.input_channels != IMG2IMG_CHANNELS:
        purpose = MADE_FOR.get(checkpoint.input_channels, "another task")
        return f"<p>Made for {purpose}; img2img needs another checkpoint.</p>"
    return f"<p>{BUILT_IN_NOTE}</p>" if checkpoint.built_in else ""
