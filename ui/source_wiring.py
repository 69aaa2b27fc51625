"""Which event of the tabs on which a job begins calls what."""

from collections.abc import Sequence

from gradio.events import Dependency

from ui.canvas.canvas import Canvas
from ui.panels.source import SourcePanel
from ui.sources import SourceTab


def wire_sources(source: SourcePanel) -> None:
    """The hidden field `mode` follows the tab in front, and the other way round."""
    for index, tab in enumerate(source.tabs):
        tab.select(None, outputs=[source.mode], js=f"() => {index}")
    batch = source.batch
    batch.upload_tab.select(None, outputs=[batch.source], js="() => 0")
    batch.folder_tab.select(None, outputs=[batch.source], js="() => 1")
    # Gradio draws what is on a tab when the tab first comes to the front.
    for event in (batch.source.change, source.tabs[SourceTab.batch].select):
        event(None, inputs=[batch.source], js="(source) => redraw.sources.openBatch(source)")
    source.mode.change(None, inputs=[source.mode], js="(mode) => redraw.sources.openMode(mode)")


def show_on_canvas(after: Dependency, canvases: Sequence[Canvas]) -> Dependency:
    """The steps after an event with the hidden files of these canvases among its outputs."""
    for canvas in canvases:
        after = after.then(None, inputs=[canvas.picture, canvas.drawing], js=canvas.receive_js)
    return after
