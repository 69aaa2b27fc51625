"""Asking the hub, and being told nonsense by it."""

import pytest

from pipelines.errors import DownloadFailed
from pipelines.hub import client
from pipelines.hub.client import Found, Hub, StoredFile
from tests.helpers.hub import COMMIT, serving_hub, sha256
from tests.helpers.hub import Hub as FakeHub
from tests.helpers.repositories import LORA, LORA_CONTENT, LORA_FILE, PIPELINE

STYLE = StoredFile(path=LORA_FILE, size=len(LORA_CONTENT), digest=sha256(LORA_CONTENT))


def refusal(hub: Hub, name: str = LORA) -> str:
    with pytest.raises(DownloadFailed) as caught:
        hub.repository(name)
    return str(caught.value)


def test_a_search_lists_name_downloads_licence_terms_and_day(hub: Hub, fake: FakeHub):
    fake.gated = {LORA}
    assert hub.search("style") == (
        Found(name=LORA, downloads=1234, licence="mit", gated=True, updated="2024-05-31"),
    )
    assert hub.search("no such thing") == ()


def test_a_search_asks_once_and_for_little(hub: Hub, fake: FakeHub):
    hub.search("some & body/é?")
    (path,) = fake.api_paths()
    assert "limit=30" in path
    assert "expand=lastModified" in path


def test_a_repository_is_read_at_one_commit(hub: Hub):
    repository = hub.repository(LORA)
    assert repository.commit == COMMIT
    assert repository.files == (STYLE,)
    assert (repository.licence, repository.gated) == ("mit", False)


def test_a_commit_is_asked_for_once(hub: Hub, fake: FakeHub):
    assert hub.repository(LORA, COMMIT) == hub.repository(LORA, COMMIT)
    assert len(fake.api_paths()) == 1
    hub.repository(LORA)
    hub.repository(LORA)
    assert len(fake.api_paths()) == 3, "the newest may be another each time"


def test_small_files_come_with_gits_hash(hub: Hub):
    index = next(file for file in hub.repository(PIPELINE).files if file.path == "README.md")
    assert len(index.digest) == 40


def test_gits_hash_of_a_large_file_is_that_of_a_pointer_and_not_believed(hub: Hub, fake: FakeHub):
    large = {"rfilename": "a.safetensors", "size": 2**30, "blobId": "b" * 40}
    fake.answers[f"/api/models/{LORA}"] = {"sha": COMMIT, "siblings": [large]}
    assert hub.repository(LORA).files[0].digest == ""


def test_a_header_is_read_and_nothing_else_of_the_file(hub: Hub, fake: FakeHub):
    header = hub.header(hub.repository(LORA), STYLE)
    assert [*header] == ["lora_unet_down_blocks_0_attentions_0_attn2_to_k.lora_down.weight"]
    assert fake.content_requests() == [f"bytes=0-{client.HEADER_GUESS - 1}"]


def test_a_long_header_takes_a_second_request(
    hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(client, "HEADER_GUESS", 16)
    assert len(hub.header(hub.repository(LORA), STYLE)) == 1
    assert len(fake.content_requests()) == 2


def test_a_server_that_sends_everything_is_not_read_to_the_end(hub: Hub, fake: FakeHub):
    fake.ignores_ranges = True
    assert len(hub.header(hub.repository(LORA), STYLE)) == 1


@pytest.mark.parametrize(
    "content",
    [
        b"\xff" * 64,
        (8).to_bytes(8, "little") + b"not json",
        (2).to_bytes(8, "little") + b"[]",
        (7).to_bytes(8, "little") + b'{"a":1}',
        b"abc",
    ],
)
def test_what_is_no_header_is_refused(hub: Hub, fake: FakeHub, content: bytes):
    fake.files[f"{LORA}/bad.safetensors"] = content
    repository = hub.repository(LORA)
    bad = next(file for file in repository.files if file.path == "bad.safetensors")
    with pytest.raises(DownloadFailed):
        hub.header(repository, bad)


def test_files_with_dangerous_names_are_not_listed(hub: Hub, fake: FakeHub):
    for path in ("../evil.safetensors", "a\\b.safetensors", ".hidden/x.pt", "x/NUL.pt", "ok.pt"):
        fake.files[f"{LORA}/{path}"] = b"x"
    assert [file.path for file in hub.repository(LORA).files] == [LORA_FILE, "ok.pt"]


def test_a_hash_that_is_none_is_no_hash(hub: Hub, fake: FakeHub):
    fake.announced = {f"{LORA}/{LORA_FILE}": "../../" + "a" * 58}
    assert hub.repository(LORA).files[0].digest == ""


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>captive portal</html>",
        b"[" * 100_000,
        [],
        {},
        {"sha": "../.."},
    ],
)
def test_nonsense_is_called_nonsense(hub: Hub, fake: FakeHub, answer: object):
    fake.answers[f"/api/models/{LORA}"] = answer
    assert "is not an answer of the Hugging Face hub" in refusal(hub)


def test_odd_entries_in_a_sound_answer_are_passed_over(hub: Hub, fake: FakeHub):
    odd = [None, 3, {}, {"rfilename": 3}, {"rfilename": "a.pt", "size": -1, "lfs": "x"}]
    fake.answers[f"/api/models/{LORA}"] = {"sha": COMMIT, "siblings": odd, "tags": [3, "license:x"]}
    repository = hub.repository(LORA)
    assert repository.files == (StoredFile(path="a.pt", size=0, digest=""),)
    assert repository.licence == "x"
    fake.answers["/api/models"] = [None, 3, {"id": "../x"}, {"id": LORA, "downloads": "many"}]
    assert [(found.name, found.downloads) for found in hub.search("x")] == [(LORA, 0)]


def test_an_endless_answer_is_cut_off(hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(client, "ANSWER_BYTES", 1000)
    fake.answers[f"/api/models/{LORA}"] = b" " * 2000
    assert "too long to be read" in refusal(hub)


def test_a_repository_that_is_not_there_is_named(hub: Hub):
    assert refusal(hub, "no/body") == "no/body is not on the hub, or is private."


def test_a_name_that_is_none_is_never_asked_for(hub: Hub, fake: FakeHub):
    assert "is no name of a repository" in refusal(hub, "../../etc")
    assert fake.requests == []


def test_a_hub_that_cannot_be_reached_is_said_so(monkeypatch: pytest.MonkeyPatch):
    with serving_hub() as gone:
        pass
    assert refusal(Hub(endpoint=gone.endpoint)) == "Hugging Face cannot be reached."


def test_offline_mode_is_obeyed_and_named(hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids it" in refusal(hub)
    assert fake.requests == []


def test_the_token_goes_to_the_hub_alone_and_into_no_sentence(
    hub: Hub, fake: FakeHub, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.header(hub.repository(LORA), STYLE)
    assert [path.split("/")[1] for path in fake.authorized] == ["api", "somebody"]
    assert "hf_secret" not in refusal(hub, "no/body")
    assert "hf_secret" not in caplog.text
