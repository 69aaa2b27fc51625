"""Accounts, sessions and the throttle, on a clock that the test turns."""

from starlette.requests import HTTPConnection

from ui.login import (
    SESSION_SECONDS,
    TRIES_IN_ALL,
    Accounts,
    Sessions,
    Throttle,
    client_address,
    login_page,
)


class Clock:
    """Seconds that pass only when told to."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_the_right_password_is_accepted():
    accounts = Accounts([("ann", "secret"), ("bob", "ünï")])
    assert accounts.accept("ann", "secret")
    assert accounts.accept("bob", "ünï")
    assert not accounts.accept("ann", "Secret")
    assert not accounts.accept("ann", "ünï")
    assert not accounts.accept("eve", "secret")
    assert not accounts.accept("", "")


def test_passwords_are_not_kept():
    accounts = Accounts([("ann", "correct horse")])
    assert "correct horse" not in repr(vars(accounts))


def test_equal_passwords_have_different_hashes():
    entries = vars(Accounts([("ann", "x"), ("bob", "x")]))["_entries"]
    assert entries["ann"] != entries["bob"]


def test_a_session_ends_after_a_week():
    clock = Clock()
    sessions = Sessions(clock)
    token = sessions.begin("ann")
    clock.now = SESSION_SECONDS - 1
    assert sessions.user(token) == "ann"
    clock.now = SESSION_SECONDS
    assert sessions.user(token) is None


def test_sessions_do_not_pile_up():
    sessions = Sessions(Clock())
    tokens = [sessions.begin("ann") for _ in range(1001)]
    assert sessions.user(tokens[0]) is None
    assert sessions.user(tokens[1]) == sessions.user(tokens[1000]) == "ann"


def test_each_address_has_five_tries_a_minute():
    clock = Clock()
    throttle = Throttle(clock)
    for second in range(5):
        clock.now = second
        assert throttle.admit("1.1.1.1") == 0
    assert throttle.admit("1.1.1.1") == 56.0
    assert throttle.admit("2.2.2.2") == 0
    clock.now = 60.0
    assert throttle.admit("1.1.1.1") == 0


def test_many_addresses_together_are_bounded_too():
    throttle = Throttle(Clock())
    assert all(throttle.admit(str(number)) == 0 for number in range(TRIES_IN_ALL))
    assert throttle.admit("one more") == 60.0


def test_success_wipes_the_slate_of_its_address_alone():
    throttle = Throttle(Clock())
    for _ in range(5):
        throttle.admit("1.1.1.1")
        throttle.admit("2.2.2.2")
    throttle.forgive("1.1.1.1")
    assert throttle.admit("1.1.1.1") == 0
    assert throttle.admit("2.2.2.2") > 0


def connection(peer: str, forwarded: str | None) -> HTTPConnection:
    headers = [] if forwarded is None else [(b"x-forwarded-for", forwarded.encode())]
    return HTTPConnection({"type": "http", "client": (peer, 1), "headers": headers})


def test_tries_are_counted_against_what_a_local_proxy_noted_last():
    assert client_address(connection("127.0.0.1", "6.6.6.6, 1.1.1.1")) == "1.1.1.1"
    assert client_address(connection("127.0.0.1", None)) == "127.0.0.1"


def test_a_far_client_cannot_make_up_its_address():
    assert client_address(connection("1.1.1.1", "2.2.2.2")) == "1.1.1.1"


def test_the_login_page_follows_the_theme():
    assert "color-scheme: light dark" in login_page()
    assert "color-scheme: dark" in login_page(theme="dark")
