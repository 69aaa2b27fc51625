"""How most events are connected: answered at once, with raw values, unseen from outside."""

from typing import Any

QUIET: dict[str, Any] = {
    "queue": False,  # answered at once, without a stream of events for each call
    "preprocess": False,  # values arrive raw, so that ui.forms refuses them in its own words
    "show_progress": "hidden",
    "api_visibility": "private",
}
