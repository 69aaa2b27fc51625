"""The web server: the page, our own routes, and the layers that guard both."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from fastapi import FastAPI
from fastapi.middleware import Middleware

from ui.api.downloads import make_download_routes, weights_by_name
from ui.api.models import make_model_routes
from ui.api.networks import make_network_routes
from ui.api.progress import make_progress_routes
from ui.cli import Options
from ui.context import Context
from ui.hosts import AllowedHosts
from ui.login import Gate, make_gate, make_login_routes
from ui.network_cards import NetworkCards
from ui.notices import Notices
from ui.security import (
    BehindPrefix,
    BodyLimit,
    LoginWall,
    NoHiddenFiles,
    OwnPagesOnly,
    SecurityHeaders,
)

MEGABYTE = 2**20

SECONDS_BETWEEN_LOOKS = 0.02
"""How often Gradio looks for new events. Its own 0.001 burns a twentieth of a core at rest."""


def create_server(
    context: Context,
    blocks: gr.Blocks,
    options: Options,
    *,
    port: int = 7860,
    hosts: AllowedHosts | None = None,
    notices: Notices | None = None,
    look: Mapping[str, Any] | None = None,
) -> FastAPI:
    """The application to be served on `port`.

    `hosts` may gain names and `notices` sentences while it runs. `look` holds further arguments of
    `gr.mount_gradio_app`: head, theme. The folder of outputs is made if there is none.
    """
    gate = make_gate(options.accounts, port, options.theme)
    hosts = hosts or AllowedHosts(options.server_name, options.allowed_hosts)
    max_bytes = int(context.settings.current.max_upload_megabytes * MEGABYTE)
    context.outputs.mkdir(parents=True, exist_ok=True)
    app = FastAPI(
        title="Redraw",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        middleware=[
            Middleware(BehindPrefix, prefix=options.subpath),
            Middleware(SecurityHeaders),
            Middleware(OwnPagesOnly, hosts=hosts),
            Middleware(LoginWall, find_user=gate.find_user),
            Middleware(BodyLimit, max_bytes=max_bytes),
            Middleware(NoHiddenFiles, folder=context.outputs),
        ],
    )
    _add_routes(app, context, gate, notices or Notices())
    cards = NetworkCards(context, follow_links=options.is_local)
    app.include_router(make_network_routes(cards, gate.current_user))
    # Without this, which only `launch` does, gradio takes any path on this machine for an upload.
    blocks.has_launched = True
    blocks._queue.sleep_when_free = SECONDS_BETWEEN_LOOKS  # pyright: ignore[reportPrivateUsage] no other way
    # gradio leaves the callable in the type of `auth`, which is not used here, unknown.
    return gr.mount_gradio_app(  # pyright: ignore[reportUnknownMemberType]
        app,
        blocks,
        path="",
        server_name=options.server_name,
        server_port=port,
        app_kwargs={"docs_url": None, "redoc_url": None, "openapi_url": None},
        auth_dependency=gate.current_user,
        root_path=options.subpath or None,
        allowed_paths=[str(context.outputs.absolute())],
        max_file_size=max_bytes,
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        ssr_mode=False,
        pwa=False,
        **(look or {}),
    )


def _add_routes(app: FastAPI, context: Context, gate: Gate, notices: Notices) -> None:
    """Everything that is answered without gradio."""
    app.include_router(make_login_routes(gate))
    app.include_router(make_progress_routes(context.engine, notices, gate.current_user))
    app.include_router(make_model_routes(context.model_downloads, gate.current_user))
    if context.downloads is not None:
        known = weights_by_name(context.control.plugins.preprocessors)
        app.include_router(make_download_routes(context.downloads, known, gate.current_user))
