"""The Models tab: a model is found, fetched from a hub on this machine, and used."""

import re
import threading
from collections.abc import Iterator

import pytest
from playwright.sync_api import expect

from pipelines.hub.client import Hub
from tests.helpers.driver import Driver
from tests.helpers.hub import Hub as FakeHub
from tests.helpers.hub import serving_hub
from tests.helpers.repositories import CHECKPOINT, LORA, LORA_FILE, PIPELINE, fill

pytestmark = pytest.mark.browser


@pytest.fixture
def hub(redraw: Driver, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The hub that the page asks, with the tab opened."""
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    downloads = redraw.running.context.model_downloads
    assert downloads is not None
    with serving_hub() as hub:
        fill(hub)
        monkeypatch.setattr(downloads, "hub", Hub(endpoint=hub.endpoint))
        redraw.open_tab("Models")
        expect(redraw.find("#models_installed")).to_contain_text("demo")
        yield hub


def search(redraw: Driver, words: str) -> None:
    """Type this and press Enter."""
    redraw.find("#models_query :is(input, textarea)").fill(words)
    redraw.find("#models_query :is(input, textarea)").press("Enter")


def test_a_lora_is_found_fetched_and_put_into_the_prompt(redraw: Driver, hub: FakeHub):
    search(redraw, "somebody")
    redraw.page.get_by_role("button", name=PIPELINE).click()
    expect(redraw.find("#models_about")).to_contain_text("Whole-Model")
    redraw.find("#models_files").get_by_label("v1-pruned.ckpt").check()
    expect(redraw.find("#models_message")).to_contain_text("--allow-pickle")
    expect(redraw.find("#models_download")).to_be_hidden()
    redraw.page.get_by_role("button", name=LORA).click()
    expect(redraw.find("#models_about")).to_contain_text(LORA_FILE)
    hub.on_bytes = threading.Event()
    redraw.find("#models_download").click()
    row = redraw.find(".models-download")
    expect(row.locator("progress")).to_be_visible()
    expect(row).to_contain_text("0.2 MB of 0.3 MB")
    hub.on_bytes.set()
    expect(row).to_contain_text("Done.")
    expect(redraw.find("#models_installed")).to_contain_text("style")
    row.get_by_role("button", name="Use this model").click()
    expect(redraw.prompt).to_have_value("<lora:style:1>")
    expect(redraw.prompt).to_be_visible()


def test_a_checkpoint_is_in_the_menu_as_soon_as_it_is_there(redraw: Driver, hub: FakeHub):
    search(redraw, f"https://huggingface.co/{CHECKPOINT}")
    redraw.find("#models_download").click()
    row = redraw.find(".models-download")
    expect(row).to_contain_text("Done.")
    row.get_by_role("button", name="Use this model").click()
    expect(redraw.find("#setting_sd_model_checkpoint input")).to_have_value(
        re.compile(r"painter \[")
    )
