"""A hub on this machine with a few repositories, and what a test needs to look at it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.catalog.folders import PLACES
from pipelines.hub.client import Hub
from pipelines.hub.downloads import ModelDownloads
from pipelines.hub.orders import DOWNLOADABLE
from tests.helpers.hub import Hub as FakeHub
from tests.helpers.hub import serving_hub
from tests.helpers.repositories import fill


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The hub, with the repositories of `tests.helpers.repositories`."""
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving_hub() as fake:
        fill(fake)
        yield fake


@pytest.fixture
def hub(fake: FakeHub) -> Hub:
    """The client of that hub."""
    return Hub(endpoint=fake.endpoint)


@pytest.fixture
def downloads(hub: Hub, tmp_path: Path) -> Iterator[ModelDownloads]:
    """Downloads from it into a models folder below `tmp_path`."""
    downloads = make_downloads(hub, tmp_path)
    yield downloads
    downloads.close()


def make_downloads(hub: Hub, data_dir: Path) -> ModelDownloads:
    """As the program makes them when it starts."""
    folders = {kind: data_dir / "models" / PLACES[kind].folders[0] for kind in DOWNLOADABLE}
    return ModelDownloads(hub, folders, data_dir / "cache")
