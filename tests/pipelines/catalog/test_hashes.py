"""Hashes: what they are of, and that they are remembered no longer than they hold."""

import hashlib
import os
from pathlib import Path

import pytest

from pipelines.catalog import hashes
from pipelines.catalog.hashes import HashCache, legacy_hash, sha256


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights" * 500_000)
    return path


def test_a_file_has_its_own_sha256(weights: Path):
    assert sha256(weights) == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_a_folder_has_that_of_its_weights_in_path_order(tmp_path: Path):
    for name in ("b/1.safetensors", "a/2.safetensors", "a.safetensors", "a/note.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    expected = hashlib.sha256(b"a.safetensorsa/2.safetensorsb/1.safetensors").hexdigest()
    assert sha256(tmp_path) == expected


def test_the_hash_of_2022_covers_64_kib_after_the_first_mib(weights: Path):
    content = weights.read_bytes()
    expected = hashlib.sha256(content[1024 * 1024 : 1024 * 1024 + 65536]).hexdigest()[:8]
    assert legacy_hash(weights) == expected


def test_a_hash_is_remembered_on_disk(tmp_path: Path, weights: Path):
    full = HashCache(tmp_path / "cache").compute(weights)
    assert HashCache(tmp_path / "cache").known(weights) == full == sha256(weights)


def test_a_changed_file_is_no_longer_known(tmp_path: Path, weights: Path):
    cache = HashCache(tmp_path)
    cache.compute(weights)
    os.utime(weights, ns=(1, 1))
    assert cache.known(weights) is None


def test_a_file_of_another_size_is_no_longer_known(tmp_path: Path, weights: Path):
    cache = HashCache(tmp_path)
    cache.compute(weights)
    status = weights.stat()
    weights.write_bytes(b"short")
    os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert cache.known(weights) is None


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"\xff\xfe", b'{"a": 1}', b'{"a": {"state": 1, "sha256": 2}}', b"[" * 10**5],
)
def test_a_damaged_cache_costs_time_and_no_more(tmp_path: Path, weights: Path, content: bytes):
    (tmp_path / "hashes.json").write_bytes(content)
    cache = HashCache(tmp_path)
    assert cache.known(weights) is None
    cache.compute(weights)
    assert HashCache(tmp_path).known(weights) == sha256(weights)


def test_a_cache_that_cannot_be_written_costs_time_and_no_more(tmp_path: Path, weights: Path):
    (tmp_path / "file").write_text("in the way")
    cache = HashCache(tmp_path / "file")
    assert cache.compute(weights) == sha256(weights)
    assert cache.known(weights) == sha256(weights)


def test_reading_goes_block_by_block(weights: Path, monkeypatch: pytest.MonkeyPatch):
    expected = sha256(weights)
    monkeypatch.setattr(hashes, "_BLOCK", 7)
    assert sha256(weights) == expected
