"""Under which names the server may be addressed, against DNS rebinding and foreign pages."""

import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

ANY_ADDRESS = frozenset({"0.0.0.0", "::"})
DEFAULT_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def is_loopback(name: str) -> bool:
    """Whether `name`, a host without port, can only mean this machine."""
    if name == "localhost":
        return True
    address = _address(name)
    return address is not None and address.is_loopback


class AllowedHosts:
    """The host names that requests may carry; names are compared without case and port.

    Loopback names always count, and `server_name` with every name in `extra`. A server that
    listens on all addresses is also reached by any literal address (DNS rebinding needs a name)
    and by the machine's own name.
    """

    def __init__(self, server_name: str, extra: Iterable[str] = ()) -> None:
        self._named = {_bare(name) for name in extra}
        self._any_address = server_name in ANY_ADDRESS
        if self._any_address:
            own = socket.gethostname().lower()
            self._machine = {own, f"{own}.local", socket.getfqdn().lower()}
        else:
            self._machine = {_bare(server_name)}
        self._public = ""

    def publish(self, host: str) -> None:
        """Allow the host of the link that --share was given, which is always reached by https."""
        self._public = _bare(host)

    def is_public(self, header: str) -> bool:
        """Whether a Host header names the link that --share was given."""
        return self._public != "" and _bare(header) == self._public

    def allows(self, header: str) -> bool:
        """Whether a Host header (name, perhaps with a port) names this server."""
        name = _bare(header)
        return (
            is_loopback(name)
            or self._is_named(name)
            or name in self._machine
            or (self._any_address and _address(name) is not None)
        )

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` (scheme://host[:port]) may talk to us, addressed as `host`.

        It may when it is our own page: the same host and port. Behind a proxy that changes the Host
        header, it may when its name was given outright.
        """
        try:
            parts = urlsplit(origin)
            port = parts.port or DEFAULT_PORTS[parts.scheme]
            here = urlsplit(f"{parts.scheme}://{host}")
            same = parts.hostname == here.hostname
            if same and port == (here.port or DEFAULT_PORTS[parts.scheme]):
                return True
            return parts.hostname is not None and self._is_named(parts.hostname)
        except (ValueError, KeyError):
            return False

    def _is_named(self, name: str) -> bool:
        return name != "" and (name in self._named or name == self._public)


def _bare(host: str) -> str:
    """`host` without port and brackets, in lower case; "" when it is no host at all."""
    try:
        return (urlsplit(f"//{host.strip()}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _address(name: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(name)
    except ValueError:
        return None
