"""Nothing answers without a session, and nothing answers a foreign page."""

import re

import pytest
from starlette.routing import Mount, Route
from starlette.websockets import WebSocketDisconnect

from tests.helpers.serving import Server, serving
from tests.ui.conftest import ACCOUNTS

FOREIGN = "http://evil.example"


def log_in(client, name="ann", password="correct horse"):
    return client.post("/login", data={"username": name, "password": password})


def all_routes(routes, prefix=""):
    """(method, path) of every route, those of mounted applications and routers too."""
    for route in routes:
        if isinstance(route, Mount):
            yield from all_routes(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            path = re.sub(r"{[^}]*}", "x", route.path)
            for method in route.methods or {"GET"}:
                yield method, prefix + path
        else:
            # FastAPI's entry for an included router, whose paths hold their prefix already.
            yield from all_routes(route.original_router.routes, prefix)


def test_every_route_asks_for_a_login(guarded: Server):
    client = guarded.client()
    routes = set(all_routes(guarded.app.routes)) - {("GET", "/login"), ("HEAD", "/login")}
    routes -= {("POST", "/login")}
    assert ("POST", "/gradio_api/queue/join") in routes, "Gradio's own routes are among them"
    assert ("GET", "/internal/progress") in routes
    assert len(routes) > 40
    for method, path in sorted(routes):
        response = client.request(method, path)
        home = path == "/" and method in ("GET", "HEAD")
        assert response.status_code == (303 if home else 401), f"{method} {path} is open"


def test_websockets_ask_for_a_login_too(guarded: Server):
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        guarded.client().websocket_connect("/gradio_api/queue/join"),
    ):
        pass
    assert refused.value.code == 1008


def test_a_browser_is_sent_to_the_login_page(guarded: Server):
    client = guarded.client()
    response = client.get("/")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    page = client.get("/login")
    assert page.status_code == 200
    assert '<input name="password" type="password"' in page.text


def test_the_right_password_opens_the_page_and_the_routes(guarded: Server):
    with guarded.client() as client:
        response = log_in(client)
        assert (response.status_code, response.headers["location"]) == (303, "/")
        assert client.get("/").status_code == 200
        assert client.get("/config").json()["username"] == "ann"
        assert client.get("/internal/ping").json() == {"ok": True, "user": "ann"}
        assert client.get("/login").headers["location"] == "/"


def test_passwords_may_hold_colons(guarded: Server):
    assert log_in(guarded.client(), "bob", "battery:staple").status_code == 303


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(guarded: Server):
    cookie = log_in(guarded.client()).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie


def test_the_cookie_stays_on_https_where_there_is_https(guarded: Server):
    client = guarded.client()
    client.headers["x-forwarded-proto"] = "https"
    assert "Secure" in log_in(client).headers["set-cookie"]


def test_logging_out_ends_the_session(guarded: Server):
    client = guarded.client()
    log_in(client)
    token = dict(client.cookies)
    assert client.post("/logout").headers["location"] == "/login"
    client.cookies.update(token)
    assert client.get("/internal/ping").status_code == 401


def test_a_made_up_cookie_is_nobody(guarded: Server):
    client = guarded.client()
    client.cookies.set("redraw-session-7860", "x" * 43)
    assert client.get("/internal/ping").status_code == 401


def test_five_wrong_tries_a_minute_and_no_more(guarded: Server):
    client = guarded.client()
    for _ in range(5):
        response = log_in(client, password="wrong")
        assert response.status_code == 401
        assert "The user name or the password is wrong." in response.text
    response = log_in(client)
    assert response.status_code == 429, "the right one does not help now"
    assert "Too many wrong tries" in response.text
    assert 0 < int(response.headers["retry-after"]) <= 60


def test_a_name_is_shown_again_but_never_as_html(guarded: Server):
    response = log_in(guarded.client(), name='"><script>alert(1)</script>', password="wrong")
    assert "<script>" not in response.text


def test_an_enormous_login_form_is_refused(guarded: Server):
    assert log_in(guarded.client(), password="x" * 100_000).status_code == 413


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a=1&" * 50, b"{}", b""])
def test_a_senseless_login_form_is_a_wrong_try(guarded: Server, body):
    assert guarded.client().post("/login", content=body).status_code == 401


