"""Downloads, from a hub on this machine."""

import errno
import shutil
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.downloads import Downloads
from pipelines.errors import DownloadFailed
from pipelines.hub.transfer import UNFINISHED, DownloadState, Transfer
from pipelines.plugins import Weights
from tests.helpers.hub import COMMIT, Hub, serving_hub, sha256

EDGES = Weights(name="edges", repository="somebody/Edges", files=("net/edges.pth",), licence="MIT")
BOTH = Weights(
    name="both", repository="somebody/Edges", files=("config.json", "net/edges.pth"), licence="MIT"
)
CONTENT = bytes(range(256)) * 4096  # 1 MiB
KEY, CONFIG = "somebody/Edges/net/edges.pth", "somebody/Edges/config.json"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving_hub() as hub:
        hub.files = {KEY: CONTENT, CONFIG: b"{}"}
        hub.small = {CONFIG}
        yield hub


@pytest.fixture
def downloads(hub: Hub, tmp_path: Path) -> Iterator[Downloads]:
    downloads = Downloads(tmp_path, endpoint=hub.endpoint)
    yield downloads
    downloads.close()


def failure(downloads: Downloads, weights: Weights = EDGES) -> str:
    with pytest.raises(DownloadFailed) as caught:
        downloads.fetch(weights)
    progress = downloads.progress(weights)
    assert progress is not None
    assert progress.state is DownloadState.failed
    assert progress.error == str(caught.value)
    return str(caught.value)


def test_a_file_comes_whole_and_nothing_else_stays(downloads: Downloads, tmp_path: Path):
    downloads.fetch(EDGES)
    assert (tmp_path / "edges/net/edges.pth").read_bytes() == CONTENT
    assert sorted(path.name for path in (tmp_path / "edges").iterdir()) == ["net"]


def test_progress_counts_the_bytes_of_all_files(downloads: Downloads):
    assert downloads.progress(BOTH) is None
    downloads.fetch(BOTH)
    progress = downloads.progress(BOTH)
    assert progress is not None
    assert progress.state is DownloadState.done
    assert progress.done == progress.total == len(CONTENT) + 2
    assert progress.file == "net/edges.pth"


def test_all_requests_are_about_one_commit(downloads: Downloads, hub: Hub):
    downloads.fetch(EDGES)
    asked = [(method, path.split("/")[4]) for method, path, _ in hub.requests if "/net/" in path]
    assert asked[:2] == [("HEAD", "main"), ("GET", COMMIT)]


def test_what_is_there_is_not_fetched_again(downloads: Downloads, hub: Hub, tmp_path: Path):
    (tmp_path / "both").mkdir()
    (tmp_path / "both/config.json").write_bytes(b"my own")
    downloads.fetch(BOTH)
    assert (tmp_path / "both/config.json").read_bytes() == b"my own"
    assert not any("config" in path for _, path, _ in hub.requests)


def test_a_cut_is_resumed_where_it_happened(downloads: Downloads, hub: Hub, tmp_path: Path):
    hub.cuts = [300_000]
    downloads.fetch(EDGES)
    assert hub.content_requests() == [None, "bytes=300000-"]
    assert (tmp_path / "edges/net/edges.pth").read_bytes() == CONTENT


def test_a_download_that_ended_is_resumed_by_the_next_one(
    downloads: Downloads, hub: Hub, tmp_path: Path
):
    hub.cuts = [300_000, 0]
    assert "the hub cannot be reached" in failure(downloads)
    assert not (tmp_path / "edges/net").exists()
    downloads.fetch(EDGES)
    assert hub.content_requests()[-1] == "bytes=300000-"
    assert (tmp_path / "edges/net/edges.pth").read_bytes() == CONTENT


def test_a_server_without_ranges_is_begun_again(downloads: Downloads, hub: Hub, tmp_path: Path):
    hub.ignores_ranges = True
    hub.cuts = [300_000]
    downloads.fetch(EDGES)
    assert (tmp_path / "edges/net/edges.pth").read_bytes() == CONTENT
    progress = downloads.progress(EDGES)
    assert progress is not None
    assert progress.done == len(CONTENT)


