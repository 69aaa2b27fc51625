"""The page as it is built: escaped, and ready for what browsers send."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.errors import ModelNotFound
from pipelines.imaging.geometry import Size
from tests.helpers.images import gradient
from tests.helpers.page import SlowPainter, make_context
from ui.context import Context
from ui.form_events import FormEvents
from ui.info_events import describe_html
from ui.messages import error_html, infotext_html
from ui.page import head


@pytest.fixture
def context(tmp_path: Path) -> Context:
    """Everything real but the network."""
    return make_context(tmp_path, SlowPainter())


def test_the_head_carries_style_scripts_and_theme():
    assert "<style>" in head()
    assert "theme: null" in head()
    assert 'theme: "dark"' in head("dark")


@pytest.mark.parametrize("say", [error_html, infotext_html])
def test_what_users_wrote_is_escaped(say):
    assert "<script>" not in say("<script>alert(1)</script>")


def test_what_files_say_is_escaped():
    picture = gradient()
    picture.info["<b>name"] = "<script>alert(1)</script>"
    assert "<script>" not in describe_html(picture, "<script>")
    assert "<b>name" not in describe_html(picture, "")


def test_restoring_survives_whatever_the_browser_remembers(context: Context):
    form = FormEvents(context)
    for stored in (None, [], "text", {"styles": ["gone"], "sampler": "gone", "schedule": 5}):
        updates = form.restore(stored)
        assert updates["sampler"] == "DPM++ 2M"
        assert updates["schedule"]["value"] == "Automatic"
        assert updates["styles"]["value"] == []


def test_restoring_gives_back_no_file_but_an_upload(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    (uploads / "own.png").write_bytes(b"")
    (tmp_path / "config.json").write_text("{}")
    form = FormEvents(context)
    assert form.restore({"image": str(uploads / "own.png")})["image"] == str(uploads / "own.png")
    for path in ("/etc/passwd", str(tmp_path / "config.json"), str(uploads / ".." / "config.json")):
        assert "image" not in form.restore({"image": path})


class TwoCheckpoints:
    """A catalogue of "small" (256x256) and "large" (512x768)."""

    def __init__(self) -> None:
        sizes = {"small": Size(256, 256), "large": Size(512, 768)}
        self.known = {
            name: Checkpoint(
                name=name,
                path=Path(name),
                layout=Layout.folder,
                short_hash="",
                default_size=size,
            )
            for name, size in sizes.items()
        }

    def find(self, name: str) -> Checkpoint:
        """As a catalogue does."""
        if name not in (*self.known, ""):
            raise ModelNotFound(f"There is no {name}.")
        return self.known[name or "small"]


def test_the_size_follows_the_checkpoint_only_while_untouched(context: Context):
    form = FormEvents(replace(context, catalog=TwoCheckpoints()))
    assert form.change_checkpoint("large", 256, 256) == ({"width": 512, "height": 768}, "")
    assert context.settings.current.sd_model_checkpoint == "large"
    assert form.change_checkpoint("small", 640, 640) == ({}, "")
    assert form.change_checkpoint("small", 256, 256) == ({}, "")
    assert form.change_checkpoint("none", 256, 256)[1] == (
        '<p class="error" role="alert">There is no none.</p>'
    )
