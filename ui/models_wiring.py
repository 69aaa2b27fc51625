"""Which event of the Models tab calls which handler."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.blocks import Block

from ui.models_events import ModelsEvents, Shown
from ui.panels.models import ModelPanel
from ui.quiet import QUIET
from ui.tabs.img2img import Img2ImgTab
from ui.tabs.models import FindPanel, ModelsTab
from ui.values import Raw, Update

FOLLOW = "() => redraw.models.follow()"
LISTED = "() => redraw.models.listed()"


def wire_models(
    title: gr.Tab, tab: ModelsTab, panel: ModelPanel, main: Img2ImgTab, events: ModelsEvents
) -> None:
    """Connect the tab below `title`; what is used goes into the menus and the form."""
    title.select(events.installed, outputs=[tab.installed], **QUIET).then(None, js=FOLLOW)
    tab.refresh.click(events.refresh, outputs=[tab.installed], **QUIET)
    if tab.find is not None:
        _wire_find(tab.find, events)
        _wire_use(tab.find, panel, main, events)


def _wire_find(find: FindPanel, events: ModelsEvents) -> None:
    outputs = [find.message, find.results, find.files, find.kind, find.about]

    def shown(handler: Callable[..., Shown]) -> Callable[..., tuple[Update, ...]]:
        def handle(*values: Raw) -> tuple[Update, ...]:
            told = handler(*values)
            return (told.message, told.results, told.files, told.kind, told.about)

        return handle

    busy: dict[str, Any] = {**QUIET, "show_progress": "minimal", "show_progress_on": [find.message]}
    for asked in (find.search.click, find.query.submit):
        asked(shown(events.search), inputs=[find.query], outputs=outputs, **busy).then(
            None, js=LISTED
        )
    find.open.click(
        shown(events.open),
        inputs=[find.choice],
        outputs=outputs,
        js="() => redraw.models.opened()",
        trigger_mode="always_last",
        **busy,
    ).then(None, js=LISTED)
    find.pick.click(
        shown(events.pick),
        inputs=[find.choice],
        outputs=outputs,
        js="() => redraw.models.choice()",
        trigger_mode="always_last",
        **busy,
    )
    given = [find.choice, find.kind]
    chosen = "(_, kind) => [redraw.models.choice(), kind]"
    find.kind.input(shown(events.change_kind), inputs=given, outputs=outputs, js=chosen, **QUIET)
    find.download.click(
        shown(events.download), inputs=given, outputs=outputs, js=chosen, **busy
    ).then(None, js=FOLLOW)


def _wire_use(find: FindPanel, panel: ModelPanel, main: Img2ImgTab, events: ModelsEvents) -> None:
    prompt, size, log = main.prompt.prompt, main.size, main.results.log
    fields: dict[str, Block] = {
        "checkpoint": panel.checkpoint,
        "vae": panel.vae,
        "prompt": prompt,
        "width": size.width,
        "height": size.height,
    }

    def use(number: Raw, text: Raw, width: Raw, height: Raw) -> dict[Block, Update]:
        updates, message = events.use(number, text, width, height)
        return {fields[name]: value for name, value in updates.items()} | {log: message}

    find.use.click(
        use,
        inputs=[find.number, prompt, size.width, size.height],
        outputs=[*fields.values(), log],
        js="(_, ...values) => [redraw.models.used(), ...values]",
        **QUIET,
    ).then(None, js="() => redraw.openTab('img2img')")
