"""Embeddings from files: every layout gives its vectors, and no file does anything else."""

import hashlib
import os
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipelines.diffusion.embedding_files import MAX_BYTES, read_embedding
from pipelines.errors import ModelBroken
from tests.helpers.embeddings import (
    LAYOUTS,
    fuzzed,
    network_file,
    save_embedding,
    trained_state,
    vectors,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("count", [1, 3])
def test_a_layout_gives_its_vectors(tmp_path: Path, layout: str, count: int):
    path = tmp_path / layout
    embedding = read_embedding(save_embedding(path, vectors(count, 16), layout))
    assert (embedding.name, embedding.count, embedding.widths) == (path.stem, count, {"clip_l": 16})
    torch.testing.assert_close(embedding.vectors["clip_l"], vectors(count, 16), rtol=0, atol=0)
    assert embedding.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert embedding.short_hash == embedding.sha256[:12]


def test_sdxls_has_vectors_for_both_encoders(tmp_path: Path):
    path = tmp_path / "xl.safetensors"
    save_file({"clip_l": vectors(2, 8), "clip_g": vectors(2, 12, seed=1)}, path)
    embedding = read_embedding(network_file(path))
    assert embedding.widths == {"clip_l": 8, "clip_g": 12}
    assert torch.equal(embedding.vectors["clip_g"], vectors(2, 12, seed=1))


def test_a_tensor_of_one_dimension_is_one_vector_in_any_format(tmp_path: Path):
    path = tmp_path / "x.safetensors"
    save_file({"x": vectors(1, 16)[0].half()}, path)
    embedding = read_embedding(network_file(path))
    assert torch.equal(embedding.vectors["clip_l"], vectors(1, 16).half().float())


@pytest.mark.parametrize(
    ("tensors", "says"),
    [
        ({"a": vectors(1, 4), "b": vectors(1, 4)}, "one tensor, or clip_l and clip_g"),
        ({"clip_l": vectors(1, 4), "clip_g": vectors(2, 4)}, "not as many vectors"),
        ({"x": vectors(76, 4)}, "between 1 and 75 vectors, got 76"),
        ({"x": torch.zeros(0, 4)}, "between 1 and 75 vectors, got 0"),
        ({"x": torch.zeros(1, 2, 4)}, r"rows of numbers, not \[1, 2, 4\]"),
        ({"x": torch.zeros(1, 4, dtype=torch.int64)}, "rows of numbers"),
        ({"x": torch.full((1, 4), torch.inf)}, "finite"),
        ({}, "one tensor"),
    ],
)
def test_what_is_no_embedding_is_refused_with_the_reason(
    tmp_path: Path, tensors: dict[str, torch.Tensor], says: str
):
    path = tmp_path / "x.safetensors"
    save_file(tensors, path)
    with pytest.raises(ModelBroken, match=says):
        read_embedding(network_file(path))


class Harmful:
    """Makes a folder when it is unpickled."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def test_code_in_a_pickle_is_not_run(tmp_path: Path):
    path, made = tmp_path / "x.pt", tmp_path / "made"
    torch.save({**trained_state(vectors(1, 4)), "more": Harmful(made)}, path)
    with pytest.raises(ModelBroken, match="damaged, or holds more than an embedding"):
        read_embedding(network_file(path))
    assert not made.exists()


def test_what_the_catalogue_refuses_is_not_opened(tmp_path: Path):
    with pytest.raises(ModelBroken, match="It is a pickle"):
        read_embedding(network_file(tmp_path / "none.pt", refused="It is a pickle."))


def test_a_huge_file_is_not_read(tmp_path: Path):
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(ModelBroken, match="larger than 32 MB"):
        read_embedding(network_file(path))


def test_a_file_that_is_gone_is_said_to_be(tmp_path: Path):
    with pytest.raises(ModelBroken, match="cannot be read"):
        read_embedding(network_file(tmp_path / "gone.safetensors"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_damaged_file_is_refused_or_read_and_raises_nothing_else(tmp_path: Path, layout: str):
    path = tmp_path / layout
    whole = save_embedding(path, vectors(2, 4), layout).path.read_bytes()
    rng = random.Random(layout)
    for _ in range(60):
        path.write_bytes(fuzzed(whole, rng))
        try:
            embedding = read_embedding(network_file(path))
        except ModelBroken:
            continue
        assert 1 <= embedding.count <= 75
