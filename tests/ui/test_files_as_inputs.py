"""An event of the real page is sent a file that nobody uploaded: it reads nothing of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from gradio.exceptions import InvalidPathError
from starlette.testclient import TestClient

from tests.helpers.images import gradient
from tests.helpers.page import SlowPainter, make_context
from tests.helpers.serving import ADDRESS
from ui.cli import Options
from ui.context import Context
from ui.guarded_blocks import check_files
from ui.login import LOCAL_USER
from ui.page import build_page
from ui.server import create_server

SECRET = "the plans of the castle"
FILE_FIELDS = {"image", "file"}
MARK = {"_type": "gradio.FileData"}
"""By which Gradio knows a file's record; a browser may send others."""


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Iterator[tuple[TestClient, Context]]:
    """The whole page behind the whole server."""
    data_dir = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(data_dir / "cache" / "gradio"))
        context = make_context(data_dir, SlowPainter())
        app = create_server(context, build_page(context), Options(data_dir=data_dir))
        with TestClient(app, base_url=ADDRESS) as client:
            yield client, context
        context.engine.close()


def events_with_files(client: TestClient) -> list[tuple[int, list[bool]]]:
    """Every event that the server answers and is given a file: its number, and which inputs are."""
    config = client.get("/config").json()
    kinds = {component["id"]: component["type"] for component in config["components"]}
    events = [
        (event["id"], [kinds[number] in FILE_FIELDS for number in event["inputs"]])
        for event in config["dependencies"]
        if event["backend_fn"]
    ]
    return [(number, inputs) for number, inputs in events if any(inputs)]


def send(
    client: TestClient, event: int, inputs: list[bool], path: Path | str, meta: object = MARK
) -> str:
    """Call an event with `path` for every file; the answer's text."""
    file = {"path": str(path), "meta": meta}
    data = [file if is_file else None for is_file in inputs]
    answer = client.post("/gradio_api/run/predict", json={"fn_index": event, "data": data})
    return answer.text


def test_there_are_events_to_try(page):
    assert len(events_with_files(page[0])) >= 3


@pytest.mark.parametrize("place", ["elsewhere", "the data folder", "outputs"])
def test_no_event_reads_a_file_that_was_not_uploaded(page, tmp_path, place):
    client, context = page
    folders = {
        "elsewhere": tmp_path,
        "the data folder": context.data_dir,
        "outputs": context.outputs,
    }
    secret = folders[place] / "secret.txt"
    secret.write_text(SECRET)
    for event, inputs in events_with_files(client):
        text = send(client, event, inputs, secret)
        assert SECRET not in text
        assert "was not uploaded" in text, f"event {event} took {place}: {text[:200]}"


@pytest.mark.parametrize("meta", [{}, None, "gradio.FileData", ["_type"], {"_type": "else"}])
def test_a_file_that_is_not_marked_as_one_is_none(page, tmp_path, meta):
    client, context = page
    secret = tmp_path / "secret.png"
    gradient().save(secret)
    for event, inputs in events_with_files(client):
        assert "was not uploaded" in send(client, event, inputs, secret, meta), f"event {event}"
    assert not list((context.data_dir / "cache").rglob("secret.png"))


def test_a_file_is_looked_for_however_deep_it_lies():
    check_files([{"image": {"path": "/an/upload.png", "meta": MARK}}, {"path": None}, "path", 7])
    with pytest.raises(InvalidPathError, match="was not uploaded"):
        check_files({"gallery": [[{"image": {"path": "/etc/secret.png"}}]]})


def test_no_address_is_fetched(page):
    client, _ = page
    for event, inputs in events_with_files(client):
        assert "was not uploaded" in send(client, event, inputs, "http://127.0.0.1:1/a.png")


@pytest.mark.parametrize("meta", [MARK, {}, None])
def test_no_event_takes_such_a_file_in_a_list(page, tmp_path, meta):
    client, context = page
    secret = tmp_path / "secret.png"
    gradient().save(secret)
    config = client.get("/config").json()
    files = next(
        c["id"] for c in config["components"] if c["props"].get("file_count") == "multiple"
    )
    events = [
        event
        for event in config["dependencies"]
        if event["backend_fn"] and files in event["inputs"]
    ]
    assert events, "the Batch tab sends its files with Generate"
    for event in events:
        data = [
            [{"path": str(secret), "meta": meta}] if number == files else None
            for number in event["inputs"]
        ]
        body = {"fn_index": event["id"], "data": data}
        answer = client.post("/gradio_api/run/predict", json=body)
        assert answer.status_code == 500, answer.text
    assert context.engine.jobs(LOCAL_USER) == ()
    assert not list((context.data_dir / "cache").rglob("secret.png"))


def test_no_copy_of_it_is_made(page, tmp_path):
    client, context = page
    secret = tmp_path / "unheard-of.txt"
    secret.write_text(SECRET)
    for event, inputs in events_with_files(client):
        send(client, event, inputs, secret)
    assert not list((context.data_dir / "cache").rglob("unheard-of.txt"))
