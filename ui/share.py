"""The public Gradio link of --share: made in the background, and missed with a sentence."""

import logging
import secrets
from collections.abc import Callable
from urllib.parse import urlsplit

from ui.hosts import ANY_ADDRESS, AllowedHosts
from ui.notices import Notices

log = logging.getLogger(__name__)

Tunnel = Callable[[str, int, str, None, None], str]
"""Of local host, port, token, share server and certificate (None: Gradio's); gives the address."""


def open_link(
    server_name: str, port: int, hosts: AllowedHosts, notices: Notices, tunnel: Tunnel | None = None
) -> str | None:
    """Make the link, let its host in and say so in the pages; blocks up to a minute.

    Gives the link, or None after telling the pages why there is none; the local address works
    either way. `tunnel` is `gradio.networking.setup_tunnel` unless given.
    """
    local = "127.0.0.1" if server_name in ANY_ADDRESS else server_name
    try:
        if tunnel is None:
            from gradio.networking import setup_tunnel  # only needed with --share

            tunnel = setup_tunnel
        address = tunnel(local, port, secrets.token_urlsafe(32), None, None)
        host = urlsplit(address).netloc
        if not host:
            raise ValueError(f"{address!r} is no address")
    except Exception as error:
        # Whatever went wrong out there, the server goes on without a link.
        log.debug("No share link.", exc_info=True)
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".:")
        notices.add(f"There is no public link: {reason}. The local address goes on working.")
        return None
    hosts.publish(host)
    link = f"https://{host}"
    notices.add(f"Public link: {link}")
    return link
