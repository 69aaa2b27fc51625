"""The Models tab's handlers, what they show, and the routes by which downloads are followed."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from fastapi import FastAPI, Request
from starlette.testclient import TestClient

import app
from pipelines.catalog.folders import Kind
from pipelines.catalog.scan import FolderCatalog
from pipelines.errors import InvalidRequest
from pipelines.hub.client import Found, Hub, Repository, StoredFile
from pipelines.hub.downloads import Download, ModelDownloads
from pipelines.hub.entries import entries_of
from pipelines.hub.places import ModelPlaces
from pipelines.hub.transfer import DownloadState
from tests.helpers.hub import COMMIT, serving_hub
from tests.helpers.hub import Hub as FakeHub
from tests.helpers.page import SlowPainter, make_context
from tests.helpers.repositories import (
    CHECKPOINT,
    CHECKPOINT_FILE,
    LORA,
    LORA_FILE,
    PIPELINE,
    VAE,
    VAE_FILE,
    fill,
)
from ui.api.models import make_model_routes
from ui.cli import Options, parse
from ui.context import Context
from ui.form_events import FormEvents
from ui.models_events import ModelsEvents, Shown
from ui.models_html import MOST_ENTRIES, files_html, installed_html, places_html, results_html
from ui.vae_events import VaeEvents


@dataclass(frozen=True, kw_only=True)
class Tab:
    """The handlers, and what is behind them."""

    events: ModelsEvents
    context: Context
    fake: FakeHub

    @property
    def downloads(self) -> ModelDownloads:
        """What fetches."""
        assert self.context.model_downloads is not None
        return self.context.model_downloads

    def fetch(self, name: str, key: str, kind: str) -> Download:
        """Press Download, and wait for the end."""
        shown = self.events.download(choice(name, key), kind)
        assert "has begun" in shown.message, shown.message
        (download,) = self.downloads.listed()
        transfer = self.downloads._tasks[download.id].transfer
        assert transfer is not None
        transfer.thread.join(20)
        (download,) = self.downloads.listed()
        assert download.progress.state is DownloadState.done, download.progress.error
        return download


def choice(name: str, key: str) -> str:
    """What the page's script says was chosen."""
    return json.dumps({"repository": name, "commit": COMMIT, "key": key})


def events_of(context: Context) -> ModelsEvents:
    return ModelsEvents(context, FormEvents(context), VaeEvents(context))


