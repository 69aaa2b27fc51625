"""Configurations of the families of Stable Diffusion, which single files lack.

For each family the parts of a diffusers folder: `unet`, `vae`, `text_encoder`, `scheduler`, and
under `tokenizer` what pads a text; SDXL's second of both end in `_2`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines.catalog.families import ModelFamily
from pipelines.catalog.headers import read_json


def stored_config(family: ModelFamily) -> Mapping[str, Any]:
    """The configuration that Redraw carries for this family, part by part."""
    return read_json(Path(__file__).with_name(f"{family.name}.json"))
