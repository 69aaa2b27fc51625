"""The port the server listens on: taken before anything slow, refused with a sentence."""

import errno
import socket

from pipelines.errors import StartRefused
from ui.cli import DEFAULT_PORT

PORTS_TRIED = 100


def listen(server_name: str, port: int | None) -> tuple[socket.socket, int]:
    """A socket bound to `server_name`, and its port.

    With None the first free port from 7860 upward; with 0 any. StartRefused when there is none.
    """
    wanted = range(DEFAULT_PORT, DEFAULT_PORT + PORTS_TRIED) if port is None else (port,)
    for candidate in wanted:
        try:
            listener = _bind(server_name, candidate)
        except OSError as error:
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            raise StartRefused(_explain(server_name, candidate, error)) from error
        return listener, listener.getsockname()[1]
    raise StartRefused(
        f"All ports from {wanted[0]} to {wanted[-1]} are taken; give a free one with --port."
    )


def _bind(server_name: str, port: int) -> socket.socket:
    family, _, _, _, address = socket.getaddrinfo(
        server_name, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    return socket.create_server(address[:2], family=family)


def _explain(server_name: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} is taken; stop what uses it, or give another with --port."
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"{server_name!r} is not an address of this machine; see --server-name."
    return f"Port {port} of {server_name} cannot be listened on: {error.strerror}."
