"""Cards: what is found, in which order, in which folders; and which path side files begin with."""

from pathlib import Path

import pytest

from pipelines.catalog.cards import (
    Card,
    Order,
    Selection,
    cards_of_checkpoints,
    cards_of_networks,
    folders_of,
    select,
    stem_path,
)
from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks
from pipelines.catalog.scan import FolderCatalog
from tests.helpers.models import write_folder, write_single_file
from tests.helpers.network_files import write_network


def card(place: str, *, alias: str = "", created: float = 0, modified: float = 0) -> Card:
    folder, _, name = place.rpartition("/")
    return Card(
        kind=Kind.lora,
        key=name,
        name=name,
        path=Path(f"/models/{place}.safetensors"),
        folder=folder,
        alias=alias,
        created=created,
        modified=modified,
    )


INK = card("style/ink 10", alias="Sumi-e", created=3, modified=1)
OIL = card("style/ink 2", created=1, modified=3)
FOX = card("animals/deep/Fox", created=2, modified=2)
BARE = card("bare")
CARDS = (INK, OIL, FOX, BARE)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("", [BARE, FOX, OIL, INK]),
        ("ink", [OIL, INK]),
        ("INK  10", [INK]),
        ("sumi", [INK]),
        ("deep/", [FOX]),
        ("10.safetensors", [INK]),
        ("nothing", []),
    ],
)
def test_every_word_of_a_search_occurs_in_path_or_alias(search: str, found: list[Card]):
    assert select(CARDS, Selection(search=search)) == found


@pytest.mark.parametrize(
    ("folder", "found"),
    [("style", [OIL, INK]), ("animals", [FOX]), ("animals/deep", [FOX]), ("sty", [])],
)
def test_a_folder_holds_what_is_in_it_and_below(folder: str, found: list[Card]):
    assert select(CARDS, Selection(folder=folder)) == found


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (Order.by_path, [BARE, FOX, OIL, INK]),
        (Order.by_name, [BARE, FOX, OIL, INK]),
        (Order.created, [BARE, OIL, FOX, INK]),
        (Order.modified, [BARE, INK, FOX, OIL]),
    ],
)
def test_cards_have_four_orders_that_run_both_ways(order: Order, found: list[Card]):
    assert select(CARDS, Selection(order=order)) == found
    assert select(CARDS, Selection(order=order, descending=True)) == found[::-1]


def test_folders_are_listed_with_those_above_them_and_what_they_hold():
    assert folders_of(CARDS) == [("animals", 1), ("animals/deep", 1), ("style", 2)]


def test_networks_become_cards(tmp_path: Path):
    write_network(tmp_path / "style" / "ink.v2.safetensors", {"ss_output_name": "sumi"})
    write_network(tmp_path / "ink.v2.safetensors")
    (found,) = cards_of_networks(FolderNetworks([tmp_path], Kind.lora))
    assert (found.key, found.name, found.folder, found.alias, found.base) == (
        *("ink.v2", "ink.v2", "style", "sumi", "SD 1"),
    )
    assert found.others == ("ink.v2.safetensors",)
    assert stem_path(found) == tmp_path / "style" / "ink.v2"


def test_checkpoints_become_cards(tmp_path: Path):
    write_single_file(tmp_path / "real" / "v1.5.safetensors")
    write_folder(tmp_path / "tiny v1.0")
    catalog = FolderCatalog([tmp_path], [], tmp_path / "cache")
    catalog.finish_hashing()
    file, folder = cards_of_checkpoints(catalog)
    assert (file.name, file.folder, file.base) == ("v1.5", "real", "SD 1")
    assert file.key == catalog.checkpoints()[0].title
    assert stem_path(file) == tmp_path / "real" / "v1.5"
    assert (folder.name, folder.folder) == ("tiny v1.0", "")
    assert stem_path(folder) == tmp_path / "tiny v1.0"


def test_a_checkpoint_that_has_gone_still_has_a_card(tmp_path: Path):
    path = write_single_file(tmp_path / "real.safetensors")
    catalog = FolderCatalog([tmp_path], [], tmp_path / "cache")
    path.unlink()
    (found,) = cards_of_checkpoints(catalog)
    assert (found.name, found.created) == ("real", 0)
