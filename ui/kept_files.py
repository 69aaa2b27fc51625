"""Uploads that a browser remembers: those that the server still keeps, and no other file."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

from gradio.utils import get_upload_folder

from ui.values import Raw, picture_path


def file_records(value: Raw) -> list[Raw]:
    """The records of the uploads in a list of files, or in a gallery, which has them one deeper."""
    records = cast("list[Raw]", value) if isinstance(value, list) else []
    return [
        cast("Mapping[str, Raw]", record).get("image", record)
        if isinstance(record, Mapping)
        else record
        for record in records
    ]


def still_kept(path: Raw) -> str | None:
    """`path` if it is an upload that the server still keeps; a browser may send anything."""
    if not isinstance(path, str) or not path:
        return None
    file = Path(path).resolve()
    kept = file.is_relative_to(Path(get_upload_folder()).resolve()) and file.is_file()
    return str(file) if kept else None


def files_still_kept(files: Raw) -> list[str] | None:
    """Those of a browser's records of uploads that the server still keeps; None for none."""
    paths = [picture_path(record) for record in file_records(files)]
    kept = [still_kept(str(path)) for path in paths if path is not None]
    return [path for path in kept if path is not None] or None
