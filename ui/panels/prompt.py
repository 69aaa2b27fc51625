"""The top row: prompts with token counters, Generate and its companions, styles."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import Field, hidden_button, tool_button

KEYS = "(Press Ctrl+Enter to generate, Alt+Enter to skip, Esc to interrupt)"


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptPanel:
    """What the top row is made of."""

    prompt: gr.Textbox
    negative_prompt: gr.Textbox
    counter: gr.HTML
    negative_counter: gr.HTML
    count: gr.Button  # hidden
    dropped: gr.File  # hidden: a file dropped on the prompt
    generate: gr.Button
    paste: gr.Button
    clear: gr.Button
    styles: gr.Dropdown
    apply_styles: gr.Button

    @property
    def fields(self) -> dict[str, Field]:
        """Form fields by name."""
        return {
            "prompt": self.prompt,
            "negative_prompt": self.negative_prompt,
            "styles": self.styles,
        }


def build(style_names: Sequence[str]) -> PromptPanel:
    """Draw the row."""
    with gr.Row(elem_id="img2img_toprow", elem_classes=["toprow"]):
        with gr.Column(scale=6, min_width=320, elem_id="img2img_prompt_container"):
            prompt, counter = _prompt_box("Prompt", "img2img_prompt", "img2img_token_counter")
            negative_prompt, negative_counter = _prompt_box(
                "Negative prompt", "img2img_neg_prompt", "img2img_negative_token_counter"
            )
            dropped = gr.File(elem_id="img2img_prompt_image", visible="hidden")
            count = hidden_button("img2img_token_button")
        with gr.Column(scale=1, min_width=280, elem_id="img2img_actions_column"):
            with gr.Row(elem_id="img2img_generate_box", elem_classes=["generate-box"]):
                generate = gr.Button("Generate", variant="primary", elem_id="img2img_generate")
                gr.Button("Interrupt", elem_id="img2img_interrupt", min_width=80)
                gr.Button("Interrupting...", elem_id="img2img_interrupting", min_width=80)
                gr.Button("Skip", elem_id="img2img_skip", min_width=80)
            with gr.Row(elem_id="img2img_tools", elem_classes=["tools"]):
                paste = tool_button("↙️", "paste")
                clear = tool_button("🗑️", "img2img_clear_prompt")
                apply_styles = tool_button("📋", "img2img_style_apply")
            with gr.Row(elem_id="img2img_styles_row", elem_classes=["with-tool"]):
                styles = gr.Dropdown(
                    choices=list(style_names),
                    value=[],
                    multiselect=True,
                    label="Styles",
                    show_label=False,
                    interactive=True,
                    elem_id="img2img_styles",
                    min_width=160,
                )
                tool_button("🖌️", "img2img_styles_edit_button")
    return PromptPanel(
        prompt=prompt,
        negative_prompt=negative_prompt,
        counter=counter,
        negative_counter=negative_counter,
        count=count,
        dropped=dropped,
        generate=generate,
        paste=paste,
        clear=clear,
        styles=styles,
        apply_styles=apply_styles,
    )


def _prompt_box(label: str, elem_id: str, counter_id: str) -> tuple[gr.Textbox, gr.HTML]:
    with gr.Group(elem_classes=["prompt-box"]):
        box = gr.Textbox(
            label=label,
            show_label=False,
            lines=3,
            max_lines=12,
            placeholder=f"{label}\n{KEYS}",
            interactive=True,
            elem_id=elem_id,
        )
        counter = gr.HTML("0/75", elem_id=counter_id, elem_classes=["token-counter"])
    return box, counter
