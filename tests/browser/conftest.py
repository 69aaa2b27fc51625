"""One Chromium, one tab and one server for all browser tests; each begins as on the first day."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

import app
from tests.helpers.control_page import MODELS, Unit, install, open_accordion
from tests.helpers.driver import Driver
from tests.helpers.images import gradient
from tests.helpers.page import Running, SlowPainter, make_context, serve
from ui.cli import Options

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
)
PATIENCE = 60_000
"""Milliseconds that a change may take on a busy machine before a test gives it up."""

DESKTOP: ViewportSize = {"width": 1280, "height": 800}
ARTIFACTS = Path(__file__).resolve().parents[2] / "test-results"


def find_chromium() -> str | None:
    """The Chromium to drive; None for Playwright's own."""
    return os.environ.get("REDRAW_CHROMIUM") or shutil.which("chromium")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=list(FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def shared_tab(browser: Browser) -> Iterator[Page]:
    """The tab that all tests share: opening one anew takes longer than most tests."""
    context = browser.new_context(viewport=DESKTOP, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    expect.set_options(timeout=PATIENCE)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A served page, with a painter in place of the network."""
    data_dir = tmp_path_factory.mktemp("redraw")
    painter = SlowPainter()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(data_dir / "cache" / "gradio"))
        context = make_context(data_dir, painter)
        with serve(context) as address:
            yield Running(address=address, context=context, painter=painter)


@pytest.fixture
def redraw(server: Running, shared_tab: Page, request: pytest.FixtureRequest) -> Iterator[Driver]:
    """The page, opened; a script error on it fails the test, and a failure leaves a screenshot."""
    server.start_over()
    errors: list[str] = []

    def note(error: object) -> None:
        errors.append(str(error))

    shared_tab.on("pageerror", note)
    shared_tab.set_viewport_size(DESKTOP)
    driver = Driver(shared_tab, server)
    driver.forget()
    driver.open()
    failed_before = request.session.testsfailed
    yield driver
    if request.session.testsfailed > failed_before:
        ARTIFACTS.mkdir(exist_ok=True)
        shared_tab.screenshot(path=ARTIFACTS / f"{request.node.name}.png")
    shared_tab.remove_listener("pageerror", note)
    shared_tab.goto("about:blank")
    assert not errors, f"script errors on the page: {errors}"


@pytest.fixture
def first_day(tmp_path: Path, shared_tab: Page) -> Iterator[Driver]:
    """Redraw as app.py puts it together, in an empty folder."""
    context, _ = app.build_context(Options(data_dir=tmp_path))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "cache" / "gradio"))
        with serve(context) as address:
            running = Running(address=address, context=context, painter=SlowPainter())
            shared_tab.set_viewport_size(DESKTOP)
            driver = Driver(shared_tab, running)
            driver.open("?__theme=light")
            yield driver
            shared_tab.goto("about:blank")


@pytest.fixture
def unit(redraw: Driver) -> Unit:
    """Unit 0 of an opened accordion, with models in the menus and a picture on img2img."""
    install(redraw, *MODELS)
    redraw.upload_picture(gradient())
    open_accordion(redraw)
    unit = Unit(redraw)
    unit.find_models(MODELS[-1])
    return unit
