"""Names from the network: which may become files here."""

import pytest

from pipelines.hub.names import is_plain_path, is_repository, is_safe_name


@pytest.mark.parametrize(
    "name", ["model.safetensors", "日本語 モデル.safetensors", "a (b) [c].pt", "con-sole.pt", "x"]
)
def test_usual_names_are_safe(name: str):
    assert is_safe_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        ".hidden",
        "a/b",
        "a\\b",
        "C:x",
        "a\0b",
        "a\nb",
        "a\u202eb",
        "ends.",
        " padded",
        "padded ",
        "NUL",
        "con.safetensors",
        "com1.pt",
        "what?.pt",
        "\udcff.pt",
        "x" * 201,
        "ä" * 101,
    ],
)
def test_names_that_could_do_harm_are_not(name: str):
    assert not is_safe_name(name)


@pytest.mark.parametrize("path", ["../x", "a/../x", "/etc/x", "a//b", "a/", "a/.git/b", "a\\..\\b"])
def test_a_path_leads_only_downwards(path: str):
    assert not is_plain_path(path)
    assert is_plain_path("unet/model.safetensors")


@pytest.mark.parametrize("name", ["gpt2", "owner/name", "o-w.n/na_me.v1-5", "0/1"])
def test_names_of_repositories(name: str):
    assert is_repository(name)


@pytest.mark.parametrize(
    "name", ["", "/", "a/b/c", "../b", "a/..", "a/.b", "a b/c", "a/b?x", "a/b--c"]
)
def test_what_is_no_repository(name: str):
    assert not is_repository(name)
