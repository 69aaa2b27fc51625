"""The routes of cards: pages, details, previews, names; and what they keep to themselves."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from PIL import Image
from starlette.testclient import TestClient

from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks
from pipelines.catalog.scan import FolderCatalog
from pipelines.engine.engine import Engine
from pipelines.prompting.wildcards import WildcardFolders
from pipelines.settings_store import SettingsStore
from pipelines.styles import StyleBook
from tests.helpers.models import write_single_file
from tests.helpers.network_files import write_network
from tests.helpers.rig import SteeredRun
from ui.api.networks import make_network_routes
from ui.context import Context
from ui.network_cards import INSERTS, PAGES, NetworkCards
from ui.panels.extra_networks import TITLES

TAGS = {"ss_tag_frequency": json.dumps({"a": {"ink": 3}}), "ss_resolution": "512x512"}


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    engine = Engine(SteeredRun())
    yield Context(
        engine=engine,
        catalog=FolderCatalog([tmp_path / "Stable-diffusion"], [], tmp_path / "cache"),
        styles=StyleBook(tmp_path / "styles.csv"),
        settings=SettingsStore(tmp_path / "config.json"),
        data_dir=tmp_path,
        count_tokens=lambda texts, checkpoint: None,
        version="0",
        loras=FolderNetworks([tmp_path / "Lora"], Kind.lora),
        embeddings=FolderNetworks([tmp_path / "embeddings"], Kind.embedding),
        wildcards=WildcardFolders([tmp_path / "wildcards"]),
    )
    engine.close()


def client(context: Context, *, user: str | None = "somebody", links: bool = True) -> TestClient:
    def current_user(request: Request) -> str | None:
        return user

    app = FastAPI()
    app.include_router(make_network_routes(NetworkCards(context, follow_links=links), current_user))
    return TestClient(app)


def get(context: Context, path: str, **query: str | int) -> Any:
    answer = client(context).get(f"/internal/networks/{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def insert(context: Context, name: str) -> dict[str, str] | None:
    cards = get(context, "lora/cards")["cards"]
    return next(card["insert"] for card in cards if card["name"] == name)


def test_every_page_has_a_title_and_a_kind_of_click():
    assert list(TITLES) == list(PAGES)
    assert set(INSERTS) == set(PAGES.values())


def test_cards_come_page_by_page(context: Context, tmp_path: Path):
    for number in range(5):
        write_network(tmp_path / "Lora" / "style" / f"ink {number}.safetensors")
    first = get(context, "lora/cards", count=2, search="ink")
    assert (first["total"], first["found"], first["folders"]) == (5, 5, [["style", 5]])
    assert [card["name"] for card in first["cards"]] == ["ink 0", "ink 1"]
    later = get(context, "lora/cards", count=2, start=4, order="Name", descending=True)
    assert [card["name"] for card in later["cards"]] == ["ink 0"]


def test_a_card_of_a_lora_puts_its_tag_and_activation_text_into_the_prompt(
    context: Context, tmp_path: Path
):
    write_network(tmp_path / "Lora" / "v3.safetensors", {"ss_output_name": "ink"})
    (tmp_path / "Lora" / "v3.json").write_text(
        '{"activation text": "sumi-e", "preferred weight": 0.7, "negative text": "colour"}'
    )
    assert insert(context, "v3") == {
        "text": "<lora:ink:0.7>",
        "more": "sumi-e",
        "negative": "(colour:1)",
        "separator": " ",
    }


def test_the_setting_says_by_which_name_a_tag_calls_a_lora(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "v3.safetensors", {"ss_output_name": "ink"})
    context.settings.change({"lora_preferred_name": "Filename"})
    found = insert(context, "v3")
    assert found is not None
    assert found["text"] == "<lora:v3:1>"


def test_without_notes_the_settings_give_the_multiplier(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "ink.safetensors")
    context.settings.change({"extra_networks_default_multiplier": 0.85})
    found = insert(context, "ink")
    assert found is not None
    assert found["text"] == "<lora:ink:0.85>"


def test_an_alias_that_others_have_is_not_used(context: Context, tmp_path: Path):
    for name in ("a", "b"):
        write_network(tmp_path / "Lora" / f"{name}.safetensors", {"ss_output_name": "ink"})
    found = insert(context, "b")
    assert found is not None
    assert found["text"] == "<lora:b:1>"


def test_a_name_that_no_tag_can_hold_is_said_on_its_card(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "a>b.safetensors")
    write_network(tmp_path / "Lora" / "c<d.safetensors", {"ss_output_name": "good"})
    told, other = get(context, "lora/cards")["cards"]
    assert told["insert"] is None
    assert "rename it" in told["warning"]
    assert (other["insert"]["text"], other["warning"]) == ("<lora:good:1>", "")
    assert get(context, "names")["loras"] == [["good", "c<d"]]


def test_a_name_with_colons_is_used_where_no_shorter_one_is_a_file(
    context: Context, tmp_path: Path
):
    write_network(tmp_path / "Lora" / "ink:v2.safetensors")
    found = insert(context, "ink:v2")
    assert found is not None
    assert found["text"] == "<lora:ink:v2:1>"
    write_network(tmp_path / "Lora" / "ink.safetensors")
    context.loras.refresh()
    assert insert(context, "ink:v2") is None


def test_an_embedding_is_named_and_a_checkpoint_chosen(context: Context, tmp_path: Path):
    write_network(tmp_path / "embeddings" / "fox.safetensors", shapes={"emb_params": (1, 768)})
    write_single_file(tmp_path / "Stable-diffusion" / "v1.safetensors")
    context.catalog.refresh()
    (fox,) = get(context, "textual_inversion/cards")["cards"]
    assert (fox["insert"]["text"], fox["base"]) == ("fox", "SD 1")
    checkpoints = get(context, "checkpoints/cards")["cards"]
    (checkpoint,) = context.catalog.checkpoints()
    assert [card["insert"] for card in checkpoints] == [{"checkpoint": checkpoint.title}]


def test_names_to_complete_are_those_of_tags(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "v3.safetensors", {"ss_output_name": "ink"})
    write_network(tmp_path / "Lora" / "oil.safetensors")
    write_network(tmp_path / "embeddings" / "fox.safetensors")
    (tmp_path / "wildcards").mkdir()
    (tmp_path / "wildcards" / "Colour.txt").write_text("red")
    names = get(context, "names")
    assert names["loras"] == [["oil", ""], ["ink", "v3"]]
    assert names["embeddings"] == ["fox"]
    assert names["wildcards"] == ["colour"]
    assert names["multiplier"] == "1"


def test_details_tell_what_header_and_notes_say(context: Context, tmp_path: Path):
    path = write_network(tmp_path / "Lora" / "ink.safetensors", TAGS)
    (tmp_path / "Lora" / "ink.txt").write_text("Ink on paper.")
    details = get(context, "lora/details", key="ink")
    assert details["facts"] == [["Resolution", "512x512"]]
    assert details["tags"] == [["ink", 3]]
    assert details["description"] == "Ink on paper."
    assert (details["file"], details["bytes"]) == ("ink.safetensors", path.stat().st_size)


def test_details_of_broken_files_and_pickles_are_short(context: Context, tmp_path: Path):
    (tmp_path / "Lora").mkdir()
    (tmp_path / "Lora" / "cut.safetensors").write_bytes(b"cut")
    (tmp_path / "Lora" / "old.pt").write_bytes(b"")
    assert get(context, "lora/details", key="cut")["facts"] == []
    assert "is a Python pickle" in get(context, "lora/details", key="old")["warning"]


def test_previews_are_served_small_and_may_be_kept(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "ink.safetensors")
    Image.new("RGB", (900, 900)).save(tmp_path / "Lora" / "ink.preview.png")
    (card,) = get(context, "lora/cards")["cards"]
    assert card["preview"]
    answer = client(context).get("/internal/networks/lora/preview", params={"key": "ink"})
    assert answer.headers["content-type"] == "image/jpeg"
    assert "max-age" in answer.headers["cache-control"]


def test_only_keys_of_the_catalogue_find_a_file(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "ink.safetensors", {"ss_output_name": "alias"})
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    for key in ("../secret", str(tmp_path / "secret"), "INK", "alias", "", "ink.safetensors"):
        for route in ("preview", "details"):
            answer = client(context).get(f"/internal/networks/lora/{route}", params={"key": key})
            assert answer.status_code == 404, (route, key)


def test_a_preview_that_is_a_link_is_for_this_machine_alone(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "ink.safetensors")
    Image.new("RGB", (9, 9)).save(tmp_path / "secret.png")
    (tmp_path / "Lora" / "ink.png").symlink_to(tmp_path / "secret.png")
    for links, status in ((True, 200), (False, 404)):
        answer = client(context, links=links).get("/internal/networks/lora/preview?key=ink")
        assert answer.status_code == status


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"\x89PNG\r\n\x1a\n"])
def test_a_preview_that_is_no_picture_is_missing(context: Context, tmp_path: Path, content: bytes):
    write_network(tmp_path / "Lora" / "ink.safetensors")
    (tmp_path / "Lora" / "ink.png").write_bytes(content)
    answer = client(context).get("/internal/networks/lora/preview?key=ink")
    assert answer.status_code == 404


def test_refreshing_finds_new_files(context: Context, tmp_path: Path):
    write_network(tmp_path / "Lora" / "ink.safetensors")
    assert get(context, "lora/cards")["total"] == 1
    write_network(tmp_path / "Lora" / "deep" / "oil.safetensors")
    assert client(context).post("/internal/networks/lora/refresh").status_code == 200
    assert get(context, "lora/cards")["total"] == 2
    assert client(context).post("/internal/networks/checkpoints/refresh").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["wrong/cards", "lora/cards?count=1000", "lora/cards?start=-1", "lora/cards?order=Size"],
)
def test_what_makes_no_sense_is_refused(context: Context, path: str):
    assert client(context).get(f"/internal/networks/{path}").status_code in (404, 422)


@pytest.mark.parametrize(
    "path", ["names", "lora/cards", "lora/preview?key=x", "lora/details?key=x"]
)
def test_nobody_gets_anything_without_a_login(context: Context, path: str):
    assert client(context, user=None).get(f"/internal/networks/{path}").status_code == 401
