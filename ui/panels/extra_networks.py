"""The tabs of extra networks beside Generation, whose cards `static/extra_networks.js` draws."""

from collections.abc import Mapping

import gradio as gr

TITLES: Mapping[str, str] = {
    "textual_inversion": "Textual Inversion",
    "checkpoints": "Checkpoints",
    "lora": "Lora",
}
"""A1111's titles of the pages, in its order."""


def build() -> Mapping[str, gr.Tab]:
    """Draw the tabs, within a `gr.Tabs`, and return them by the names of their pages.

    They are empty until one is opened.
    """
    tabs: dict[str, gr.Tab] = {}
    for name, title in TITLES.items():
        tab_id = f"img2img_{name}"
        with gr.Tab(title, id=tab_id, elem_id=tab_id, elem_classes=["extra-page"]) as tab:
            gr.HTML('<div class="extra-network-pane"></div>', elem_id=f"{tab_id}_cards_html")
        tabs[name] = tab
    return tabs
