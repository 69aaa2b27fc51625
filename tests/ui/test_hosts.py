"""Which names the server answers to."""

import pytest

from ui.hosts import AllowedHosts


@pytest.mark.parametrize("host", ["192.168.0.2:7860", "[fe80::1]:7860", "10.0.0.1"])
def test_a_server_for_the_network_is_reached_by_any_address(host):
    assert AllowedHosts("0.0.0.0").allows(host)
    assert not AllowedHosts("127.0.0.1").allows(host)


def test_a_server_for_the_network_is_reached_by_the_machines_name(monkeypatch):
    monkeypatch.setattr("socket.gethostname", lambda: "Studio")
    monkeypatch.setattr("socket.getfqdn", lambda: "studio.lan")
    hosts = AllowedHosts("0.0.0.0")
    for name in ("studio", "STUDIO:7860", "studio.local", "studio.lan."):
        assert hosts.allows(name)
    assert not hosts.allows("evil.example")


@pytest.mark.parametrize("host", ["", ":", "[", "[::1", "a b", "evil@127.0.0.1.example", "/"])
def test_senseless_hosts_are_refused(host):
    assert not AllowedHosts("127.0.0.1").allows(host)
    assert not AllowedHosts("0.0.0.0").allows(host)


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://127.0.0.1:7860", "127.0.0.1:7860", True),
        ("http://localhost", "localhost:80", True),
        ("https://redraw.example", "redraw.example", True),
        ("https://other.example", "127.0.0.1:7860", True),
        ("http://127.0.0.1:7861", "127.0.0.1:7860", False),
        ("http://localhost:7860", "127.0.0.1:7860", False),
        ("null", "127.0.0.1:7860", False),
        ("file://", "127.0.0.1:7860", False),
        ("http://[", "127.0.0.1:7860", False),
        ("http://127.0.0.1:x", "127.0.0.1:7860", False),
        ("", "127.0.0.1:7860", False),
    ],
)
def test_a_page_may_talk_to_its_own_server(origin, host, allowed):
    hosts = AllowedHosts("127.0.0.1", ["redraw.example", "Other.example:443"])
    assert hosts.allows_origin(origin, host) is allowed
