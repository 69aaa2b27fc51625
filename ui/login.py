"""Who may come in: accounts with hashed passwords, sessions, the throttle and the login page."""

import hashlib
import hmac
import html
import secrets
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import HTTPConnection

from ui.security import LOGIN_PATH, no_store

Clock = Callable[[], float]

LOCAL_USER = "local"
"""Who everybody is when there are no accounts."""

SESSION_SECONDS = 7 * 24 * 3600.0
MAX_SESSIONS = 1000
WINDOW_SECONDS = 60.0
TRIES_PER_ADDRESS = 5
TRIES_IN_ALL = 60
MAX_CREDENTIAL_LENGTH = 1024


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)


class Accounts:
    """User names with salted scrypt hashes, in memory; the passwords themselves are not kept."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._entries: dict[str, tuple[bytes, bytes]] = {}
        for name, password in pairs:
            salt = secrets.token_bytes(16)
            self._entries[name] = (salt, _hash(password, salt))
        self._nobody = (secrets.token_bytes(16), secrets.token_bytes(64))

    def __bool__(self) -> bool:
        return bool(self._entries)

    def accept(self, name: str, password: str) -> bool:
        """Whether the password is right; takes the same time when there is no such user."""
        salt, expected = self._entries.get(name, self._nobody)
        return hmac.compare_digest(_hash(password, salt), expected)


class Sessions:
    """Who is logged in: random tokens, forgotten after a week; safe to use from several threads."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._open: OrderedDict[str, tuple[str, float]] = OrderedDict()  # token: user, end

    def begin(self, user: str) -> str:
        """A new session's token; the oldest session makes room when there are too many."""
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._open[token] = (user, self._clock() + SESSION_SECONDS)
            while len(self._open) > MAX_SESSIONS:
                self._open.popitem(last=False)
        return token

    def user(self, token: str) -> str | None:
        """The user of this session; None when it is unknown or over."""
        with self._lock:
            user, end = self._open.get(token, ("", 0.0))
            if token in self._open and self._clock() >= end:
                del self._open[token]
            return user if token in self._open else None

    def end(self, token: str) -> None:
        """Log out."""
        with self._lock:
            self._open.pop(token, None)


class Throttle:
    """Counts wrong passwords by address and in all, over the last minute."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: deque[tuple[float, str]] = deque()  # never longer than TRIES_IN_ALL

    def admit(self, address: str) -> float:
        """0 and the try is counted, or the seconds until another is allowed.

        Counted before the password is looked at, so that parallel tries cannot slip through.
        """
        with self._lock:
            now = self._clock()
            while self._tries and self._tries[0][0] <= now - WINDOW_SECONDS:
                self._tries.popleft()
            own = [moment for moment, source in self._tries if source == address]
            if len(own) >= TRIES_PER_ADDRESS:
                return own[0] + WINDOW_SECONDS - now
            if len(self._tries) >= TRIES_IN_ALL:
                return self._tries[0][0] + WINDOW_SECONDS - now
            self._tries.append((now, address))
            return 0.0

    def forgive(self, address: str) -> None:
        """The password was right: the tries of this address no longer count."""
        with self._lock:
            self._tries = deque(entry for entry in self._tries if entry[1] != address)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Accounts, sessions and throttle of one server, and the name of its cookie."""

    accounts: Accounts
    sessions: Sessions
    throttle: Throttle
    cookie: str
    theme: str | None = None

    def find_user(self, connection: HTTPConnection) -> str | None:
        """The user of a request; LOCAL_USER when there are no accounts, None for nobody."""
        if not self.accounts:
            return LOCAL_USER
        return self.sessions.user(connection.cookies.get(self.cookie, ""))

    def current_user(self, request: Request) -> str | None:
        """`find_user` as a dependency of routes and of Gradio."""
        return self.find_user(request)


def make_gate(pairs: Iterable[tuple[str, str]], port: int, theme: str | None) -> Gate:
    """The gate of a server on `port`; cookies of other ports of the same host do not collide."""
    return Gate(
        accounts=Accounts(pairs),
        sessions=Sessions(),
        throttle=Throttle(),
        cookie=f"redraw-session-{port}",
        theme=theme,
    )


def client_address(connection: HTTPConnection) -> str:
    """Whom wrong tries are counted against.

    Behind a proxy or the share tunnel on this machine that is the last address it noted, the one
    entry of X-Forwarded-For that the client cannot make up.
    """
    peer = connection.client.host if connection.client else ""
    forwarded = connection.headers.get("x-forwarded-for", "").split(",")[-1].strip()
    return forwarded[:64] if forwarded and peer in ("127.0.0.1", "::1") else peer


