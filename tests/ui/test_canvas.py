"""What Python makes of a canvas's files, and of questions and files that nobody honest sends."""

import base64
import json
import zlib
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from gradio.utils import get_upload_folder
from PIL import Image
from starlette.testclient import TestClient

from pipelines.errors import InvalidPicture
from pipelines.imaging.opening import open_picture
from tests.helpers.canvas_page import Received, build, look
from tests.helpers.images import assert_same_picture, gradient, noise, plain
from tests.helpers.page import SlowPainter, make_context
from tests.helpers.serving import ADDRESS
from ui.canvas.assets import SCRIPTS, STYLE
from ui.canvas.canvas import collect_js, read_painting
from ui.canvas.selecting import make_select
from ui.cli import Options
from ui.server import create_server

OPEN = partial(open_picture, max_pixels=1_000_000)


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which Gradio keeps uploads."""
    folder = tmp_path / "cache" / "gradio"
    folder.mkdir(parents=True)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(folder))
    assert Path(get_upload_folder()) == folder
    return folder


def saved(image: Image.Image, folder: Path, name: str) -> dict[str, Any]:
    """The picture as a file in `folder`, and Gradio's record of it."""
    path = folder / name
    image.save(path)
    return {"path": str(path), "meta": {"_type": "gradio.FileData"}}


def test_a_sketch_is_its_picture_and_its_layer(uploads):
    layer = noise(channels=4)
    painting = read_painting(
        saved(gradient(), uploads, "picture.png"),
        saved(layer, uploads, "layer.png"),
        mode="sketch",
        open_file=OPEN,
    )
    assert painting is not None
    assert_same_picture(painting.picture, gradient())
    assert_same_picture(painting.drawing, layer)
    assert painting.is_drawn


def test_a_mask_is_gray(uploads):
    mask = noise(channels=1)
    painting = read_painting(
        saved(gradient(), uploads, "picture.png"),
        saved(mask, uploads, "mask.png"),
        mode="mask",
        open_file=OPEN,
    )
    assert painting is not None
    assert_same_picture(painting.drawing, mask)


@pytest.mark.parametrize(("mode", "kind"), [("sketch", "RGBA"), ("mask", "L")])
def test_nothing_drawn_is_a_bare_drawing_of_the_pictures_size(uploads, mode, kind):
    picture = saved(gradient(50, 40), uploads, "picture.png")
    painting = read_painting(picture, None, mode=mode, open_file=OPEN)
    assert painting is not None
    assert not painting.is_drawn
    assert (painting.drawing.mode, painting.drawing.size) == (kind, (50, 40))
    assert painting.drawing.getbbox() is None


@pytest.mark.parametrize("nothing", [None, "", [], 7, {}, {"path": ""}, {"path": 3}])
def test_an_empty_canvas_is_none(nothing):
    assert read_painting(nothing, nothing, mode="mask", open_file=OPEN) is None


def test_a_drawing_of_another_size_is_refused(uploads):
    with pytest.raises(InvalidPicture, match="64x64, but the picture is 50x40"):
        read_painting(
            saved(gradient(50, 40), uploads, "picture.png"),
            saved(noise(channels=1), uploads, "mask.png"),
            mode="mask",
            open_file=OPEN,
        )


@pytest.mark.parametrize("image", [noise(channels=3), noise(channels=4)])
def test_a_mask_of_another_mode_is_refused(uploads, image):
    with pytest.raises(InvalidPicture, match="must be L"):
        read_painting(
            saved(gradient(), uploads, "picture.png"),
            saved(image, uploads, "mask.png"),
            mode="mask",
            open_file=OPEN,
        )


def test_a_file_that_was_swept_is_told(uploads):
    gone = {"path": str(uploads / "picture.png")}
    with pytest.raises(InvalidPicture, match=r"picture.png is no longer on the server"):
        read_painting(gone, None, mode="mask", open_file=OPEN)


def test_a_file_that_is_too_large_or_no_picture_is_refused(uploads):
    small = partial(open_picture, max_pixels=100)
    picture = saved(gradient(), uploads, "picture.png")
    with pytest.raises(InvalidPicture, match="megapixels are allowed"):
        read_painting(picture, None, mode="mask", open_file=small)
    (uploads / "mask.png").write_text("not a picture")
    with pytest.raises(InvalidPicture, match="a text file, not a picture"):
        read_painting(picture, {"path": str(uploads / "mask.png")}, mode="mask", open_file=OPEN)


def unpack(answer: dict[str, Any]) -> Image.Image:
    """The part of the mask that an answer holds."""
    left, top, right, bottom = answer["box"]
    data = zlib.decompress(base64.b64decode(answer["mask"]))
    return Image.frombytes("L", (right - left, bottom - top), data)


def test_a_selection_travels_as_its_box(uploads):
    picture = plain("#000000")
    picture.paste("#ffffff", (10, 20, 30, 25))
    record = saved(picture, uploads, "picture.png")
    question = {"kind": "colour", "picture": record, "x": 12, "y": 22, "tolerance": 5}
    answer = make_select(OPEN)(question)
    assert answer["box"] == [10, 20, 30, 25]
    assert_same_picture(unpack(answer), Image.new("L", (20, 5), 255))


