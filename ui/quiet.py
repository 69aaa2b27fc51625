"""How most events are connected: answered at once, with raw values, unseen from outside."""

from typing import Any

QUIET: dict[str, Any] = {
    "queue": False,  # answered at once, without a stream of events for each call
    "preprocess": False,  # values arrive raw, so that ui.forms refuses them in its own words
    "show_progress": "hidden",
    # On none, rather than on all outputs: Gradio's page looks each of them up anew at every event
    # anywhere, which is a third of the time that the page takes to load.
    "show_progress_on": [],
    "api_visibility": "private",
}
