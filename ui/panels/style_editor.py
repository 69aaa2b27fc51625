"""The popup in which styles are written, behind the brush button."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import tool_button


@dataclass(frozen=True, kw_only=True, slots=True)
class StyleEditor:
    """What the popup is made of."""

    name: gr.Dropdown
    refresh: gr.Button
    copy: gr.Button
    positive: gr.Textbox
    negative: gr.Textbox
    save: gr.Button
    delete: gr.Button
    message: gr.HTML


def build(style_names: Sequence[str]) -> StyleEditor:
    """Draw the popup; the page's script shows and hides it."""
    with (
        gr.Column(elem_id="img2img_styles_dialog", elem_classes=["popup"]),
        gr.Column(elem_classes=["popup-body", "settings-column"]),
    ):
        with gr.Row(elem_classes=["with-tool"]):
            name = gr.Dropdown(
                choices=list(style_names),
                value=None,
                label="Styles",
                info="Type a new name to make a style. {prompt} in a text stands for the prompt; "
                "a text without it is added at the end.",
                allow_custom_value=True,
                interactive=True,
                elem_id="img2img_styles_edit_select",
            )
            refresh = tool_button("🔄", "img2img_styles_refresh")
            copy = tool_button("📝", "img2img_styles_copy")
        positive = gr.Textbox(
            label="Prompt", lines=3, interactive=True, elem_id="img2img_styles_edit_prompt"
        )
        negative = gr.Textbox(
            label="Negative prompt",
            lines=3,
            interactive=True,
            elem_id="img2img_styles_edit_neg_prompt",
        )
        message = gr.HTML(elem_id="img2img_styles_message", min_height=24)
        with gr.Row():
            save = gr.Button("Save", variant="primary", elem_id="img2img_styles_save")
            delete = gr.Button("Delete", elem_id="img2img_styles_delete")
            gr.Button("Close", elem_id="img2img_styles_close")
    return StyleEditor(
        name=name,
        refresh=refresh,
        copy=copy,
        positive=positive,
        negative=negative,
        save=save,
        delete=delete,
        message=message,
    )
