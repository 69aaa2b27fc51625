"""Blocks whose events take files from a browser only if they are uploads.

Gradio compares a file's path with its folder of uploads where the record is marked as a file's, and
does not insist on the mark: a picture's record without it would name any file of this machine.
"""

from collections.abc import Mapping
from typing import Any, cast

import gradio as gr
from gradio.exceptions import InvalidPathError

from ui.values import Raw

MARK = "gradio.FileData"
"""What a file's record has as `_type` in its `meta`."""

ADDRESSES = ("http:", "https:")


class GuardedBlocks(gr.Blocks):
    """Blocks that refuse every record with a path which Gradio itself would not look at."""

    async def preprocess_data(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 as Gradio has it
        """As Gradio's; among the arguments is what the browser sent."""
        check_files([args, kwargs])
        gradio: Any = super()  # has no types here
        return await gradio.preprocess_data(*args, **kwargs)


def check_files(value: Raw) -> None:
    """InvalidPathError for a path anywhere in `value` that is not marked as that of an upload.

    Neither may it be an address, which Gradio would fetch.
    """
    if isinstance(value, Mapping):
        record = cast("Mapping[str, Raw]", value)
        path, meta = record.get("path"), record.get("meta")
        if isinstance(path, str):
            is_marked = isinstance(meta, dict) and cast("Raw", meta).get("_type") == MARK
            if not is_marked or path.lower().startswith(ADDRESSES):
                raise InvalidPathError(f"{path[:80]!r} was not uploaded by a user.")
        for inner in record.values():
            check_files(inner)
    elif isinstance(value, list | tuple):
        for inner in cast("list[Raw]", value):
            check_files(inner)
