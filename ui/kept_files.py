"""Uploads that a browser remembers: those that the server still keeps, and no other file."""

from pathlib import Path
from typing import cast

from gradio.utils import get_upload_folder

from ui.values import Raw, picture_path


def still_kept(path: Raw) -> str | None:
    """`path` if it is an upload that the server still keeps; a browser may send anything."""
    if not isinstance(path, str) or not path:
        return None
    file = Path(path).resolve()
    kept = file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file()
    return str(file) if kept else None


def files_still_kept(files: Raw) -> list[str] | None:
    """Those of a browser's records of uploads that the server still keeps; None for none."""
    records = cast("list[Raw]", files) if isinstance(files, list) else []
    paths = [picture_path(record) for record in records]
    kept = [still_kept(str(path)) for path in paths if path is not None]
    return [path for path in kept if path is not None] or None
