"""Which event of the tabs on which a job begins calls what."""

from ui.panels.source import SourcePanel


def wire_sources(source: SourcePanel) -> None:
    """The hidden field `mode` follows the tab in front, and the other way round."""
    for index, tab in enumerate(source.tabs):
        tab.select(None, outputs=[source.mode], js=f"() => {index}")
    source.mode.change(None, inputs=[source.mode], js="(mode) => redraw.sources.openMode(mode)")