async def _form(request: Request) -> dict[str, str]:
    """The first value of each field of a URL-encoded form; {} for anything else."""
    body = await request.body()
    try:
        fields = parse_qs(body.decode(), max_num_fields=10, errors="strict")
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def make_login_routes(gate: Gate) -> APIRouter:
    """GET and POST /login, POST /logout."""
    router = APIRouter()

    def show_login(request: Request) -> Response:
        if gate.find_user(request) is not None:
            return _to_page(request)
        return no_store(HTMLResponse(login_page(theme=gate.theme)))

    # A plain function: hashing would hold up everybody else on the event loop.
    def log_in(request: Request, form: Annotated[dict[str, str], Depends(_form)]) -> Response:
        name, password = form.get("username", ""), form.get("password", "")
        address = client_address(request)
        wait = gate.throttle.admit(address)
        if wait > 0:
            sentence = f"Too many wrong tries; try again in {int(wait) + 1} seconds."
            response = HTMLResponse(login_page(sentence, name, gate.theme), 429)
            response.headers["Retry-After"] = str(int(wait) + 1)
            return no_store(response)
        short = max(len(name), len(password)) <= MAX_CREDENTIAL_LENGTH
        if not (short and gate.accounts.accept(name, password)):
            sentence = "The user name or the password is wrong."
            return no_store(HTMLResponse(login_page(sentence, name, gate.theme), 401))
        gate.throttle.forgive(address)
        response = _to_page(request)
        response.set_cookie(
            gate.cookie,
            gate.sessions.begin(name),
            max_age=int(SESSION_SECONDS),
            path=request.scope.get("root_path", "") or "/",
            httponly=True,
            samesite="lax",
            secure=request.scope["scheme"] == "https",
        )
        return response

    def log_out(request: Request) -> Response:
        gate.sessions.end(request.cookies.get(gate.cookie, ""))
        response = RedirectResponse(f"{request.scope.get('root_path', '')}{LOGIN_PATH}", 303)
        response.delete_cookie(gate.cookie, path=request.scope.get("root_path", "") or "/")
        return response

    router.add_api_route(LOGIN_PATH, show_login, methods=["GET"])
    router.add_api_route(LOGIN_PATH, log_in, methods=["POST"])
    router.add_api_route("/logout", log_out, methods=["POST"])
    return router


def _to_page(request: Request) -> Response:
    return no_store(RedirectResponse(f"{request.scope.get('root_path', '')}/", 303))


def login_page(error: str = "", name: str = "", theme: str | None = None) -> str:
    """The login page as HTML; follows the browser's light or dark unless `theme` names one."""
    alert = f'<p role="alert">{html.escape(error)}</p>' if error else ""
    return _PAGE.format(
        theme=theme or "light dark",
        alert=alert,
        name=html.escape(name[:MAX_CREDENTIAL_LENGTH], quote=True),
    )


_PAGE = """<!doctype html>
<html lang="en" style="color-scheme: {theme}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Redraw: log in</title>
<style>
body {{
  margin: 0; min-height: 100vh; display: grid; place-items: center;
  font: 16px/1.5 system-ui, sans-serif;
  background: light-dark(#f4f4f5, #0b0f19); color: light-dark(#18181b, #e4e4e7);
}}
form {{
  box-sizing: border-box; width: min(22rem, 92vw); padding: 2rem; border-radius: 12px;
  background: light-dark(#fff, #151b2b); border: 1px solid light-dark(#e4e4e7, #2a3247);
}}
h1 {{ margin: 0 0 1.25rem; font-size: 1.4rem; }}
label {{ display: block; margin-bottom: 1rem; font-size: .9rem; }}
input {{
  box-sizing: border-box; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit;
  border-radius: 8px; border: 1px solid light-dark(#a1a1aa, #4b556e); color: inherit;
  background: light-dark(#fff, #0b0f19);
}}
button {{
  width: 100%; padding: .65rem; font: inherit; font-weight: 600; border: 0; border-radius: 8px;
  background: #c2410c; color: #fff; cursor: pointer;
}}
input:focus-visible, button:focus-visible {{ outline: 3px solid #fb923c; outline-offset: 1px; }}
p {{ margin: 0 0 1rem; color: light-dark(#b91c1c, #fca5a5); }}
</style>
</head>
<body>
<form method="post">
<h1>Redraw</h1>
{alert}
<label>User name
<input name="username" value="{name}" autocomplete="username" required autofocus></label>
<label>Password
<input name="password" type="password" autocomplete="current-password" required></label>
<button>Log in</button>
</form>
</body>
</html>
"""
