"""The PNG Info tab: what is written in a picture file, and sending it on."""

from dataclasses import dataclass

import gradio as gr

TITLE = "PNG Info"


@dataclass(frozen=True, kw_only=True, slots=True)
class PngInfoTab:
    """What the tab is made of."""

    image: gr.Image
    infotext: gr.Textbox
    info: gr.HTML
    send_to_img2img: gr.Button
    send_to_inpaint: gr.Button


def build() -> PngInfoTab:
    """Draw the tab."""
    with gr.Row(elem_classes=["body"]):
        with gr.Column(min_width=320):
            image = gr.Image(
                label="Source",
                type="filepath",
                image_mode=None,
                format="png",
                sources=["upload", "clipboard"],
                height=520,
                interactive=True,
                elem_id="pnginfo_image",
            )
        with gr.Column(min_width=320):
            info = gr.HTML(
                "Drop a picture to see its parameters.",
                elem_id="pnginfo_html",
                elem_classes=["infotext"],
                min_height=120,
            )
            infotext = gr.Textbox(
                elem_id="pnginfo_generation_info", visible="hidden", interactive=True
            )
            with gr.Row(elem_id="pnginfo_buttons"):
                img2img = gr.Button("Send to img2img", elem_id="pnginfo_send_to_img2img", scale=0)
                inpaint = gr.Button("Send to inpaint", elem_id="pnginfo_send_to_inpaint", scale=0)
    return PngInfoTab(
        image=image,
        infotext=infotext,
        info=info,
        send_to_img2img=img2img,
        send_to_inpaint=inpaint,
    )
