"""Weights that are not there: what the page offers, and the routes that fetch them."""

from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

from extensions.discovery import discover
from pipelines.downloads import Downloads
from pipelines.errors import MissingWeights
from pipelines.hub.transfer import DownloadProgress, DownloadState
from pipelines.plugins import Weights
from tests.helpers.hub import serving_hub
from ui.api.downloads import describe, make_download_routes, weights_by_name
from ui.missing_weights import offer_html

EDGES = Weights(name="edges", repository="who/what", files=("a.bin",), licence="MIT")
CONTENT = b"weights" * 100


def client(downloads: Downloads, user: str | None = "me") -> TestClient:
    """The routes for EDGES alone, called by `user`."""

    def current_user(request: Request) -> str | None:
        return user

    app = FastAPI()
    app.include_router(make_download_routes(downloads, {"edges": (EDGES,)}, current_user))
    return TestClient(app)


def test_a_download_is_started_followed_and_done(tmp_path: Path):
    with serving_hub() as hub:
        hub.files["who/what/a.bin"] = CONTENT
        downloads = Downloads(tmp_path, endpoint=hub.endpoint)
        browser = client(downloads)
        assert browser.get("/internal/downloads/edges").json()["state"] == "idle"
        assert hub.requests == []
        assert browser.post("/internal/downloads/edges/start").status_code == 200
        downloads.fetch(EDGES)  # waits for the one that runs
        told = browser.get("/internal/downloads/edges").json()
        assert (told["state"], told["error"]) == ("done", None)
        downloads.close()
    assert (tmp_path / "edges" / "a.bin").read_bytes() == CONTENT


def test_only_what_a_preprocessor_names_is_downloaded(tmp_path: Path):
    browser = client(Downloads(tmp_path))
    for name in ("other", "..", "%2e%2e", "edges%2F.."):
        assert browser.post(f"/internal/downloads/{name}/start").status_code == 404
    assert list(tmp_path.iterdir()) == []


def test_strangers_download_nothing(tmp_path: Path):
    stranger = client(Downloads(tmp_path), user=None)
    assert stranger.post("/internal/downloads/edges/start").status_code == 401
    assert stranger.get("/internal/downloads/edges").status_code == 401


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([], "idle"),
        (["done", "done"], "done"),
        (["done", "running"], "running"),
        (["running", "failed"], "failed"),
        (["done", "cancelled"], "cancelled"),
    ],
)
def test_downloads_that_belong_together_are_told_as_one(states: list[str], told: str):
    parts = [DownloadProgress(state=DownloadState(state), done=2, total=5) for state in states]
    described = describe([*parts, None])
    assert described["state"] == told
    assert (described["done"], described["total"]) == (2 * len(parts), 5 * len(parts))


def test_every_preprocessors_weights_can_be_named():
    preprocessors = discover().preprocessors
    known = weights_by_name(preprocessors)
    for preprocessor in preprocessors:
        assert all(weights in known[weights.name] for weights in preprocessor.weights)


def test_the_offer_names_files_repository_and_licence_and_escapes_them():
    weights = Weights(
        name='"><b>', repository="who/<i>", files=("a.bin", "b.bin"), licence="<non-commercial>"
    )
    offer = offer_html(MissingWeights("<p>It is missing.", weights))
    for text in ("a.bin, b.bin", "huggingface.co/who/&lt;i&gt;", "&lt;non-commercial&gt;"):
        assert text in offer
    for text in ("<b>", "<i>", "<p>It"):
        assert text not in offer
