"""The menu SD VAE: what it lists, what it stores, what it refuses."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.catalog.scan import FolderCatalog
from tests.helpers.models import write_folder, write_safetensors
from tests.helpers.page import SlowPainter, make_context
from ui.context import Context
from ui.page import build_page
from ui.vae_events import VaeEvents


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Everything real but the network, with one VAE beside a checkpoint."""
    folder = tmp_path / "models" / "Stable-diffusion"
    write_folder(folder / "paint")
    write_safetensors(folder / "sharp.vae.safetensors")
    return make_context(tmp_path, SlowPainter())


def test_automatic_none_and_the_files_are_offered(context: Context):
    events = VaeEvents(context)
    assert events.names == ("Automatic", "None", "sharp.vae.safetensors")
    assert events.chosen == "Automatic"


def test_a_choice_is_stored_for_all_jobs_to_come(context: Context):
    events = VaeEvents(context)
    for name in ("sharp.vae.safetensors", "None", "Automatic"):
        shown, message = events.choose(name)
        assert context.settings.current.sd_vae == shown["value"] == name
        assert message == ""


@pytest.mark.parametrize("name", ["gone.pt", None, 7, ["None"], {}])
def test_what_is_not_there_is_refused_and_the_menu_goes_back(context: Context, name: object):
    events = VaeEvents(context)
    shown, message = events.choose(name)
    assert shown["value"] == context.settings.current.sd_vae == "Automatic"
    assert "There is no VAE" in message


def test_a_refresh_finds_new_files(context: Context):
    events = VaeEvents(context)
    write_safetensors(context.data_dir / "models" / "Stable-diffusion" / "a.vae.safetensors")
    assert "a.vae.safetensors" in events.refresh()["choices"]


def test_the_page_draws_it(context: Context):
    assert isinstance(context.catalog, FolderCatalog)
    context.settings.change({"sd_vae": "None"})
    ids: dict[str | None, Any] = {
        block.elem_id: block for block in build_page(context).blocks.values()
    }
    assert ids["setting_sd_vae"].value == "None"
    assert "refresh_sd_vae" in ids
