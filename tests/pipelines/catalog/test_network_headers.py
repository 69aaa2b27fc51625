"""What headers tell of LoRAs and embeddings, and that it is remembered no longer than it holds."""

import hashlib
import os
from pathlib import Path

import pytest

from pipelines.catalog.headers import read_header
from pipelines.catalog.network_headers import HeaderCache, Told, tell, weights_sha256
from tests.helpers.models import write_safetensors
from tests.helpers.network_files import SD1_LORA, Shapes, write_network

DIGEST = "0123456789abcdef" * 4


def told(path: Path) -> Told:
    return tell(read_header(path))


@pytest.mark.parametrize(
    ("metadata", "base"),
    [
        ({"ss_base_model_version": "sd_v1"}, "SD 1"),
        ({"ss_base_model_version": "sd_v2", "ss_v2": "True"}, "SD 2"),
        ({"ss_v2": "True"}, "SD 2"),
        ({"ss_base_model_version": "sdxl_base_v1-0"}, "SDXL"),
        ({"modelspec.architecture": "stable-diffusion-xl-v1-base/lora"}, "SDXL"),
        ({"modelspec.architecture": "stable-diffusion-v2-768-v/lora"}, "SD 2"),
        ({"modelspec.architecture": "stable-diffusion-v1/lora"}, "SD 1"),
        ({"ss_base_model_version": "flux1"}, ""),
        ({"ss_v2": 3}, ""),
    ],
)
def test_metadata_name_the_family(tmp_path: Path, metadata: dict[str, object], base: str):
    path = write_network(tmp_path / "a.safetensors", metadata, {"x": (1,)})
    assert told(path).base == base


@pytest.mark.parametrize(
    ("shapes", "base"),
    [
        (SD1_LORA, "SD 1"),
        ({"lora_unet_mid_block_attn2_to_v.lora_down.weight": (4, 1024)}, "SD 2"),
        ({"unet.mid_block.attn2.to_k.lora_A.weight": (4, 2048)}, "SDXL"),
        ({"lora_unet_mid_block_attn2_to_k.hada_w1_b": (4, 768)}, "SD 1"),
        ({"lora_te2_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (4, 8)}, "SDXL"),
        ({"lora_unet_mid_block_attn1_to_k.lora_down.weight": (4, 768)}, ""),
        ({"emb_params": (3, 768)}, "SD 1"),
        ({"emb_params": (3, 1024)}, "SD 2"),
        ({"clip_g": (1, 1280), "clip_l": (1, 768)}, "SDXL"),
        ({"something": (5,)}, ""),
    ],
)
def test_tensors_tell_the_family_where_metadata_are_silent(
    tmp_path: Path, shapes: Shapes, base: str
):
    assert told(write_network(tmp_path / "a.safetensors", None, shapes)).base == base


def test_name_and_hash_are_those_of_the_training(tmp_path: Path):
    metadata = {"ss_output_name": "ink wash", "sshs_model_hash": DIGEST}
    path = write_network(tmp_path / "a.safetensors", metadata)
    assert told(path) == Told("ink wash", "SD 1", DIGEST)


@pytest.mark.parametrize("name", ["x" * 201, "two\nlines", "\x00"])
def test_a_name_that_nobody_could_type_is_none(tmp_path: Path, name: str):
    path = write_network(tmp_path / "a.safetensors", {"ss_output_name": name})
    assert told(path).alias == ""


def test_what_is_no_hash_is_not_believed(tmp_path: Path):
    path = write_network(tmp_path / "a.safetensors", {"sshs_model_hash": "<b>"})
    assert told(path).digest == ""


def test_the_hash_of_weights_leaves_the_header_out(tmp_path: Path):
    one = write_network(tmp_path / "a.safetensors", {"ss_output_name": "one"}, fill=7)
    other = write_network(tmp_path / "b.safetensors", {"ss_output_name": "another"}, fill=7)
    assert weights_sha256(one) == weights_sha256(other) == hashlib.sha256(b"\7" * 768).hexdigest()


def test_the_hash_of_another_format_is_that_of_the_file(tmp_path: Path):
    path = tmp_path / "a.pt"
    path.write_bytes(b"pickle")
    assert weights_sha256(path) == hashlib.sha256(b"pickle").hexdigest()


def test_headers_of_unchanged_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = write_network(tmp_path / "a.safetensors", {"ss_output_name": "ink"})
    first = HeaderCache(tmp_path / "cache.json")
    expected = first.told(path, path.stat())
    first.keep()
    monkeypatch.setattr("pipelines.catalog.network_headers.read_header", None)
    assert HeaderCache(tmp_path / "cache.json").told(path, path.stat()) == expected


def test_a_changed_file_is_read_again(tmp_path: Path):
    path = write_network(tmp_path / "a.safetensors", {"ss_output_name": "ink"})
    cache = HeaderCache(tmp_path / "cache.json")
    cache.told(path, path.stat())
    cache.keep()
    write_network(path, {"ss_output_name": "oil"})
    os.utime(path, ns=(1, 1))
    assert cache.told(path, path.stat()).alias == "oil"


def test_a_broken_file_tells_nothing(tmp_path: Path):
    path = write_safetensors(tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    assert HeaderCache(None).told(path, path.stat()) == Told()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff", b'{"a": [1, 2, "x", "y"]}', b'{"a": 1}', b"[" * 10**5]
)
def test_a_damaged_cache_costs_time_and_no_more(tmp_path: Path, content: bytes):
    path = write_network(tmp_path / "a.safetensors", {"ss_output_name": "ink"})
    (tmp_path / "cache.json").write_bytes(content)
    assert HeaderCache(tmp_path / "cache.json").told(path, path.stat()).alias == "ink"


def test_a_cache_that_cannot_be_written_costs_time_and_no_more(tmp_path: Path):
    path = write_network(tmp_path / "a.safetensors", {"ss_output_name": "ink"})
    (tmp_path / "file").write_text("in the way")
    cache = HeaderCache(tmp_path / "file" / "cache.json")
    cache.told(path, path.stat())
    cache.keep()
    assert cache.told(path, path.stat()).alias == "ink"
