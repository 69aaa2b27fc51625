"""Extra networks, connected: their tabs, and what a checkpoint's card does."""

from gradio.blocks import Block

from ui.form_events import FormEvents
from ui.panels.models import ModelPanel
from ui.panels.tools import hidden_button
from ui.quiet import QUIET
from ui.tabs.img2img import Img2ImgTab
from ui.values import Raw, Update


def wire_networks(main: Img2ImgTab, models: ModelPanel, form: FormEvents) -> None:
    """Connect the tabs and their cards."""
    size, log = main.size, main.results.log
    for name, tab in main.networks.items():
        tab.select(None, js=f"() => redraw.openExtraNetworks({name!r})")

    def change(title: Raw, width: Raw, height: Raw) -> dict[Block, Update]:
        updates, message = form.change_checkpoint(title, width, height)
        sides = {"width": size.width, "height": size.height}
        shown: dict[Block, Update] = {sides[name]: value for name, value in updates.items()}
        return {**shown, models.checkpoint: form.checkpoint_menu(title), log: message}

    hidden_button("change_checkpoint").click(
        change,
        inputs=[models.checkpoint, size.width, size.height],
        outputs=[models.checkpoint, size.width, size.height, log],
        js="(_, width, height) => [redraw.wantedCheckpoint(), width, height]",
        **QUIET,
    )
    models.checkpoint.change(None, js="() => redraw.checkpointChanged()")