def test_without_accounts_everybody_local_is_the_same_user(server: Server):
    with server.client() as client:
        assert client.get("/internal/ping").json()["user"] == "local"
        assert client.get("/config").json()["username"] == "local"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "127.0.0.1.nip.example", ""])
@pytest.mark.parametrize("path", ["/", "/login", "/internal/ping", "/gradio_api/info"])
def test_a_foreign_name_that_points_here_gets_nothing(server: Server, host, path):
    response = server.client().get(path, headers={"host": host})
    assert response.status_code == 403
    assert "--allowed-hosts" in response.json()["detail"]


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:7860", "127.0.0.1:1", "[::1]:7860"])
def test_loopback_has_many_names(server: Server, host):
    assert server.client().get("/internal/ping", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/run/echo"),
        ("GET", "/gradio_api/queue/data"),
        ("GET", "/"),
        ("POST", "/login"),
        ("OPTIONS", "/gradio_api/upload"),
    ],
)
@pytest.mark.parametrize(
    "origin", [FOREIGN, "null", "http://127.0.0.1:8000", "http://localhost:7860"]
)
def test_pages_of_other_origins_are_refused(server: Server, method, path, origin):
    response = server.client().request(method, path, headers={"origin": origin})
    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("origin", [FOREIGN, "http://localhost:7860"])
def test_websockets_of_other_origins_are_refused(server: Server, origin):
    with (
        pytest.raises(WebSocketDisconnect),
        server.client().websocket_connect("/gradio_api/queue/join", headers={"origin": origin}),
    ):
        pass


def test_our_own_page_is_not_foreign(server: Server):
    with server.client() as client:
        response = client.post(
            "/gradio_api/upload",
            files={"files": ("a.txt", b"text")},
            headers={"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"},
        )
        assert response.status_code == 200
        assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_pictures_and_frames_of_other_sites_get_nothing(server: Server, site):
    for mode, dest in (("no-cors", "image"), ("navigate", "iframe")):
        headers = {"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}
        assert server.client().get("/internal/jobs", headers=headers).status_code == 403


def test_a_link_on_another_site_may_lead_here(server: Server):
    headers = {
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "navigate",
        "sec-fetch-dest": "document",
    }
    with server.client() as client:
        assert client.get("/", headers=headers).status_code == 200
        assert client.post("/logout", headers=headers).status_code == 403


def test_forwarded_names_are_not_believed(server: Server):
    with server.client() as client:
        response = client.get("/config", headers={"x-forwarded-host": "evil.example"})
        assert "evil" not in response.text


def test_names_given_on_the_command_line_are_let_in(tmp_path):
    with serving(tmp_path, allowed_hosts=("Redraw.example",)) as server:
        client = server.client("http://redraw.example")
        headers = {"origin": "https://redraw.example"}
        assert client.get("/internal/ping", headers=headers).status_code == 200
        proxied = server.client().get("/internal/ping", headers=headers)
        assert proxied.status_code == 200, "a proxy may have changed the Host header"


def test_the_share_host_is_let_in_once_it_is_known(tmp_path):
    with serving(tmp_path, accounts=ACCOUNTS) as server:
        client = server.client("https://1a2b.gradio.example")
        assert log_in(client).status_code == 403
        server.hosts.publish("1a2b.gradio.example")
        plain = server.client("http://1a2b.gradio.example")
        assert "Secure" in log_in(plain).headers["set-cookie"], "the browser's end is https"


def test_behind_a_proxy_prefix_all_routes_answer_with_and_without_it(tmp_path):
    with (
        serving(tmp_path, accounts=ACCOUNTS, subpath="/redraw") as server,
        server.client() as client,
    ):
        for path in ("/", "/redraw/"):
            assert client.get(path).headers["location"] == "/redraw/login"
        response = client.post(
            "/redraw/login", data={"username": "ann", "password": "correct horse"}
        )
        assert response.headers["location"] == "/redraw/"
        assert "Path=/redraw;" in response.headers["set-cookie"] + ";"
        for path in ("/redraw/internal/ping", "/redraw/", "/redraw/config"):
            assert client.get(path).status_code == 200, path
        assert client.get("/redraw/config").json()["root"].endswith("/redraw")
        cookies = {"cookie": response.headers["set-cookie"].split(";")[0]}
        for path in ("/internal/ping", "/", "/config"):
            assert client.get(path, headers=cookies).status_code == 200, path
