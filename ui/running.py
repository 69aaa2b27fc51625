"""Serving an application over HTTP until Ctrl+C."""

import signal
import socket
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

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

    @contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop on a signal; unlike uvicorn's own, do not raise it again once all is closed."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self.handle_exit) for number in signals}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first press begins the orderly end, which is short; more do not cut it off."""
        self.should_exit = True


def make_server(app: FastAPI, started: Callable[[], None]) -> uvicorn.Server:
    """A server that trusts no proxy headers and says nothing about each request.

    `started` is called on the event loop once it answers; its `run` takes the listening sockets.
    """
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
