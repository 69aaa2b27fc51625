"""A small Hugging Face hub on this machine: the headers, redirects and ranges that clients rely on.

Two servers, as there: the hub itself answers HEAD with what a file is, and sends GET on to a
storage server, which knows files by their hash and serves parts of them.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

COMMIT = "c" * 40


def sha256(content: bytes) -> str:
    """The hash under which the hub stores large files."""
    return hashlib.sha256(content).hexdigest()


def git_sha1(content: bytes) -> str:
    """The hash under which the hub stores small files."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@dataclass(kw_only=True)
class Hub:
    """What is on it, how it misbehaves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=dict)
    """Contents by "owner/name/path"."""
    small: set[str] = field(default_factory=set)
    """Those of `files` that are kept by git: no redirect, and another hash."""
    gated: set[str] = field(default_factory=set)
    """Repositories, "owner/name", that are not for everybody."""
    announced: dict[str, str] = field(default_factory=dict)
    """Hashes by key of `files` that are told instead of the right ones."""
    cuts: list[int] = field(default_factory=list)
    """For each answer with content, from the first on: after how many bytes it is cut off."""
    tags: dict[str, list[str]] = field(default_factory=dict)
    """Tags by repository."""
    answers: dict[str, object] = field(default_factory=dict)
    """Answers by path below /api/ that are given instead of the right ones; bytes as they are."""
    ignores_ranges: bool = False
    requests: list[tuple[str, str, str | None]] = field(default_factory=list)
    """Method, path and Range of every request to either server."""
    authorized: list[str] = field(default_factory=list)
    """Paths of the requests that came with a token."""
    on_bytes: threading.Event | None = None
    """If given, the storage server waits for it before the second half of each answer."""
    endpoint: str = ""
    storage: str = ""

    def api_paths(self) -> list[str]:
        """Path and query of each question about what there is."""
        return [path for method, path, range_ in self.requests if path.startswith("/api/")]

    def content_requests(self) -> list[str | None]:
        """The Range of each request that the storage server had."""
        return [range_ for method, path, range_ in self.requests if "/blob/" in path]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, *, with_body: bool) -> None:
        hub = self.hub
        hub.requests.append((self.command, self.path, self.headers.get("Range")))
        if self.headers.get("Authorization"):
            hub.authorized.append(self.path)
        if self.path.startswith("/blob/"):
            name = self.path.removeprefix("/blob/")
            self._send(hub.files[name], with_body=with_body)
            return
        if self.path.startswith("/api/models"):
            self._answer_api()
            return
        repository, _, rest = self.path.removeprefix("/").partition("/resolve/")
        name = f"{repository}/{rest.partition('/')[2]}"
        if repository in hub.gated:
            self._refuse(403, "GatedRepo")
        elif not any(known.startswith(f"{repository}/") for known in hub.files):
            self._refuse(401, "RepoNotFound")
        elif name not in hub.files:
            self._refuse(404, "EntryNotFound")
        elif name in hub.small:
            self._send(hub.files[name], with_body=with_body, etag=self._etag(name))
        else:
            self.send_response(302)
            self.send_header("Location", f"{hub.storage}/blob/{name}")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("X-Linked-Etag", f'"{self._etag(name)}"')
            self.send_header("X-Linked-Size", str(len(hub.files[name])))
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _answer_api(self) -> None:
        """A search, or what is in one repository; terms do not hide that."""
        hub, asked = self.hub, urlsplit(self.path)
        path = asked.path.removeprefix("/api/models").removeprefix("/")
        repository = path.partition("/revision/")[0]
        names = sorted({"/".join(name.split("/")[:2]) for name in hub.files})
        if asked.path in hub.answers:
            answer = hub.answers[asked.path]
        elif not repository:
            words = parse_qs(asked.query)["search"][0].lower()
            answer = [self._describe(name) for name in names if words in name.lower()]
        elif repository in names:
            answer = {**self._describe(repository), "siblings": self._siblings(repository)}
        else:
            self._refuse(401, "RepoNotFound")
            return
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _describe(self, repository: str) -> dict[str, Any]:
        return {
            "id": repository,
            "sha": COMMIT,
            "downloads": 1234,
            "gated": "auto" if repository in self.hub.gated else False,
            "lastModified": "2024-05-31T10:11:12.000Z",
            "tags": self.hub.tags.get(repository, []),
        }

    def _siblings(self, repository: str) -> list[dict[str, Any]]:
        siblings: list[dict[str, Any]] = []
        for name, content in self.hub.files.items():
            if not name.startswith(f"{repository}/"):
                continue
            told: dict[str, Any] = {
                "rfilename": name.removeprefix(f"{repository}/"),
                "size": len(content),
                "blobId": git_sha1(content),
            }
            if name not in self.hub.small:
                told["lfs"] = {"sha256": self._etag(name), "size": len(content)}
            siblings.append(told)
        return siblings

    def _etag(self, name: str) -> str:
        content = self.hub.files[name]
        right = git_sha1(content) if name in self.hub.small else sha256(content)
        return self.hub.announced.get(name, right)

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, *, with_body: bool, etag: str | None = None) -> None:
        wanted = self.headers.get("Range")
        if self.hub.ignores_ranges:
            wanted = None
        begin, _, end = (wanted or "bytes=0-").removeprefix("bytes=").partition("-")
        first = int(begin)
        content = content[: int(end) + 1] if end else content
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - first))
        if etag:
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if not with_body:
            return
        body = content[first:]
        if self.hub.cuts:
            self.wfile.write(body[: self.hub.cuts.pop(0)])
            self.close_connection = True
            return
        half = len(body) // 2
        self.wfile.write(body[:half])
        self.wfile.flush()
        if self.hub.on_bytes is not None:
            self.hub.on_bytes.wait()
        self.wfile.write(body[half:])


@contextmanager
def serving_hub() -> Iterator[Hub]:
    """An empty hub on the loopback interface."""
    hub = Hub()
    handler = type("Handler", (_Handler,), {"hub": hub})
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), handler) for _ in range(2)]
    for server in servers:
        server.daemon_threads = True
    hub.endpoint, hub.storage = (f"http://127.0.0.1:{s.server_port}" for s in servers)
    threads = [
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        for server in servers
    ]
    for thread in threads:
        thread.start()
    try:
        yield hub
    finally:
        for server, thread in zip(servers, threads, strict=True):
            server.shutdown()
            server.server_close()
            thread.join()
