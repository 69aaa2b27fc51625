"""Models from a hub on this machine into folders of models."""

import shutil
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from pipelines.catalog.folders import Kind
from pipelines.errors import DownloadFailed
from pipelines.hub import downloads as module
from pipelines.hub.client import Hub
from pipelines.hub.downloads import Download, ModelDownloads
from pipelines.hub.entries import entries_of
from pipelines.hub.orders import Order, make_order
from pipelines.hub.transfer import SPARE, UNFINISHED, DownloadState, Transfer
from tests.helpers.hub import Hub as FakeHub
from tests.helpers.hub import sha256
from tests.helpers.repositories import LORA, LORA_CONTENT, LORA_FILE, PIPELINE, PIPELINE_FILES
from tests.pipelines.hub.conftest import make_downloads

KEY = f"{LORA}/{LORA_FILE}"


class Noticing(list[tuple[str, str, str | None]]):
    """Requests, of which the first for content is made known."""

    def __init__(self, noticed: threading.Event) -> None:
        super().__init__()
        self._noticed = noticed

    def append(self, request: tuple[str, str, str | None]) -> None:
        """As a list does."""
        super().append(request)
        if "/blob/" in request[1]:
            self._noticed.set()


def order_of(hub: Hub, name: str = LORA, kind: Kind = Kind.lora, entry: int = 0) -> Order:
    repository = hub.repository(name)
    return make_order(repository, entries_of(repository)[entry], kind)


def finish(downloads: ModelDownloads, order: Order) -> Download:
    """Start it, wait for its end, and give what it has become."""
    downloads.start(order)
    return wait(downloads, order)


def wait(downloads: ModelDownloads, order: Order) -> Download:
    transfer = downloads._tasks[order.id].transfer
    assert transfer is not None
    transfer.thread.join(20)
    found = downloads.find(order.id)
    assert found is not None
    return found


def failure(downloads: ModelDownloads, order: Order) -> str:
    found = finish(downloads, order)
    assert found.progress.state is DownloadState.failed
    return found.progress.error or ""


def cancel_midway(downloads: ModelDownloads, order: Order) -> None:
    """Start it, and cancel it as soon as the first bytes are written."""
    count = Transfer.came

    def count_and_cancel(transfer: Transfer, number: int) -> None:
        count(transfer, number)
        downloads.cancel(order.id)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Transfer, "came", count_and_cancel)
        assert finish(downloads, order).progress.state is DownloadState.cancelled


def test_a_file_comes_whole_into_the_folder_of_its_kind(
    downloads: ModelDownloads, hub: Hub, tmp_path: Path
):
    found = finish(downloads, order_of(hub))
    assert found.progress.state is DownloadState.done
    assert found.path == tmp_path / "models/Lora" / LORA_FILE
    assert found.path.read_bytes() == LORA_CONTENT
    assert [path.name for path in found.path.parent.iterdir()] == [LORA_FILE]
    assert found.progress.done == found.progress.total == len(LORA_CONTENT)


def test_a_pipeline_comes_as_a_folder_with_what_is_needed(downloads: ModelDownloads, hub: Hub):
    found = finish(downloads, order_of(hub, PIPELINE, Kind.checkpoint))
    assert found.progress.error is None
    there = {
        path.relative_to(found.path).as_posix(): path.read_bytes()
        for path in found.path.rglob("*")
        if path.is_file()
    }
    assert there["unet/diffusion_pytorch_model.safetensors"] == b"unet, full"
    assert {path: PIPELINE_FILES[path] for path in there} == there
    assert len(there) == 10
    assert [path.name for path in found.path.parent.iterdir()] == ["Whole-Model"]


def test_files_that_are_alike_are_fetched_once(downloads: ModelDownloads, hub: Hub, fake: FakeHub):
    finish(downloads, order_of(hub, PIPELINE, Kind.checkpoint))
    # Four configurations and the vocabulary say "{}".
    fetched = [path for method, path, _ in fake.requests if "/resolve/" in path]
    assert len(fetched) == 6


def test_whoever_waits_for_new_models_is_told(hub: Hub, tmp_path: Path):
    told: list[Kind] = []
    downloads = ModelDownloads(hub, {Kind.lora: tmp_path}, tmp_path, finished=told.append)
    finish(downloads, order_of(hub))
    assert told == [Kind.lora]


def test_a_list_that_cannot_be_renewed_makes_no_failure_of_a_success(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    def fail(kind: Kind) -> None:
        raise OSError("gone")

    downloads = ModelDownloads(hub, {Kind.lora: tmp_path}, tmp_path, finished=fail)
    assert finish(downloads, order_of(hub)).progress.state is DownloadState.done
    assert "could not be renewed" in caplog.text


def test_what_is_there_is_kept(downloads: ModelDownloads, hub: Hub, tmp_path: Path, fake: FakeHub):
    mine = tmp_path / "models/Lora" / LORA_FILE
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my own")
    with pytest.raises(DownloadFailed, match=r"style\.safetensors is already in Lora, and is kept"):
        downloads.start(order_of(hub))
    assert mine.read_bytes() == b"my own"
    assert fake.content_requests() == []


def test_what_came_there_meanwhile_is_kept_too(
    downloads: ModelDownloads, hub: Hub, tmp_path: Path, fake: FakeHub
):
    order = order_of(hub)
    fake.on_bytes = threading.Event()
    downloads.start(order)
    (tmp_path / "models/Lora" / LORA_FILE).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "models/Lora" / LORA_FILE).write_bytes(b"my own")
    fake.on_bytes.set()
    assert "is kept as it is" in (wait(downloads, order).progress.error or "")
    assert (tmp_path / "models/Lora" / LORA_FILE).read_bytes() == b"my own"


