"""Configurations of the published control models and image encoders, which their files lack."""

from pathlib import Path
from typing import Any

from pipelines.catalog.headers import read_json


def stored_config(name: str) -> dict[str, Any]:
    """The configuration that Redraw carries under this name."""
    return dict(read_json(Path(__file__).with_name(f"{name}.json")))
