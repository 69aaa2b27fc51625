"""What an order may say: everything in it becomes a path or an address."""

from dataclasses import replace

import pytest

from pipelines.catalog.folders import Kind
from pipelines.errors import InvalidRequest
from pipelines.hub.client import Hub, StoredFile
from pipelines.hub.entries import entries_of
from pipelines.hub.orders import Order, make_order, read_order, record_of
from tests.helpers.repositories import LORA, PIPELINE

ORDER = Order(
    repository="owner/name",
    commit="c" * 40,
    kind=Kind.lora,
    target="x.safetensors",
    is_folder=False,
    files=(StoredFile(path="a/x.safetensors", size=3, digest="a" * 64),),
)


def test_an_order_is_read_back_as_it_was_written():
    assert read_order(record_of(ORDER)) == ORDER


@pytest.mark.parametrize("record", [None, [], {}, {**record_of(ORDER), "files": [["a"]]}])
def test_a_damaged_record_is_refused(record: object):
    with pytest.raises(InvalidRequest):
        read_order(record)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("repository", "../name"),
        ("commit", "main"),
        ("kind", Kind.preprocessor),
        ("target", "../x.safetensors"),
        ("target", ".hidden"),
        ("target", ""),
        ("files", ()),
        ("files", (StoredFile(path="../x", size=3, digest="a" * 64),)),
        ("files", (StoredFile(path="x", size=3, digest="../x"),)),
        ("files", ORDER.files * 2),
    ],
)
def test_what_could_lead_elsewhere_is_refused(field: str, value: object):
    with pytest.raises(InvalidRequest, match="is refused"):
        replace(ORDER, **{field: value})


def test_two_files_of_a_folder_may_not_be_one_on_any_disk():
    files = [StoredFile(path=path, size=1, digest="a" * 64) for path in ("vae/a", "VAE/A")]
    with pytest.raises(InvalidRequest, match="is refused"):
        replace(ORDER, is_folder=True, files=tuple(files))


def test_orders_for_different_things_have_different_ids():
    assert ORDER.id != replace(ORDER, kind=Kind.vae).id
    assert ORDER.id == read_order(record_of(ORDER)).id


def test_a_folder_is_a_checkpoint_and_nothing_else(hub: Hub):
    repository = hub.repository(PIPELINE)
    folder = entries_of(repository)[0]
    assert make_order(repository, folder, Kind.checkpoint).is_folder
    with pytest.raises(InvalidRequest, match="is a whole checkpoint, and no LoRA"):
        make_order(repository, folder, Kind.lora)


def test_a_file_must_end_as_its_kind_does(hub: Hub):
    repository = hub.repository(PIPELINE)
    pickle = entries_of(repository, allow_pickles=True)[-1]
    with pytest.raises(InvalidRequest, match=r"such a file ends in \.pt, \.pth, \.safetensors"):
        make_order(repository, pickle, Kind.upscaler)


def test_what_is_refused_cannot_be_ordered(hub: Hub):
    repository = hub.repository(PIPELINE)
    with pytest.raises(InvalidRequest, match="--allow-pickle"):
        make_order(repository, entries_of(repository)[-1], Kind.checkpoint)


def test_an_order_is_pinned_to_the_commit_that_was_looked_at(hub: Hub):
    repository = hub.repository(LORA)
    order = make_order(repository, entries_of(repository)[0], Kind.lora)
    assert order.commit == repository.commit
    assert order.size == repository.files[0].size
