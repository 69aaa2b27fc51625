"""The whole server around a tiny page, in this process, with a run that the test steers."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import FastAPI
from starlette.testclient import TestClient

from pipelines.catalog.scan import FolderCatalog
from pipelines.engine.engine import Engine
from pipelines.settings_store import SettingsStore
from pipelines.styles import StyleBook
from tests.helpers.rig import PATIENCE, SteeredRun
from ui.cli import Options
from ui.context import Context
from ui.hosts import AllowedHosts
from ui.notices import Notices
from ui.server import create_server

ADDRESS = "http://127.0.0.1:7860"


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server and what it was made of."""

    app: FastAPI
    context: Context
    run: SteeredRun
    hosts: AllowedHosts
    notices: Notices

    def client(self, address: str = ADDRESS) -> TestClient:
        """A browser without cookies that reaches the server as `address`."""
        return TestClient(self.app, base_url=address, follow_redirects=False)


def tiny_page() -> gr.Blocks:
    """A page with an event and an upload."""
    with gr.Blocks(analytics_enabled=False) as blocks:
        text = gr.Textbox()
        gr.File()
        text.submit(lambda said: said, text, text, api_name="echo")
    return blocks


@contextmanager
def serving(
    data_dir: Path, *, settings: dict[str, Any] | None = None, **options: Any
) -> Iterator[Server]:
    """A server over `data_dir` with these settings and Options."""
    run = SteeredRun()
    store = SettingsStore(data_dir / "config.json")
    store.change(settings or {})
    context = Context(
        engine=Engine(run),
        catalog=FolderCatalog([data_dir], [], data_dir / "cache"),
        styles=StyleBook(data_dir / "styles.csv"),
        settings=store,
        data_dir=data_dir,
        count_tokens=lambda texts, checkpoint: None,
        version="0",
    )
    chosen = Options(data_dir=data_dir, **options)
    hosts = AllowedHosts(chosen.server_name, chosen.allowed_hosts)
    notices = Notices()
    app = create_server(context, tiny_page(), chosen, hosts=hosts, notices=notices)
    try:
        yield Server(app=app, context=context, run=run, hosts=hosts, notices=notices)
    finally:
        run.finish()
        context.engine.close(PATIENCE)


def hidden_file(folder: Path) -> Path:
    """A dot file in `folder`."""
    path = folder / ".secret.png"
    path.write_bytes(b"secret")
    assert os.access(path, os.R_OK)
    return path
