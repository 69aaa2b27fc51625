"""The public link: let in when it comes, explained when it does not."""

from ui.hosts import AllowedHosts
from ui.notices import Notices
from ui.share import open_link


def test_a_link_is_let_in_and_shown():
    hosts, notices, asked = AllowedHosts("0.0.0.0"), Notices(), []

    def tunnel(*arguments):
        asked.append(arguments)
        return "http://1a2b.gradio.example"

    assert open_link("0.0.0.0", 7861, hosts, notices, tunnel) == "https://1a2b.gradio.example"
    assert hosts.allows("1a2b.gradio.example")
    assert hosts.is_public("1a2b.gradio.example:443")
    assert notices.sentences == ("Public link: https://1a2b.gradio.example",)
    host, port, token, server, certificate = asked[0]
    assert (host, port, server, certificate) == ("127.0.0.1", 7861, None, None)
    assert len(token) >= 32


def test_a_link_that_cannot_be_had_is_explained():
    hosts, notices = AllowedHosts("127.0.0.1"), Notices()

    def tunnel(*arguments):
        raise RuntimeError("Could not get share link from Gradio API Server.\nand a log")

    assert open_link("127.0.0.1", 7860, hosts, notices, tunnel) is None
    assert notices.sentences == (
        "There is no public link: Could not get share link from Gradio API Server. "
        "The local address goes on working.",
    )
    assert hosts.allows("127.0.0.1:7860")


def test_an_answer_that_is_no_address_lets_nobody_in():
    hosts, notices = AllowedHosts("127.0.0.1"), Notices()
    assert open_link("127.0.0.1", 7860, hosts, notices, lambda *arguments: "") is None
    assert not hosts.allows("")
