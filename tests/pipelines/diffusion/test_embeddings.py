"""Embeddings in texts and in jobs: where they stand, what they count, what becomes of bad ones."""

import copy
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import save_file

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.networks import NetworkFile
from pipelines.diffusion.embedding_store import EmbeddingStore, JobEmbeddings
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.text import embedded, encode_chunks
from pipelines.diffusion.text_chunks import (
    Chunk,
    TextOptions,
    count_tokens,
    split_into_chunks,
)
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.prompting.attention import BREAK, parse_attention
from pipelines.requests import Prompt
from pipelines.results import DenoisedBatch
from pipelines.settings import Settings
from tests.helpers.embeddings import network_file, save_embedding, vectors
from tests.helpers.slow_text import slow_layout_with_embeddings
from tests.helpers.tiny import EXACT, WIDTH, tiny_components, tiny_tokenizer
from tests.pipelines.diffusion.conftest import MakePlan

CPU = torch.device("cpu")
TOKENIZER = tiny_tokenizer()
END = TOKENIZER.eos_token_id
COUNTS = {"cat": 2, "cat dog": 3, "sea": 1, "red cat": 30, "x1": 75}
"""Names of embeddings, and how many vectors each has."""


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, NetworkFile]:
    folder = tmp_path_factory.mktemp("embeddings")
    return {
        name: save_embedding(
            folder / f"{name}.safetensors", vectors(count, WIDTH), "a1111.safetensors"
        )
        for name, count in COUNTS.items()
    }


def of_job(files: Sequence[NetworkFile], width: int = WIDTH) -> JobEmbeddings:
    store = EmbeddingStore()
    return store.for_job(files, tiny_tokenizer(), key="tiny", widths={"clip_l": width})


def slots(chunk: Chunk) -> list[tuple[int, float, torch.Tensor | None]]:
    """The 75 in the middle."""
    rows: dict[int, torch.Tensor] = {}
    for place, embedding in chunk.embeddings:
        rows |= {place + index: row for index, row in enumerate(embedding.vectors["clip_l"])}
    return [(chunk.ids[i], chunk.weights[i], rows.get(i)) for i in range(1, 76)]


def is_same(one: Any, other: Any) -> bool:
    if (one[2] is None) != (other[2] is None):
        return False
    return one[:2] == other[:2] and (one[2] is None or torch.equal(one[2], other[2]))


@pytest.mark.parametrize("seed", range(25))
def test_embeddings_are_laid_out_as_the_description_says(seed: int, files: dict[str, NetworkFile]):
    rng = random.Random(seed)
    pieces = ["cat", "dog", "red", "sea", ",", "(", ":1.3)", "x", "1", " BREAK ", "CAT  DOG"]
    text = " ".join(rng.choices(pieces, [6, 6, 3, 3, 6, 1, 1, 2, 1, 0.3, 2], k=rng.randint(0, 90)))
    backtrack, tokenizer = rng.choice([0, 20, 74]), tiny_tokenizer()
    options = TextOptions(backtrack=backtrack)
    chunks, count = split_into_chunks(tokenizer, text, options, of_job([*files.values()]).words)
    tensors = {name: vectors(number, WIDTH) for name, number in COUNTS.items()}
    expected = slow_layout_with_embeddings(tokenizer, text, backtrack, tensors)
    assert len(chunks) == len(expected)
    for chunk, wanted in zip(chunks, expected, strict=True):
        filled = slots(chunk)
        assert all(map(is_same, filled, wanted))
        assert {slot[:2] for slot in filled[len(wanted) :]} <= {(tokenizer.eos_token_id, 1.0)}
    if text and not text.rstrip().endswith("BREAK"):
        assert count == 75 * (len(expected) - 1) + len(expected[-1])


def test_the_longest_name_wins_whatever_its_capitals_and_spaces(files: dict[str, NetworkFile]):
    job = of_job([*files.values()])
    chunks, _ = split_into_chunks(tiny_tokenizer(), "Cat   DOG cat", TextOptions(), job.words)
    found = [(place, embedding.name) for place, embedding in chunks[0].embeddings]
    assert found == [(1, "cat dog"), (4, "cat")]


def test_brackets_within_a_name_make_it_words(files: dict[str, NetworkFile]):
    job = of_job([files["cat dog"]])
    chunks, _ = split_into_chunks(tiny_tokenizer(), "cat (dog:1.2)", TextOptions(), job.words)
    assert chunks[0].embeddings == ()


@given(
    st.lists(st.sampled_from([*COUNTS, "dog", ",", "(", ":1.2)", "[", "]", "BREAK"]), max_size=80)
)
def test_the_counter_says_what_is_encoded(files: dict[str, NetworkFile], words: list[str]):
    text = " ".join(words)
    found = of_job([*files.values()]).words
    chunks, _ = split_into_chunks(TOKENIZER, text, TextOptions(), found)
    counted, room = count_tokens(TOKENIZER, text, TextOptions(), found)
    full, last = 75 * (len(chunks) - 1), sum(slot[0] != END for slot in slots(chunks[-1]))
    said = [piece for piece in parse_attention(text) if piece[0].strip()]
    if said and said[-1] == BREAK:  # which ends a chunk and begins none
        full, last = full + 75, 0
    assert counted == full + last
    assert room == 75 * len(chunks)