@pytest.fixture
def tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tab]:
    for name in ("HF_TOKEN", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    context = make_context(tmp_path, SlowPainter())
    with serving_hub() as fake:
        fill(fake)
        assert context.model_downloads is not None
        context.model_downloads.hub = Hub(endpoint=fake.endpoint)
        yield Tab(events=events_of(context), context=context, fake=fake)
        context.model_downloads.close()
        context.engine.close()


def offers(shown: Shown) -> bool:
    """Whether there is something to press Download for."""
    return bool(shown.about)


def test_a_search_lists_what_there_is(tab: Tab):
    shown = tab.events.search("style")
    assert f'data-repository="{LORA}"' in shown.results
    for text in ("1,234", "mit", "open", "2024-05-31"):
        assert text in shown.results
    assert not offers(shown)
    assert "Nothing was found" in tab.events.search("no such thing").results


def test_a_repository_that_was_named_is_opened_at_once(tab: Tab):
    for typed in (LORA, f"https://huggingface.co/{LORA}"):
        shown = tab.events.search(typed)
        assert LORA_FILE in shown.files
        assert (shown.kind, offers(shown)) == ("LoRA", True)
        assert f"as {LORA_FILE}" in shown.about
        assert "SD 1" in shown.about


def test_a_link_to_a_file_chooses_that_file(tab: Tab):
    tab.fake.files[f"{LORA}/a_first.safetensors"] = b"x"
    shown = tab.events.search(f"https://huggingface.co/{LORA}/blob/main/{LORA_FILE}")
    assert f'value="{LORA_FILE}" checked' in shown.files
    shown = tab.events.search(f"https://huggingface.co/{LORA}/blob/main/README.md")
    assert "is no model that Redraw could use" in shown.message


def test_what_is_chosen_from_the_list_stays_beside_the_list(tab: Tab):
    shown = tab.events.open(PIPELINE)
    assert "value" not in shown.results
    assert "diffusers folder, half precision (fp16)" in shown.files
    assert (shown.kind, offers(shown)) == ("checkpoint", True)


def test_a_pickle_is_shown_and_refused(tab: Tab):
    shown = tab.events.pick(choice(PIPELINE, "v1-pruned.ckpt"))
    assert "--allow-pickle" in shown.message
    assert not offers(shown)
    assert (
        "--allow-pickle" in tab.events.download(choice(PIPELINE, "v1-pruned.ckpt"), "LoRA").message
    )
    assert tab.downloads.listed() == ()


def test_another_kind_is_another_folder(tab: Tab, tmp_path: Path):
    shown = tab.events.change_kind(choice(LORA, LORA_FILE), "ControlNet")
    assert str(tmp_path / "models" / "ControlNet") in shown.about
    shown = tab.events.change_kind(choice(PIPELINE, "model_index.json"), "VAE")
    assert "is a whole checkpoint, and no VAE" in shown.about


@pytest.mark.parametrize(
    "told",
    [
        "",
        "not json",
        "[]",
        "{}",
        json.dumps({"repository": LORA, "commit": "main", "key": LORA_FILE}),
        choice(LORA, "nothing"),
        None,
    ],
)
def test_a_choice_that_is_none_is_refused(tab: Tab, told: object):
    assert "Choose a file first." in tab.events.pick(told).message
    assert 'class="error"' in tab.events.download(told, "LoRA").message
    assert tab.downloads.listed() == ()


def test_a_kind_that_is_none_is_refused(tab: Tab):
    assert (
        "no kind of model" in tab.events.download(choice(LORA, LORA_FILE), "preprocessor").message
    )


def test_what_is_there_already_is_said_before_the_download(tab: Tab, tmp_path: Path):
    there = tmp_path / "models" / "Lora" / LORA_FILE
    there.parent.mkdir(parents=True)
    there.write_bytes(b"mine")
    assert f"There is a {LORA_FILE} already" in tab.events.search(LORA).about
    assert "is kept as it is" in tab.events.download(choice(LORA, LORA_FILE), "LoRA").message


def test_terms_are_told_when_a_repository_is_opened(tab: Tab):
    tab.fake.gated = {LORA}
    shown = tab.events.search(LORA)
    assert f"https://huggingface.co/{LORA}" in shown.message
    assert "HF_TOKEN" in shown.message
    assert "terms to accept" in shown.files


def test_without_a_network_the_page_says_what_else_can_be_done(tmp_path: Path):
    context = make_context(tmp_path, SlowPainter())
    shown = events_of(context).search("anything")
    assert "Hugging Face cannot be reached." in shown.message
    assert "by hand" in shown.message
    context.engine.close()


def test_a_downloaded_lora_is_listed_and_its_tag_goes_into_the_prompt(tab: Tab):
    download = tab.fetch(LORA, LORA_FILE, "LoRA")
    assert "<td>style</td><td>SD 1</td>" in tab.events.installed()
    updates, message = tab.events.use(download.id, "a cat ", 512, 512)
    assert (updates, message) == ({"prompt": "a cat <lora:style:1>"}, "")


def test_a_downloaded_vae_is_chosen(tab: Tab):
    context = replace(tab.context, catalog=catalog_with_vaes(tab.context))
    download = tab.fetch(VAE, VAE_FILE, "VAE")
    updates, message = events_of(context).use(download.id, "", 512, 512)
    assert message == ""
    assert updates["vae"]["value"] == context.settings.current.sd_vae == "Colours.safetensors"


def catalog_with_vaes(context: Context) -> FolderCatalog:
    """Those that are found in the models folder."""
    return FolderCatalog([], context.places.folders[Kind.vae], context.data_dir / "cache")


def test_a_downloaded_checkpoint_is_chosen(tab: Tab):
    download = tab.fetch(CHECKPOINT, CHECKPOINT_FILE, "checkpoint")
    updates, message = tab.events.use(download.id, "", 256, 256)
    assert message == ""
    assert updates["checkpoint"]["value"].startswith("painter [")
    assert tab.context.settings.current.sd_model_checkpoint == updates["checkpoint"]["value"]


def test_what_is_not_there_yet_cannot_be_used(tab: Tab):
    tab.fake.on_bytes = threading.Event()
    tab.events.download(choice(LORA, LORA_FILE), "LoRA")
    (download,) = tab.downloads.listed()
    for number in (download.id, "0" * 16, None):
        assert "is not there yet" in tab.events.use(number, "", 512, 512)[1]
    tab.fake.on_bytes.set()


def test_where_downloads_are_off_no_handler_asks_anybody(tab: Tab):
    events = events_of(replace(tab.context, model_downloads=None))
    handlers: tuple[Callable[[], Shown], ...] = (
        lambda: events.search(LORA),
        lambda: events.open(LORA),
        lambda: events.pick(choice(LORA, LORA_FILE)),
        lambda: events.change_kind(choice(LORA, LORA_FILE), "LoRA"),
        lambda: events.download(choice(LORA, LORA_FILE), "LoRA"),
    )
    for handler in handlers:
        assert "Downloads are off" in handler().message
    with pytest.raises(InvalidRequest):
        events.use("0" * 16, "", 512, 512)
    assert tab.fake.requests == []


@pytest.mark.parametrize(
    ("flags", "allowed"),
    [
        ([], True),
        (["--listen", "--insecure"], False),
        (["--listen", "--insecure", "--allow-remote-downloads"], True),
        (["--subpath", "/redraw"], False),
    ],
)
def test_others_than_this_machine_fetch_nothing_unless_a_flag_allows_it(
    tmp_path: Path, flags: list[str], allowed: bool
):
    options = parse(flags, default_dir=tmp_path, environment={})
    context, _ = app.build_context(options)
    assert (context.model_downloads is not None) is allowed
    context.engine.close()


def test_others_than_this_machine_are_not_told_where_its_folders_lie(tmp_path: Path):
    context = make_context(tmp_path, SlowPainter())
    for options, told in (
        (Options(data_dir=tmp_path), True),
        (Options(data_dir=tmp_path, server_name="0.0.0.0"), False),
        (Options(data_dir=tmp_path, hide_ui_dir_config=True), False),
    ):
        places = app.with_models(context, options, [tmp_path / "models"]).places
        assert (str(tmp_path) in places_html(places, allow_pickles=False)) is told
        assert "models/Lora" in places_html(places, allow_pickles=False)
    context.engine.close()


def test_the_table_of_folders_names_pickles_only_where_they_are_opened():
    vaes = "<td>.ckpt, .pt, .safetensors</td>"
    assert vaes not in places_html(ModelPlaces(), allow_pickles=False)
    assert vaes in places_html(ModelPlaces(), allow_pickles=True)
    # Of a control model, nothing but tensors is ever read.
    assert ".pth, .safetensors or a diffusers" in places_html(ModelPlaces(), allow_pickles=False)


def test_names_from_the_hub_are_escaped():
    evil = "<img src=x onerror=alert(1)>\"'"
    repository = Repository(
        name="a/b",
        commit=COMMIT,
        licence=evil,
        gated=False,
        tags=(),
        files=(StoredFile(path=f"{evil}.safetensors", size=1, digest="a" * 64),),
    )
    found = Found(name=evil, downloads=1, licence=evil, gated=False, updated=evil)
    for html in (results_html([found]), files_html(repository, entries_of(repository), "")):
        assert "<img" not in html
        assert "\"'" not in html.replace("=\"'", "")


def test_a_repository_with_thousands_of_files_is_cut_short():
    files = tuple(
        StoredFile(path=f"{number}.safetensors", size=1, digest="a" * 64) for number in range(2000)
    )
    repository = Repository(
        name="a/b", commit=COMMIT, licence="", gated=False, tags=(), files=files
    )
    html = files_html(repository, entries_of(repository), "")
    assert html.count("<label") == MOST_ENTRIES
    assert "1700 more are not listed" in html


def test_an_empty_machine_has_an_empty_table():
    assert "There are none" in installed_html([])


def client(downloads: ModelDownloads | None, user: str | None = "me") -> TestClient:
    """The routes, called by `user`."""

    def current_user(request: Request) -> str | None:
        return user

    server = FastAPI()
    server.include_router(make_model_routes(downloads, current_user))
    return TestClient(server)


def test_a_download_is_followed_removed_and_gone(tab: Tab):
    browser = client(tab.downloads)
    assert browser.get("/internal/models/downloads").json() == {"downloads": [], "error": None}
    download = tab.fetch(LORA, LORA_FILE, "LoRA")
    (told,) = browser.get("/internal/models/downloads").json()["downloads"]
    assert told["state"] == "done"
    assert told["done"] == told["total"] > 0
    assert (told["name"], told["kind"], told["repository"]) == (LORA_FILE, "LoRA", LORA)
    path = f"/internal/models/downloads/{download.id}"
    assert browser.post(f"{path}/cancel").status_code == 200
    assert browser.post(f"{path}/remove").json()["downloads"] == []
    assert browser.post(f"{path}/remove").status_code == 404


def test_going_on_tells_why_not(tab: Tab, tmp_path: Path):
    tab.fake.announced = {f"{LORA}/{LORA_FILE}": "a" * 64}
    tab.events.download(choice(LORA, LORA_FILE), "LoRA")
    (download,) = tab.downloads.listed()
    transfer = tab.downloads._tasks[download.id].transfer
    assert transfer is not None
    transfer.thread.join(20)
    download.path.write_bytes(b"mine")
    answer = client(tab.downloads).post(f"/internal/models/downloads/{download.id}/resume").json()
    assert "is kept as it is" in answer["error"]
    assert answer["downloads"][0]["state"] == "failed"


def test_strangers_see_and_press_nothing(tab: Tab):
    stranger = client(tab.downloads, user=None)
    assert stranger.get("/internal/models/downloads").status_code == 401
    assert stranger.post(f"/internal/models/downloads/{'0' * 16}/resume").status_code == 401


def test_where_downloads_are_off_there_are_none():
    browser = client(None)
    assert browser.get("/internal/models/downloads").json()["downloads"] == []
    assert browser.post(f"/internal/models/downloads/{'0' * 16}/resume").status_code == 404
