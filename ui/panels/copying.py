"""The row "Copy image to", from tab to tab; `static/sources.js` carries it out."""

import gradio as gr

TARGETS = {
    "img2img_image": "img2img",
    "img2img_sketch": "sketch",
    "img2maskimg": "inpaint",
    "inpaint_sketch": "inpaint sketch",
}
"""What can be copied to: ids of the fields and canvases, and what the buttons say."""


def build(source: str, *, strokes: bool = False) -> None:
    """Draw the row below the picture `source`, one of TARGETS.

    `strokes`: what was painted may be copied along, or left behind.
    """
    with gr.Row(elem_id=f"{source}_copy", elem_classes=["copy-row"]):
        gr.HTML("<span>Copy image to: </span>", elem_classes=["copy-label"])
        for target, title in TARGETS.items():
            gr.Button(
                title,
                interactive=target != source,
                size="sm",
                min_width=0,
                elem_id=f"{source}_copy_to_{target}",
                elem_classes=["copy-to"],
            )
        if strokes:
            gr.Checkbox(
                True,
                label="with drawing",
                container=False,
                interactive=True,
                min_width=0,
                elem_id=f"{source}_copy_drawing",
                elem_classes=["copy-drawing"],
            )
        if source == "img2img_image":
            gr.Button(
                "Undo copy",
                size="sm",
                min_width=0,
                elem_id="img2img_undo_copy",
            )
