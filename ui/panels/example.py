"""The offer to try the model's own example, on the empty picture, and taking it back."""

from dataclasses import dataclass

import gradio as gr


@dataclass(frozen=True, kw_only=True, slots=True)
class ExamplePanel:
    """What the offer is made of."""

    offer: gr.Button
    undo: gr.Button


def build(offered: bool) -> ExamplePanel:
    """Draw both buttons over the lower edge of the picture drawn before them.

    The page's style shows the offer while there is no picture, and its script shows the other one
    while the form is as the example left it.
    """
    with gr.Row(elem_id="img2img_example"):
        offer = gr.Button(
            "Try the example",
            variant="primary",
            size="sm",
            visible=offered,
            elem_id="img2img_try_example",
            min_width=0,
        )
        undo = gr.Button("Undo the example", size="sm", elem_id="img2img_undo_example", min_width=0)
    return ExamplePanel(offer=offer, undo=undo)
