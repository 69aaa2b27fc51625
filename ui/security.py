"""What stands between the network and the page: ASGI layers that refuse, and that add headers.

All of them look at raw requests, so that no route, Gradio's or ours, can be forgotten.
"""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.hosts import AllowedHosts

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio's page sets itself up in inline scripts, and compiles gr.HTML templates.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Tells other sites nothing, as no-referrer would; but that one also makes browsers send
    # "Origin: null" with our own login form.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

UNTRUSTED_HEADERS = frozenset({b"x-forwarded-host", b"x-forwarded-prefix"})
"""Gradio would build addresses from these, whoever sent them."""

LOGIN_PATH = "/login"
MAX_FORM_BYTES = 64 * 1024
MAX_DECODINGS = 5
POLICY_VIOLATION = 1008  # websocket close code


def route_path(scope: Scope) -> str:
    """The request's path without the proxy prefix (--subpath), whether or not it was stripped."""
    path, root = scope["path"], scope.get("root_path", "")
    if root and (path == root or path.startswith(root + "/")):
        return path[len(root) :] or "/"
    return path


async def refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an HTTP request with JSON {"detail": sentence}; close a websocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": sentence[:100]})
        return
    await JSONResponse({"detail": sentence}, status)(scope, receive, send)


class BehindPrefix:
    """Tells the application which prefix a proxy added to its paths, "" for none."""

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self.app = app
        self.prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] in ("http", "websocket"):
            scope["root_path"] = self.prefix
        await self.app(scope, receive, send)


class OwnPagesOnly:
    """Refuses requests that name another host, or that another site's page caused.

    Against DNS rebinding (a foreign name pointing here), cross-site request forgery and
    cross-site websockets. Navigating here by a link stays possible.
    """

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self.app = app
        self.hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with 403."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        sentence = self._objection(scope, headers)
        if sentence:
            return await refuse(403, sentence, scope, receive, send)
        scope["headers"] = [
            (name, value) for name, value in scope["headers"] if name not in UNTRUSTED_HEADERS
        ]
        if self._is_encrypted(headers):
            scope["scheme"] = "wss" if scope["type"] == "websocket" else "https"
        return await self.app(scope, receive, send)

    def _objection(self, scope: Scope, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if len(headers.getlist("host")) != 1 or not self.hosts.allows(host):
            return (
                f"This server is not known as {host[:100]!r}; use the address it printed, or start "
                "it with --allowed-hosts."
            )
        origins = headers.getlist("origin")
        if any(not self.hosts.allows_origin(origin, host) for origin in origins):
            return f"Requests from pages of {origins[0][:100]!r} are not accepted."
        # Requests without Origin: what the browser says of their source, where it says it.
        foreign = headers.get("sec-fetch-site") in ("cross-site", "same-site")
        if not origins and foreign and not _is_visit(scope, headers):
            return "Requests from other sites' pages are not accepted."
        return None

    def _is_encrypted(self, headers: Headers) -> bool:
        """Whether the browser's end is https: the share link, or a proxy that says so."""
        if self.hosts.is_public(headers.get("host", "")):
            return True
        return headers.get("x-forwarded-proto", "").split(",")[0].strip() in ("https", "wss")


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """A person following a link: a top-level GET whose answer becomes the page."""
    return (
        scope["type"] == "http"
        and scope["method"] in ("GET", "HEAD")
        and headers.get("sec-fetch-mode") == "navigate"
        and headers.get("sec-fetch-dest") == "document"
    )


class LoginWall:
    """Lets nobody past the login page without a session.

    `find_user` gives the user of a request, None for nobody. Browsers asking for the page are sent
    to the login page; everything else is answered with 401.
    """

    def __init__(self, app: ASGIApp, find_user: Callable[[HTTPConnection], str | None]) -> None:
        self.app = app
        self.find_user = find_user

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, redirect or refuse."""
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        path = route_path(scope)
        if path == LOGIN_PATH or self.find_user(HTTPConnection(scope)) is not None:
            return await self.app(scope, receive, send)
        if scope["type"] == "http" and path == "/" and scope["method"] in ("GET", "HEAD"):
            target = f"{scope.get('root_path', '')}{LOGIN_PATH}"
            return await RedirectResponse(target, 303)(scope, receive, send)
        return await refuse(401, "Please log in first.", scope, receive, send)


class BodyLimit:
    """Refuses request bodies over a limit, counted as they arrive, with 413 and a sentence."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on with the body being counted, or refuse with 413."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = MAX_FORM_BYTES if route_path(scope) == LOGIN_PATH else self.max_bytes
        sentence = f"The file is larger than the {limit / 2**20:g} MB that the settings allow."
        announced = Headers(scope=scope).get("content-length", "0")
        if not announced.isdecimal() or int(announced) > limit:
            return await refuse(413, sentence, scope, receive, send)
        received, started, refused = 0, False, False

        async def counted() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                refused = True
                raise HTTPException(413, sentence)
            return message

        async def answer(message: Message) -> None:
            nonlocal started
            if started or not refused:
                started = True
                await send(message)

        try:
            await self.app(scope, counted, answer)
        except HTTPException:
            if not refused:
                raise
        if refused and not started:
            # Whatever the application made of the exception, this is the answer.
            await refuse(413, sentence, scope, receive, send)
        return None


class NoHiddenFiles:
    """Keeps Gradio's file route from serving dot files below `folder`, or fetching addresses."""

    def __init__(self, app: ASGIApp, folder: Path) -> None:
        self.app = app
        self.folders = (folder.absolute(), folder.resolve())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, or refuse with 403."""
        if scope["type"] == "http" and self._is_hidden(route_path(scope)):
            return await refuse(403, "This file is not served.", scope, receive, send)
        return await self.app(scope, receive, send)

    def _is_hidden(self, path: str) -> bool:
        for _ in range(MAX_DECODINGS):
            _, marker, target = path.replace("\\", "/").partition("file=")
            if marker and ("://" in target or self._names_hidden(target)):
                return True
            decoded = unquote(path)
            if decoded == path:
                return False
            path = decoded
        return True  # nothing honest is encoded this often

    def _names_hidden(self, target: str) -> bool:
        if "\0" in target:
            return True
        lexical = Path(os.path.abspath(target))  # noqa: PTH100 - resolves ".." but no links
        return any(
            part.startswith(".")
            for candidate in (lexical, lexical.resolve())
            for folder in self.folders
            if candidate.is_relative_to(folder)
            for part in candidate.relative_to(folder).parts
        )


class SecurityHeaders:
    """Adds the headers above to every answer, and takes away permission for other origins."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; the headers are added on the way back."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                # Gradio lets pages of any port of localhost read, with cookies.
                for name in [n for n in headers if n.lower().startswith("access-control-")]:
                    del headers[name]
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, with_headers)


def no_store(response: Response) -> Response:
    """`response`, not to be kept by any cache."""
    response.headers["Cache-Control"] = "no-store"
    return response
