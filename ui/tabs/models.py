"""The Models tab: what is there, and finding and fetching more from Hugging Face."""

from dataclasses import dataclass

import gradio as gr

from ui.panels.tools import hidden_button

TITLE = "Models"

OFF = (
    "Downloads are off, since this page is open to others than this machine; the program must be "
    "started with --allow-remote-downloads to allow them."
)

INTRODUCTION = (
    "<p>Searches <a href='https://huggingface.co/models' target='_blank' rel='noopener'>"
    "huggingface.co</a>. Nothing is asked for before you press Search, and nothing is fetched "
    "before you press Download.</p>"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class FindPanel:
    """Searching, choosing and fetching.

    `choice` is what the page's script says was chosen in a list, and `number` which download.
    """

    query: gr.Textbox
    search: gr.Button
    message: gr.HTML
    results: gr.HTML
    files: gr.HTML
    kind: gr.Dropdown
    about: gr.HTML
    download: gr.Button
    choice: gr.Textbox
    open: gr.Button
    pick: gr.Button
    number: gr.Textbox
    use: gr.Button


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelsTab:
    """What the tab is made of; `find` is None where downloads are off."""

    find: FindPanel | None
    installed: gr.HTML
    refresh: gr.Button


def build(kinds: list[tuple[str, str]], places: str, *, downloads: bool) -> ModelsTab:
    """Draw the tab; `kinds` are label and value of the menu, `places` the table of folders."""
    with gr.Row(elem_classes=["body"]):
        with gr.Column(min_width=320, elem_classes=["models-column"]):
            if downloads:
                find = _build_find(kinds)
            else:
                find = None
                gr.HTML(f"<p class='note'>{OFF}</p>", elem_id="models_off")
        with gr.Column(min_width=320, elem_classes=["models-column"]):
            gr.HTML("<h4>Downloads</h4><div id='models_list'></div>", elem_id="models_downloads")
            with gr.Row(elem_classes=["models-heading"]):
                gr.HTML("<h4>Models on this machine</h4>")
                refresh = gr.Button(
                    "Refresh", size="sm", scale=0, min_width=90, elem_id="models_refresh"
                )
            installed = gr.HTML(elem_id="models_installed")
            with gr.Accordion("Adding a model by hand", open=False, elem_id="models_by_hand"):
                gr.HTML(places, elem_id="models_places")
    return ModelsTab(find=find, installed=installed, refresh=refresh)


def _build_find(kinds: list[tuple[str, str]]) -> FindPanel:
    with gr.Row(elem_id="models_search_row"):
        query = gr.Textbox(
            label="Find on Hugging Face",
            placeholder="name, owner/repository, or a link to a repository or file",
            max_lines=1,
            interactive=True,
            elem_id="models_query",
        )
        search = gr.Button("Search", scale=0, min_width=90, elem_id="models_search")
    message = gr.HTML(INTRODUCTION, elem_id="models_message")
    results = gr.HTML(elem_id="models_results")
    files = gr.HTML(elem_id="models_files")
    with gr.Column(elem_id="models_order"):
        about = gr.HTML(elem_id="models_about")
        with gr.Row(elem_id="models_order_row"):
            kind = gr.Dropdown(
                choices=kinds,
                value=kinds[0][1],
                label="Kind of model",
                interactive=True,
                elem_id="models_kind",
            )
            download = gr.Button(
                "Download", variant="primary", scale=0, min_width=120, elem_id="models_download"
            )
    return FindPanel(
        query=query,
        search=search,
        message=message,
        results=results,
        files=files,
        kind=kind,
        about=about,
        download=download,
        choice=gr.Textbox(visible="hidden", elem_id="models_choice"),
        open=hidden_button("models_open"),
        pick=hidden_button("models_pick"),
        number=gr.Textbox(visible="hidden", elem_id="models_number"),
        use=hidden_button("models_use"),
    )
