"""Headers of safetensors files: what they tell, and how they refuse."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.catalog.families import ModelFamily
from pipelines.catalog.headers import (
    explain_damage,
    facts_of_file,
    facts_of_folder,
    read_header,
)
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size
from tests.helpers.models import CLIP_L, FIRST_LAYER, OPEN_CLIP, SDXL_TEXT

Make = Callable[..., Path]


def test_a_header_is_read(tmp_path: Path, safetensors: Make):
    header = read_header(safetensors(tmp_path / "a.safetensors", ("one", "two")))
    assert list(header) == ["one", "two"]


SD1, SD2, SDXL, _, UNKNOWN = ModelFamily


@pytest.mark.parametrize(
    ("text", "side", "family"), [(CLIP_L, 512, SD1), (OPEN_CLIP, 768, SD2), (SDXL_TEXT, 1024, SDXL)]
)
def test_a_models_family_and_the_size_it_was_made_for_are_told_by_its_tensors(
    tmp_path: Path, single_file: Make, text: str, side: int, family: ModelFamily
):
    path = single_file(tmp_path / "a.safetensors", text=text)
    facts = facts_of_file(path)
    assert facts.default_size == Size(side, side)
    assert facts.family is family
    assert explain_damage(path) is None


@pytest.mark.parametrize(
    ("width", "family"),
    [(768, SD1), (1024, SD2), (2048, SDXL), (160, UNKNOWN), (None, UNKNOWN), ([768], UNKNOWN)],
)
def test_a_folders_family_is_told_by_what_its_network_is_given_of_texts(
    tmp_path: Path, width: object, family: ModelFamily
):
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text(json.dumps({"cross_attention_dim": width}))
    assert facts_of_folder(tmp_path).family is family


@pytest.mark.parametrize("channels", [4, 8, 9])
def test_what_a_single_files_network_takes_is_told_by_its_first_layer(
    tmp_path: Path, single_file: Make, channels: int
):
    path = single_file(tmp_path / "a.safetensors", in_channels=channels)
    assert facts_of_file(path).input_channels == channels


@pytest.mark.parametrize("shape", [[320], [320, "9"], [320, 4, 3], None, "9", {}])
def test_a_first_layer_that_is_none_is_refused(tmp_path: Path, shape: object):
    layer = {"dtype": "U8", "shape": shape, "data_offsets": [0, 0]}
    text = {"dtype": "U8", "shape": [0], "data_offsets": [0, 0]}
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed(json.dumps({FIRST_LAYER: layer, CLIP_L: text}).encode()))
    with pytest.raises(ModelBroken, match=r"a\.safetensors is damaged: its first layer"):
        facts_of_file(path)


def framed(text: bytes, data: bytes = b"") -> bytes:
    return len(text).to_bytes(8, "little") + text + data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 8,
        b"\xff" * 8,
        b"\xff" * 100,
        (10**8 + 1).to_bytes(8, "little") + b"{}",
        (3).to_bytes(8, "little") + b"{}",
        framed(b"no"),
        framed(b"[]"),
        framed(b"[" * 100_000),
        framed(b"\xff\xfe\xfd"),
        framed(b'{"a": 1}'),
        framed(b'{"a": {}}'),
        framed(b'{"a": {"data_offsets": []}}'),
        framed(b'{"a": {"data_offsets": [0, "x"]}}'),
        framed(b'{"a": {"data_offsets": [0, 2]}}', b"1"),
        framed(b'{"a": {"data_offsets": [0, 2]}}', b"123"),
        framed(b'{"a": {"data_offsets": [0, 1e400]}}', b"1"),
    ],
)
def test_a_damaged_file_is_explained(tmp_path: Path, content: bytes):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelBroken):
        read_header(path)
    assert (explain_damage(path) or "").endswith(".")


def test_metadata_is_no_tensor(tmp_path: Path):
    path = tmp_path / "a.safetensors"
    path.write_bytes(framed(json.dumps({"__metadata__": {"format": "pt"}}).encode()))
    assert list(read_header(path)) == ["__metadata__"]
    assert explain_damage(path) == "a.safetensors is no Stable Diffusion checkpoint."


def test_a_pickle_passes_only_where_pickles_are_allowed(tmp_path: Path):
    path = tmp_path / "old.ckpt"
    path.write_bytes(b"PK")
    assert "unless the program runs with --allow-pickle" in (explain_damage(path) or "")
    assert explain_damage(path, allow_pickles=True) is None


def test_a_missing_file_is_explained(tmp_path: Path):
    with pytest.raises(ModelBroken, match="No such file"):
        read_header(tmp_path / "none.safetensors")
