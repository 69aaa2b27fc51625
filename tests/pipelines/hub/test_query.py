"""What can be typed into the search box."""

import pytest

from pipelines.errors import InvalidRequest
from pipelines.hub.query import Query, read_query


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("  watercolor lora ", Query(words="watercolor lora")),
        ("dreamshaper", Query(words="dreamshaper")),
        ("owner/name", Query(repository="owner/name")),
        ("a cat/dog", Query(words="a cat/dog")),
        ("https://huggingface.co/owner/name", Query(repository="owner/name")),
        ("huggingface.co/owner/name/", Query(repository="owner/name")),
        ("http://hf.co/owner/name?library=diffusers#files", Query(repository="owner/name")),
        ("https://huggingface.co/gpt2", Query(repository="gpt2")),
        (
            "https://huggingface.co/owner/name/blob/main/a/b%20c.safetensors",
            Query(repository="owner/name", revision="main", file="a/b c.safetensors"),
        ),
        (
            "https://huggingface.co/owner/name/resolve/refs%2Fpr%2F3/x.pt?download=true",
            Query(repository="owner/name", revision="refs/pr/3", file="x.pt"),
        ),
        (
            "https://huggingface.co/owner/name/tree/fp16/unet",
            Query(repository="owner/name", revision="fp16"),
        ),
    ],
)
def test_words_repositories_and_links_are_told_apart(typed: str, meant: Query):
    assert read_query(typed) == meant


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("", "Type a name"),
        ("x" * 1001, "at most 1000 characters"),
        ("https://civitai.com/models/4384", "Only links to huggingface.co"),
        ("https://huggingface.co.evil.org/owner/name", "Only links to huggingface.co"),
        ("file:///etc/passwd", "Only links to huggingface.co"),
        ("https://huggingface.co/", "leads to no model"),
        ("https://huggingface.co/datasets/owner/name", "leads to no model"),
        ("https://huggingface.co/owner/..", "leads to no model"),
        ("https://huggingface.co/owner/name/blob/main/..%2F..%2Fx.pt", "leads to no model"),
    ],
)
def test_other_links_are_refused(typed: str, reason: str):
    with pytest.raises(InvalidRequest, match=reason):
        read_query(typed)


def test_a_mirror_is_understood_where_it_is_the_hub():
    link = "https://mirror.example:8443/owner/name"
    assert read_query(link, ("mirror.example:8443",)) == Query(repository="owner/name")