HOSTILE: tuple[tuple[Any, str], ...] = (
    (None, "expected"),
    ([1, 2], "expected"),
    ({"kind": "everything"}, "Nothing can be selected by 'everything'"),
    ({"kind": ["colour"]}, "Nothing can be selected"),
    ({"kind": "colour", "x": "1", "y": 1, "tolerance": 1}, "x must be a number"),
    ({"kind": "colour", "x": 1, "y": 1}, "Tolerance must be a number"),
    ({"kind": "colour", "x": float("nan"), "y": 1, "tolerance": 1}, "x must be a number"),
    ({"kind": "colour", "x": 1, "y": 1e300, "tolerance": 1}, "outside the picture"),
    ({"kind": "colour", "x": 1, "y": 1, "tolerance": 10**9}, "between 0 and 255"),
    ({"kind": "object", "outline": "all"}, "list of at most"),
    ({"kind": "object", "outline": [[0, 0]] * 30_000}, "list of at most"),
    ({"kind": "object", "outline": [[0, 0], [1]]}, "pair of numbers"),
    ({"kind": "object", "outline": [[0, 0], [9, None], [9, 9]]}, "must be a number"),
    ({"kind": "object", "outline": [[1e308, 0], [-1e308, 0], [0, 1e308]]}, ""),
)


@pytest.mark.parametrize(("question", "sentence"), HOSTILE)
def test_a_question_that_makes_no_sense_is_answered_in_a_sentence(uploads, question, sentence):
    record = saved(gradient(), uploads, "picture.png")
    if isinstance(question, dict):
        question = {"picture": record, **question}
    answer = make_select(OPEN)(question)
    assert sentence in answer.get("error", "")
    assert json.dumps(answer)


@pytest.mark.parametrize("name", ["secret.png", "/etc/passwd", "", "\0", "x" * 5000])
def test_nothing_is_selected_in_a_file_that_was_not_uploaded(uploads, tmp_path, name):
    gradient().save(tmp_path / "secret.png")
    path = str(tmp_path / name) if name else ""
    question = {"kind": "colour", "picture": {"path": path}, "x": 1, "y": 1, "tolerance": 9}
    assert "error" in make_select(OPEN)(question)
    dotted = str(uploads / ".." / ".." / "secret.png")
    assert (
        "was not uploaded" in make_select(OPEN)({**question, "picture": {"path": dotted}})["error"]
    )


@pytest.fixture
def client(uploads: Path, tmp_path: Path) -> Iterator[TestClient]:
    """The page with two canvases behind the whole server."""
    context = make_context(tmp_path, SlowPainter())
    app = create_server(context, build(Received()), Options(data_dir=tmp_path), look=look())
    with TestClient(app, base_url=ADDRESS) as browser:
        yield browser
    context.engine.close()


def test_an_event_refuses_files_that_were_not_uploaded(client, tmp_path):
    gradient().save(tmp_path / "secret.png")
    record = {"path": str(tmp_path / "secret.png"), "meta": {"_type": "gradio.FileData"}}
    events = client.get("/config").json()["dependencies"]
    event = next(event for event in events if len(event["inputs"]) == 4)["id"]
    for place in range(4):
        data = [record if place == index else None for index in range(4)]
        body = {"fn_index": event, "data": data}
        assert "was not uploaded" in client.post("/gradio_api/run/predict", json=body).text


def test_the_browsers_question_goes_the_way_that_gradio_has_for_it(client, uploads):
    record = saved(plain(), uploads, "picture.png")
    components = client.get("/config").json()["components"]
    number = next(one["id"] for one in components if one["props"].get("elem_id") == "mask")
    body = {
        "data": {"kind": "colour", "picture": record, "x": 1, "y": 1, "tolerance": 0},
        "component_id": number,
        "fn_name": "select_pixels",
        "session_hash": "somebody",
    }
    answer = client.post("/gradio_api/component_server", json=body)
    assert answer.json()["box"] == [0, 0, 64, 64]
    body["data"] = {**body["data"], "picture": {"path": "/etc/passwd"}}
    answer = client.post("/gradio_api/component_server", json=body)
    assert "was not uploaded" in answer.json()["error"]


def test_the_scripts_can_stand_inside_the_page():
    for path in SCRIPTS:
        assert "</script" not in path.read_text(encoding="utf-8"), path.name
        assert len(path.read_text(encoding="utf-8").splitlines()) < 400, path.name
    assert "</style" not in STYLE.read_text(encoding="utf-8")
    folder = STYLE.parent
    assert {path.name for path in SCRIPTS} == {path.name for path in folder.glob("*.js")}


def test_the_step_before_an_event_knows_the_fields_places():
    received = Received()
    blocks = build(received)
    files = [one for one in blocks.blocks.values() if one.get_block_name() == "file"]
    generate = next(one for one in blocks.fns.values() if len(one.inputs) == 4)
    assert generate.inputs == files
    assert isinstance(generate.js, str)
    assert '{"id": "mask", "picture": 2, "drawing": 3}' in generate.js
    assert collect_js([], []) == "(...args) => redraw.canvas.collect(args, [])"
