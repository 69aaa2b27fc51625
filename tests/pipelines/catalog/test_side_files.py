"""Files beside models: which picture is the preview, and what notes say, however damaged."""

import json
from pathlib import Path

import pytest

from pipelines.catalog.side_files import Notes, find_preview, read_notes


def test_the_first_of_a1111s_names_is_the_preview(tmp_path: Path):
    stem = tmp_path / "ink.v2"
    assert find_preview(stem) is None
    for name in ("ink.v2.preview.webp", "ink.v2.jpeg", "ink.v2.preview.png", "ink.v2.png"):
        (tmp_path / name).write_bytes(b"")
        assert find_preview(stem) == tmp_path / name
    (tmp_path / "ink.png").write_bytes(b"")
    assert find_preview(stem) == tmp_path / "ink.v2.png"


def test_notes_are_a1111s(tmp_path: Path):
    stored = {
        "description": "Ink on paper.",
        "sd version": "SD1",
        "activation text": "sumi-e ",
        "negative text": "colour",
        "preferred weight": 0.7,
        "notes": "Best at 20 steps.",
    }
    (tmp_path / "ink.json").write_text(json.dumps(stored))
    assert read_notes(tmp_path / "ink") == Notes(
        description="Ink on paper.",
        base="SD1",
        activation="sumi-e",
        negative="colour",
        weight=0.7,
        notes="Best at 20 steps.",
    )


def test_a_text_file_describes_what_the_notes_do_not(tmp_path: Path):
    (tmp_path / "ink.description.txt").write_text("long")
    assert read_notes(tmp_path / "ink").description == "long"
    (tmp_path / "ink.txt").write_text("short\n")
    assert read_notes(tmp_path / "ink").description == "short"
    (tmp_path / "ink.json").write_text('{"description": "own"}')
    assert read_notes(tmp_path / "ink").description == "own"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b"[" * 10**5,
        b'{"description": 3, "preferred weight": "1", "sd version": "Unknown"}',
        b'{"preferred weight": 1e9}',
        b'{"preferred weight": NaN}',
    ],
)
def test_damaged_notes_are_no_notes(tmp_path: Path, content: bytes):
    (tmp_path / "ink.json").write_bytes(content)
    assert read_notes(tmp_path / "ink") == Notes()