@pytest.mark.parametrize(("key", "digest"), [(KEY, "a" * 64), (CONFIG, "a" * 40)])
def test_a_wrong_hash_is_refused_and_thrown_away(
    downloads: Downloads, hub: Hub, tmp_path: Path, key: str, digest: str
):
    hub.announced = {key: digest}
    assert "came damaged" in failure(downloads, BOTH)
    assert not (tmp_path / "both" / UNFINISHED / digest).exists()
    assert not (tmp_path / "both/net").exists(), "of two files, none counts before both are right"
    assert not (tmp_path / "both/config.json").exists()


def test_a_hash_that_is_none_never_becomes_a_path(downloads: Downloads, hub: Hub, tmp_path: Path):
    hub.announced = {KEY: "../../" + "a" * 58}
    assert "does not say its size and its hash" in failure(downloads)
    assert list(tmp_path.rglob("*")) == []


def test_more_bytes_than_announced_are_not_kept(
    downloads: Downloads, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    unfinished = tmp_path / "edges" / UNFINISHED
    unfinished.mkdir(parents=True)
    (unfinished / sha256(CONTENT)).write_bytes(CONTENT + b"more")
    assert "more than" in failure(downloads)
    assert list(unfinished.iterdir()) == []


def test_a_file_that_is_not_there_is_named(downloads: Downloads, hub: Hub):
    del hub.files[KEY]
    assert failure(downloads) == "somebody/Edges is not on the hub, or has no file net/edges.pth."


def test_a_repository_that_is_not_there_is_named(downloads: Downloads, hub: Hub):
    hub.files.clear()
    assert "somebody/Edges is not on the hub" in failure(downloads)


def test_a_gated_repository_says_what_to_do(downloads: Downloads, hub: Hub):
    hub.gated = {"somebody/Edges"}
    assert "accept its terms" in failure(downloads)


def test_a_token_is_shown_to_the_hub_alone(
    downloads: Downloads, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    downloads.fetch(EDGES)
    assert [path.split("/")[1] for path in hub.authorized] == ["somebody", "somebody"]


def test_a_hub_that_does_not_answer_is_no_riddle(tmp_path: Path):
    with serving_hub() as gone:
        pass
    assert "cannot be reached" in failure(Downloads(tmp_path, endpoint=gone.endpoint))


def test_a_disk_without_room_is_told_before_anything_is_fetched(
    downloads: Downloads, hub: Hub, monkeypatch: pytest.MonkeyPatch
):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1_000_000))
    assert failure(downloads) == (
        "The disk is too full for somebody/Edges: 1 MB are to come, and 1 MB are free."
    )
    assert hub.content_requests() == []


def test_a_disk_that_fills_up_meanwhile_is_told(
    downloads: Downloads, monkeypatch: pytest.MonkeyPatch
):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pipelines.hub.transfer._continue", full)
    assert "The disk is full" in failure(downloads)


def test_cancelling_ends_it_and_keeps_what_came(
    downloads: Downloads, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    count = Transfer.came

    def count_and_cancel(transfer: Transfer, number: int) -> None:
        count(transfer, number)
        downloads.cancel(EDGES)

    with monkeypatch.context() as patched:
        patched.setattr(Transfer, "came", count_and_cancel)
        with pytest.raises(DownloadFailed, match="was cancelled"):
            downloads.fetch(EDGES)
    cancelled = downloads.progress(EDGES)
    assert cancelled is not None
    assert cancelled.state is DownloadState.cancelled
    assert not (tmp_path / "edges/net").exists()
    kept = (tmp_path / "edges" / UNFINISHED / sha256(CONTENT)).stat().st_size
    assert kept > 0
    downloads.fetch(EDGES)
    assert hub.content_requests()[-1] == f"bytes={kept}-"
    assert (tmp_path / "edges/net/edges.pth").read_bytes() == CONTENT


def test_starting_twice_downloads_once(downloads: Downloads, hub: Hub):
    hub.on_bytes = threading.Event()
    downloads.start(EDGES)
    downloads.start(EDGES)
    hub.on_bytes.set()
    downloads.fetch(EDGES)
    assert len(hub.content_requests()) == 1
