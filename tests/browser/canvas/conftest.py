"""The page with two canvases, served once for the tests of a module."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import DESKTOP
from tests.helpers.canvas_page import Received, Studio, serve_canvases


@pytest.fixture(scope="module")
def studio_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Received]]:
    """The served page, and what its handlers receive."""
    data_dir, received = tmp_path_factory.mktemp("studio"), Received()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(data_dir / "cache" / "gradio"))
        with serve_canvases(data_dir, received) as address:
            yield address, received


@pytest.fixture
def studio(studio_server: tuple[str, Received], shared_tab: Page) -> Iterator[Studio]:
    """The page as on the first day; a script error on it fails the test."""
    address, received = studio_server
    for paintings in received.paintings.values():
        paintings.clear()
    errors: list[str] = []

    def note(error: object) -> None:
        errors.append(str(error))

    shared_tab.set_viewport_size(DESKTOP)
    shared_tab.on("pageerror", note)
    studio = Studio(shared_tab, address, received)
    studio.forget()
    studio.load()
    yield studio
    shared_tab.remove_listener("pageerror", note)
    shared_tab.goto("about:blank")
    assert errors == []