def test_a_cancelled_download_goes_on_where_it_was(
    downloads: ModelDownloads, hub: Hub, tmp_path: Path, fake: FakeHub
):
    order = order_of(hub)
    cancel_midway(downloads, order)
    kept = tmp_path / "models/Lora" / UNFINISHED / sha256(LORA_CONTENT)
    assert not (tmp_path / "models/Lora" / LORA_FILE).exists()
    came = kept.stat().st_size
    assert came > 0
    downloads.resume(order.id)
    assert wait(downloads, order).path.read_bytes() == LORA_CONTENT
    assert fake.content_requests()[-1] == f"bytes={came}-"


def test_after_a_restart_it_is_still_listed_and_goes_on(
    downloads: ModelDownloads, hub: Hub, tmp_path: Path
):
    order = order_of(hub)
    cancel_midway(downloads, order)
    downloads.close()
    again = make_downloads(hub, tmp_path)
    (listed,) = again.listed()
    assert listed.progress.state is DownloadState.cancelled
    assert 0 < listed.progress.done <= listed.progress.total == len(LORA_CONTENT)
    again.resume(listed.id)
    assert wait(again, order).path.read_bytes() == LORA_CONTENT
    assert make_downloads(hub, tmp_path).listed() == ()


def test_a_list_that_cannot_be_read_is_begun_anew(
    hub: Hub, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / module.RECORD).write_text('[{"target": "../../x"}]')
    assert make_downloads(hub, tmp_path).listed() == ()
    assert "cannot be read" in caplog.text


def test_removing_throws_away_what_came(downloads: ModelDownloads, hub: Hub, tmp_path: Path):
    order = order_of(hub)
    cancel_midway(downloads, order)
    downloads.remove(order.id)
    assert downloads.listed() == ()
    assert list((tmp_path / "models/Lora").iterdir()) == []


def test_removing_a_whole_one_leaves_the_model(downloads: ModelDownloads, hub: Hub):
    found = finish(downloads, order_of(hub))
    downloads.remove(found.id)
    assert downloads.listed() == ()
    assert found.path.is_file()


def test_a_running_one_cannot_be_removed(downloads: ModelDownloads, hub: Hub, fake: FakeHub):
    order = order_of(hub)
    fake.on_bytes = threading.Event()
    downloads.start(order)
    downloads.remove(order.id)
    fake.on_bytes.set()
    assert wait(downloads, order).progress.state is DownloadState.done


def test_starting_twice_downloads_once(downloads: ModelDownloads, hub: Hub, fake: FakeHub):
    order = order_of(hub)
    fake.on_bytes = threading.Event()
    downloads.start(order)
    downloads.start(order)
    fake.on_bytes.set()
    wait(downloads, order)
    assert len(fake.content_requests()) == 1


def test_only_so_many_run_at_once(
    downloads: ModelDownloads, hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "MAX_RUNNING", 1)
    order = order_of(hub)
    fake.on_bytes = threading.Event()
    downloads.start(order)
    with pytest.raises(DownloadFailed, match="wait for one"):
        downloads.start(order_of(hub, PIPELINE, Kind.checkpoint))
    fake.on_bytes.set()
    wait(downloads, order)


def test_a_wrong_hash_never_gets_the_models_name(
    downloads: ModelDownloads, hub: Hub, fake: FakeHub, tmp_path: Path
):
    fake.announced = {KEY: "a" * 64}
    assert "came damaged" in failure(downloads, order_of(hub))
    assert [path.name for path in (tmp_path / "models/Lora").iterdir()] == [UNFINISHED]


def test_a_gated_repository_says_what_to_do(downloads: ModelDownloads, hub: Hub, fake: FakeHub):
    order = order_of(hub)
    fake.gated = {LORA}
    sentence = failure(downloads, order)
    assert f"do so at https://huggingface.co/{LORA}" in sentence
    assert "HF_TOKEN" in sentence


def test_a_full_disk_is_told_before_anything_is_fetched(
    downloads: ModelDownloads, hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch
):
    order = order_of(hub)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 1_000_000))
    assert failure(downloads, order) == (
        f"The disk is too full for {LORA}: 301 kB are to come, and 1 MB are free."
    )
    assert fake.content_requests() == []


def test_what_others_still_need_is_not_free(
    downloads: ModelDownloads, hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch
):
    lora = order_of(hub)
    twin = make_order(hub.repository(LORA), entries_of(hub.repository(LORA))[0], Kind.checkpoint)
    usage = namedtuple("usage", "total used free")
    room = len(LORA_CONTENT) + SPARE + len(LORA_CONTENT) // 4
    fake.on_bytes = threading.Event()
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 0, room))
    under_way = threading.Event()
    fake.requests = Noticing(under_way)
    downloads.start(lora)
    assert under_way.wait(20)
    assert "The disk is too full" in failure(downloads, twin)
    fake.on_bytes.set()
    assert wait(downloads, lora).progress.state is DownloadState.done
