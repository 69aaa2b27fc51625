"""What headers say of a training: facts in their order, and the tags of all folders together."""

import json

import pytest

from pipelines.catalog.training import MOST_TAGS, frequent_tags, training_facts


def header(**metadata: object) -> dict[str, object]:
    return {"__metadata__": metadata}


def test_facts_come_in_their_order_and_silence_is_left_out():
    stated = {
        "ss_network_dim": "32",
        "modelspec.title": "Ink",
        "ss_sd_model_name": "None",
        "ss_base_model_version": "sd_v1",
        "ss_resolution": "(512, 512)",
        "ss_epoch": 3,
        "unknown": "x",
    }
    assert training_facts({"__metadata__": stated}) == [
        ("Title", "Ink"),
        ("Trained on", "sd_v1"),
        ("Resolution", "(512, 512)"),
        ("Dimension", "32"),
    ]
    assert training_facts({}) == []


def test_tags_are_counted_over_all_folders():
    folders = {"10_ink": {"ink": 7, " sky ": 2}, "5_more": {"ink": 1, "tree": 2, "no": 0, "x": "1"}}
    assert frequent_tags(header(ss_tag_frequency=json.dumps(folders))) == [
        ("ink", 8),
        ("sky", 2),
        ("tree", 2),
    ]


def test_only_the_most_frequent_tags_are_told():
    folders = {"a": {f"tag {number}": number for number in range(1, 500)}}
    tags = frequent_tags(header(ss_tag_frequency=json.dumps(folders)))
    assert tags[0] == ("tag 499", 499)
    assert len(tags) == MOST_TAGS


@pytest.mark.parametrize("stored", ["", "{", "[]", '{"a": []}', '{"a": {"b": null}}', "[" * 10**5])
def test_damaged_tags_are_none(stored: str):
    assert frequent_tags(header(ss_tag_frequency=stored)) == []
