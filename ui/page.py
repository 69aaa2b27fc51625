"""The whole page: quicksettings, tabs, footer, and what the browser gets along with them."""

import json
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import gradio as gr
from gradio.themes import Base, Default, colors, sizes

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.errors import ModelBroken, ModelNotFound
from ui import wiring
from ui.canvas import assets
from ui.context import Context
from ui.form_events import FormEvents
from ui.guarded_blocks import GuardedBlocks
from ui.models_events import ModelsEvents
from ui.models_html import kind_menu, places_html
from ui.models_wiring import wire_models
from ui.network_wiring import wire_networks
from ui.panels import models
from ui.tabs import img2img, png_info, settings
from ui.tabs import models as models_tab
from ui.uploads import Uploads
from ui.vae_events import VaeEvents, wire_vae

STATIC = Path(__file__).parent / "static"
SCRIPTS = (
    "core.js",
    "jobs.js",
    "prompt.js",
    "prompt_names.js",
    "prompt_marks.js",
    "prompt_completion.js",
    "network_insertion.js",
    "extra_networks.js",
    "network_details.js",
    "picture.js",
    "sources.js",
    "control_weights.js",
    "control.js",
    "control_images.js",
    "control_webcam.js",
    "control_pose.js",
    "control_pose_editor.js",
    "downloads.js",
    "models.js",
    "example.js",
    "numbers.js",
    "shortcuts.js",
    "look.js",
)
"""In the order they run, the canvas's after the first: each builds on those before it."""

STYLES = ("style.css", "extra_networks.css", "models.css", "prompt.css")

UPLOADS_KEPT_SECONDS = 86_400
UPLOADS_CHECKED_SECONDS = 3_600


def build_page(context: Context) -> gr.Blocks:
    """Draw everything and connect it; nothing here waits for the network libraries."""
    chosen = _chosen_checkpoint(context)
    uploads = Uploads(context.settings)
    with GuardedBlocks(
        title="Redraw",
        analytics_enabled=False,
        fill_width=True,
        delete_cache=(UPLOADS_CHECKED_SECONDS, UPLOADS_KEPT_SECONDS),
    ) as blocks:
        titles = [checkpoint.title for checkpoint in context.catalog.checkpoints()]
        vae_events = VaeEvents(context)
        model_panel = models.build(titles, chosen, vae_events.names, vae_events.chosen)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab(img2img.TITLE, id="img2img", elem_id="tab_img2img"):
                main = img2img.build(context, chosen, uploads)
            with gr.Tab(png_info.TITLE, id="pnginfo", elem_id="tab_pnginfo"):
                info = png_info.build()
            with gr.Tab(models_tab.TITLE, id="models", elem_id="tab_models") as models_title:
                models_found = models_tab.build(
                    kind_menu(),
                    places_html(context.places, allow_pickles=context.allow_pickles),
                    downloads=context.model_downloads is not None,
                )
            with gr.Tab(settings.TITLE, id="settings", elem_id="tab_settings"):
                preferences = settings.build(context.settings.current)
        gr.HTML(_footer(context), elem_id="footer")
        wiring.wire(
            wiring.Page(
                blocks=blocks, models=model_panel, main=main, info=info, settings=preferences
            ),
            context,
            uploads,
        )
        wire_networks(main, model_panel, FormEvents(context))
        wire_vae(blocks, model_panel, main.results.log, vae_events)
        models_events = ModelsEvents(context, FormEvents(context), vae_events)
        wire_models(models_title, models_found, model_panel, main, models_events)
    return blocks


@cache
def head(theme: str | None = None) -> str:
    """Style and scripts for the page's head; `theme` is "light", "dark", or None: as the system is.

    The style sheet goes here since Gradio rewrites the selectors of one that it is given.
    """
    first, *others = (STATIC / name for name in SCRIPTS)
    sheets = (*(STATIC / name for name in STYLES), assets.STYLE)
    styles = [path.read_text(encoding="utf-8") for path in sheets]
    scripts = [f"window.redraw = {{ theme: {json.dumps(theme)} }};"]
    scripts += [path.read_text(encoding="utf-8") for path in (first, *assets.SCRIPTS, *others)]
    return "\n".join(("<style>", *styles, "</style>", "<script>", *scripts, "</script>"))


def theme() -> Base:
    """Gradio's default look in A1111's orange, compact, with the system's own fonts."""
    return Default(
        primary_hue=colors.orange,
        secondary_hue=colors.slate,
        neutral_hue=colors.gray,
        spacing_size=sizes.spacing_sm,
        radius_size=sizes.radius_sm,
        text_size=sizes.text_sm,
        font=("system-ui", "sans-serif"),
        font_mono=("ui-monospace", "monospace"),
    )


def _chosen_checkpoint(context: Context) -> Checkpoint | None:
    """What the settings name, else the first there is; None when there is none."""
    for name in (context.settings.current.sd_model_checkpoint, ""):
        try:
            return context.catalog.find(name)
        except (ModelNotFound, ModelBroken):
            continue
    return None


def _footer(context: Context) -> str:
    parts = (
        f"Redraw {context.version}",
        f"python {platform.python_version()}",
        f"torch {version('torch')}",
        f"diffusers {version('diffusers')}",
        f"gradio {version('gradio')}",
    )
    return f"<p>{' &nbsp;•&nbsp; '.join(parts)}</p>"
