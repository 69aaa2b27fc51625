"""Names for what travels between the browser and our handlers, about which nothing is certain."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import gradio as gr

Raw = Any
"""A component's value as the browser sent it."""

Values = Mapping[str, Raw]
"""The form's values by field."""

Update = Any
"""What a component becomes: a value, another component's properties, or UNCHANGED."""

UNCHANGED: Update = gr.update()


def picture_path(value: Raw) -> Path | None:
    """Where the file of a picture or file field lies; None for an empty field.

    `value` is Gradio's file record, whose path it has checked to be an upload of its own.
    """
    if not isinstance(value, Mapping):
        return None
    path = cast("Mapping[str, Any]", value).get("path")
    return Path(path) if isinstance(path, str) and path else None