def test_vectors_act_as_tokens_that_have_them(files: dict[str, NetworkFile]):
    """An encoder whose table has the vectors at two tokens gives the same, to the bit."""
    parts, options = tiny_components(), TextOptions()
    chunks, _ = split_into_chunks(
        parts.tokenizer, "a (cat:1.5) x", options, of_job([files["cat"]]).words
    )
    got = encode_chunks(parts.text_encoder, chunks, options, CPU)
    twin: Any = copy.deepcopy(parts.text_encoder)
    spare = [parts.tokenizer.get_vocab()[token] for token in "[]"]
    ids = list(chunks[0].ids)
    ids[2:4] = spare
    with torch.no_grad():
        twin.get_input_embeddings().weight[spare] = vectors(2, WIDTH)
    expected = encode_chunks(twin, [Chunk(tuple(ids), chunks[0].weights)], options, CPU)
    assert torch.equal(got, expected)
    plain = encode_chunks(parts.text_encoder, [replace(chunks[0], embeddings=())], options, CPU)
    assert not torch.equal(got, plain)


def test_both_parts_of_an_sdxl_embedding_reach_their_encoders(tmp_path: Path):
    path = tmp_path / "cat.safetensors"
    save_file({"clip_l": vectors(1, 8), "clip_g": vectors(1, WIDTH)}, path)
    job = EmbeddingStore().for_job(
        [network_file(path)], TOKENIZER, key="", widths={"clip_l": 8, "clip_g": WIDTH}
    )
    chunks, _ = split_into_chunks(TOKENIZER, "cat", TextOptions(), job.words)
    encoder = tiny_components().text_encoder
    with embedded(encoder, chunks[0], "clip_g"):
        rows = encoder.get_input_embeddings()(torch.tensor([chunks[0].ids]))
    assert torch.equal(rows[0, 1], vectors(1, WIDTH)[0])


def run(diffusion: Diffusion, plan: Plan) -> tuple[Image.Image, DenoisedBatch]:
    (batch,) = diffusion.denoise(plan, Unwatched())
    return batch.images[0][1], batch


@pytest.fixture(scope="module")
def diffusion() -> Diffusion:
    return Diffusion(EXACT)


def test_a_job_says_which_embeddings_it_used(
    diffusion: Diffusion, make_plan: MakePlan, files: dict[str, NetworkFile]
):
    plan = make_plan(prompt=Prompt(positive="a red cat", negative="[sea:dog:0.5]"))
    plain, before = run(diffusion, plan)
    assert (before.comments, before.embeddings) == ((), {})
    picture, batch = run(diffusion, replace(plan, embeddings=tuple(files.values())))
    assert picture != plain
    assert list(batch.embeddings) == ["red cat", "sea"]
    hashes = [f"{name} [{value}]" for name, value in batch.embeddings.items()]
    assert batch.comments == (f"Used embeddings: {', '.join(hashes)}.",)


def test_one_of_another_width_is_words_and_the_user_is_told(
    diffusion: Diffusion, make_plan: MakePlan, tmp_path: Path
):
    plan = make_plan(prompt=Prompt(positive="a cat"))
    path = tmp_path / "cat.safetensors"
    wide = save_embedding(path, vectors(1, 2 * WIDTH), "a1111.safetensors")
    picture, batch = run(diffusion, replace(plan, embeddings=(wide,)))
    assert picture == run(diffusion, plan)[0]
    assert batch.embeddings == {}
    assert batch.comments == (
        "Embedding 'cat' is not used and its name read as words: "
        "its vectors have 32 numbers where those of this model have 16.",
    )


def test_a_broken_or_refused_one_is_words_too(
    diffusion: Diffusion, make_plan: MakePlan, tmp_path: Path
):
    plan = make_plan(prompt=Prompt(positive="a cat, dog"))
    (tmp_path / "cat.safetensors").write_bytes(b"nothing")
    broken = network_file(tmp_path / "cat.safetensors")
    (tmp_path / "dog.pt").write_bytes(b"nothing")
    refused = network_file(tmp_path / "dog.pt", refused="dog.pt is a Python pickle.")
    _, batch = run(diffusion, replace(plan, embeddings=(broken, refused)))
    assert [comment.split(": ", 1)[1] for comment in batch.comments] == [
        "cat.safetensors is damaged, or holds more than an embedding.",
        "dog.pt is a Python pickle.",
    ]


def test_a_file_that_changed_is_read_again(
    diffusion: Diffusion, make_plan: MakePlan, tmp_path: Path
):
    path = tmp_path / "cat.safetensors"
    file = save_embedding(path, vectors(1, WIDTH), "a1111.safetensors")
    plan = replace(make_plan(prompt=Prompt(positive="a cat")), embeddings=(file,))
    first, batch = run(diffusion, plan)
    save_embedding(path, vectors(2, WIDTH, seed=1), "a1111.safetensors")
    second, other = run(diffusion, plan)
    assert first != second
    assert batch.embeddings != other.embeddings


def test_the_counter_knows_what_fits_the_checkpoint(
    diffusion: Diffusion, checkpoint: Checkpoint, files: dict[str, NetworkFile], tmp_path: Path
):
    def count(file: NetworkFile) -> tuple[int, int]:
        return diffusion.count_tokens(["a red cat"], checkpoint, Settings(), [file])

    wide = save_embedding(tmp_path / "cat.safetensors", vectors(5, 8), "a1111.safetensors")
    assert (count(files["red cat"]), count(wide)) == ((31, 75), (3, 75))
