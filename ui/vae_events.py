"""The menu SD VAE: a setting of the server's, shown beside the checkpoint as in A1111."""

import gradio as gr

from pipelines.catalog.checkpoints import AUTOMATIC_VAE, OWN_VAE
from pipelines.errors import UserError
from ui.choices import menu
from ui.context import Context
from ui.messages import error_html
from ui.panels.models import ModelPanel
from ui.quiet import QUIET
from ui.values import Raw, Update


class VaeEvents:
    """Handlers of the menu."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @property
    def names(self) -> tuple[str, ...]:
        """A1111's two words and the files, and what is chosen, were it no longer there."""
        files = self._context.catalog.vaes()
        return tuple(dict.fromkeys((AUTOMATIC_VAE, OWN_VAE, *files, self.chosen)))

    @property
    def chosen(self) -> str:
        """What the settings name."""
        return self._context.settings.current.sd_vae

    def choose(self, name: Raw) -> tuple[Update, str]:
        """Store the choice; the menu as it is then, and why it was not stored."""
        try:
            if name not in (AUTOMATIC_VAE, OWN_VAE):
                name = self._context.catalog.find_vae(str(name)).name
            self._context.settings.change({"sd_vae": name})
        except UserError as error:
            return self.menu(), error_html(str(error))
        return self.menu(), ""

    def refresh(self) -> Update:
        """Look for models again."""
        self._context.catalog.refresh()
        return self.menu()

    def menu(self) -> Update:
        """The menu with what the settings name chosen."""
        return menu(self.names, self.chosen)


def wire_vae(blocks: gr.Blocks, panel: ModelPanel, log: gr.HTML, events: VaeEvents) -> None:
    """Connect the menu; a page that is opened again shows what was chosen since."""
    panel.vae.input(events.choose, inputs=[panel.vae], outputs=[panel.vae, log], **QUIET)
    panel.refresh_vae.click(events.refresh, outputs=[panel.vae], **QUIET)
    blocks.load(events.menu, outputs=[panel.vae], **QUIET)
