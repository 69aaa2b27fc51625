"""Servers with and without accounts."""

from collections.abc import Iterator

import pytest

from tests.helpers.serving import Server, serving

ACCOUNTS = (("ann", "correct horse"), ("bob", "battery:staple"))


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[Server]:
    """A server on loopback that everybody local may use; for tests that leave it as it was."""
    with serving(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def guarded(tmp_path) -> Iterator[Server]:
    """A server with the accounts of ann and bob."""
    with serving(tmp_path, accounts=ACCOUNTS) as server:
        yield server
