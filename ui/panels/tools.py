"""The small square buttons beside fields, and the other pieces every panel is made of."""

import gradio as gr

Field = (
    gr.Textbox
    | gr.Dropdown
    | gr.Slider
    | gr.Number
    | gr.Checkbox
    | gr.CheckboxGroup
    | gr.Radio
    | gr.Image
    | gr.File
    | gr.Gallery
)
"""A component whose value is part of the form."""


def tool_button(icon: str, elem_id: str) -> gr.Button:
    """A square button that shows only an icon; what it does is told by `static/tooltips.js`."""
    return gr.Button(icon, elem_id=elem_id, elem_classes=["tool"], size="sm", min_width=36, scale=0)


def hidden_button(elem_id: str) -> gr.Button:
    """A button that only the page's own script presses."""
    return gr.Button(elem_id=elem_id, visible="hidden")


def picture_field(label: str, elem_id: str, *, height: int | str, show_label: bool) -> gr.Image:
    """A field for one picture file, which stays as it is: no pixel and no byte of it changes.

    `height` is in CSS pixels, or a length as CSS has it.
    """
    return gr.Image(
        label=label,
        show_label=show_label,
        type="filepath",
        image_mode=None,
        format="png",
        sources=["upload", "clipboard"],
        height=height,
        interactive=True,
        buttons=["fullscreen"],
        elem_id=elem_id,
    )
