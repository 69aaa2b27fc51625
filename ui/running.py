"""Serving an application over HTTP until Ctrl+C."""

import socket
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

SECONDS_TO_FINISH = 2
"""How long open connections, such as polling pages, are waited for when stopping."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._tell = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell()


def run(app: FastAPI, listener: socket.socket, started: Callable[[], None]) -> None:
    """Serve `app` on `listener`; `started` is called once it answers. Ctrl+C ends it."""
    make_server(app, started).run([listener])


def make_server(app: FastAPI, started: Callable[[], None]) -> uvicorn.Server:
    """A server that trusts no proxy headers and says nothing about each request."""
    config = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=SECONDS_TO_FINISH,
    )
    return _Server(config, started)
