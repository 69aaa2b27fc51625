"""The result column: progress, gallery, before / after, buttons, infotext, messages."""

from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import hidden_button, tool_button

HEIGHT = 480
"""Pixels kept for pictures, so that nothing moves when they arrive."""

PROGRESS = """
<div class="progress-track">
  <div class="progress-bar"></div><span class="progress-text"></span>
  <button class="waiting" title="Cancel the waiting jobs" hidden></button>
</div>
<div class="live-preview"><img alt="Live preview"></div>
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResultPanel:
    """What the column is made of."""

    gallery: gr.Gallery
    compare_tab: gr.Tab
    compare: gr.ImageSlider
    send_to_img2img: gr.Button
    send_to_sketch: gr.Button
    reuse_seed: gr.Button
    info: gr.HTML
    log: gr.HTML
    job: gr.Textbox  # hidden: id of the job that is shown
    selected: gr.Number  # hidden: index of the picture selected in the gallery
    show: gr.Button  # hidden: pressed when a job has ended


def build() -> ResultPanel:
    """Draw the column."""
    with gr.Column(elem_id="img2img_results", elem_classes=["results"]):
        gr.HTML(PROGRESS, elem_id="img2img_progress")
        with gr.Tabs(elem_id="img2img_result_tabs"):
            with gr.Tab("Result", id="result"):
                gallery = gr.Gallery(
                    label="Output",
                    show_label=False,
                    type="filepath",
                    format="png",
                    columns=4,
                    height=HEIGHT,
                    preview=True,
                    object_fit="contain",
                    interactive=False,
                    buttons=["download_all", "fullscreen"],
                    elem_id="img2img_gallery",
                )
            with gr.Tab("Before / after", id="compare", elem_id="tab_compare") as compare_tab:
                compare = gr.ImageSlider(
                    label="Before / after",
                    show_label=False,
                    type="filepath",
                    format="png",
                    height=HEIGHT,
                    max_height=HEIGHT,
                    interactive=False,
                    buttons=["fullscreen"],
                    elem_id="img2img_compare",
                )
        with gr.Row(elem_id="image_buttons_img2img", elem_classes=["tools"]):
            tool_button("💾", "save_img2img")
            send_to_img2img = tool_button("🖼️", "img2img_send_to_img2img")
            send_to_sketch = tool_button("✏️", "img2img_send_to_sketch")
            tool_button("🎨️", "img2img_send_to_inpaint")
            reuse_seed = tool_button("♻️", "img2img_result_reuse_seed")
            gr.HTML('<div class="history"></div>', elem_id="img2img_history")
        info = gr.HTML(elem_id="html_info_img2img", elem_classes=["infotext"])
        log = gr.HTML(elem_id="html_log_img2img", elem_classes=["log"])
        job = gr.Textbox(elem_id="img2img_job", visible="hidden", interactive=True)
        selected = gr.Number(0, elem_id="img2img_selected", visible="hidden", interactive=True)
        show = hidden_button("img2img_show")
    return ResultPanel(
        gallery=gallery,
        compare_tab=compare_tab,
        compare=compare,
        send_to_img2img=send_to_img2img,
        send_to_sketch=send_to_sketch,
        reuse_seed=reuse_seed,
        info=info,
        log=log,
        job=job,
        selected=selected,
        show=show,
    )
