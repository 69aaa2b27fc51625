"""Prompts to chunks, exactly; chunks to embeddings, to a millionth."""

import random

import pytest
import torch

from pipelines.diffusion.text import encode_text
from pipelines.diffusion.text_chunks import TextOptions, count_tokens, split_into_chunks
from pipelines.errors import InvalidRequest
from tests.helpers.slow_text import slow_embedding, slow_layout
from tests.helpers.tiny import tiny_components, tiny_tokenizer

CPU = torch.device("cpu")
LONG = "a, " * 30 + "red cat " * 20  # 60 tokens, then 40 without a comma


def random_prompt(rng: random.Random) -> str:
    pieces = ["cat", "dog", "red", "sea", ",", "(", ")", "[", "]", ":1.3)", "x", "\\(", " BREAK "]
    likely = [8, 8, 8, 8, 6, 1, 1, 1, 1, 1, 4, 1, 0.2]
    return " ".join(rng.choices(pieces, likely, k=rng.randint(0, 260)))


@pytest.mark.parametrize("seed", range(40))
def test_any_prompt_is_laid_out_as_the_description_says(seed: int):
    rng = random.Random(seed)
    text, backtrack = random_prompt(rng), rng.choice([0, 1, 20, 74])
    tokenizer = tiny_tokenizer()
    chunks, _ = split_into_chunks(tokenizer, text, TextOptions(backtrack=backtrack))
    assert [(list(chunk.ids), list(chunk.weights)) for chunk in chunks] == slow_layout(
        tokenizer, text, backtrack
    )


def test_an_empty_prompt_is_one_chunk_of_end_tokens():
    tokenizer = tiny_tokenizer()
    chunks, count = split_into_chunks(tokenizer, "", TextOptions())
    assert count == 0
    assert [chunk.ids for chunk in chunks] == [
        (tokenizer.bos_token_id, *[tokenizer.eos_token_id] * 76)
    ]


def test_a_tokenizer_with_a_padding_token_of_its_own_pads_with_it_after_the_end():
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = "!"
    chunks, _ = split_into_chunks(tokenizer, "cat", TextOptions())
    assert chunks[0].ids[2] == tokenizer.eos_token_id
    assert set(chunks[0].ids[3:]) == {tokenizer.convert_tokens_to_ids("!")}


def test_text_after_a_near_comma_moves_to_the_next_chunk_whole():
    tokenizer = tiny_tokenizer()
    text = "x " * 60 + ", " + "cat " * 20
    moved, _ = split_into_chunks(tokenizer, text, TextOptions())
    kept, _ = split_into_chunks(tokenizer, text, TextOptions(backtrack=0))
    cat = tokenizer.convert_tokens_to_ids("cat</w>")
    assert [chunk.ids.count(cat) for chunk in moved] == [0, 20]
    assert [chunk.ids.count(cat) for chunk in kept] == [14, 6]


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", (0, 75)),
        ("a cat", (2, 75)),
        ("x " * 75, (75, 75)),
        ("x " * 76, (76, 150)),
        ("cat BREAK dog", (76, 150)),
    ],
)
def test_tokens_are_counted_as_the_page_shows_them(text: str, counted: tuple[int, int]):
    assert count_tokens(tiny_tokenizer(), text, TextOptions()) == counted


@pytest.mark.parametrize("emphasis", ["Original", "No norm", "Ignore"])
@pytest.mark.parametrize("clip_skip", [1, 2, 3])
@pytest.mark.parametrize("text", ["", "a (red:1.5) cat, [sea]", LONG, "red BREAK (dog:0.3)"])
def test_embeddings_follow_the_description(emphasis: str, clip_skip: int, text: str):
    parts = tiny_components()
    options = TextOptions(clip_skip=clip_skip, emphasis=emphasis)
    embedding = encode_text(parts, text, options, CPU)
    expected = slow_embedding(
        parts.tokenizer, parts.text_encoder, text, clip_skip=clip_skip, emphasis=emphasis
    )
    torch.testing.assert_close(embedding.double(), expected, rtol=1e-5, atol=1e-6)


def test_with_emphasis_none_brackets_and_break_are_ordinary_text():
    tokenizer = tiny_tokenizer()
    chunks, _ = split_into_chunks(tokenizer, "(cat:1.5) BREAK", TextOptions(emphasis="None"))
    assert len(chunks) == 1
    assert tokenizer.convert_tokens_to_ids("(</w>") in chunks[0].ids
    assert set(chunks[0].weights) == {1.0}


def test_clip_skip_beyond_the_models_layers_is_refused():
    with pytest.raises(InvalidRequest, match="between 1 and 3 for this model, got 4"):
        encode_text(tiny_components(), "cat", TextOptions(clip_skip=4), CPU)


def test_where_the_mean_is_only_rounding_nothing_is_rescaled_by_it():
    parts = tiny_components()
    torch.nn.init.zeros_(parts.text_encoder.final_layer_norm.bias)
    text = "a (red:1.5) cat"
    original = encode_text(parts, text, TextOptions(emphasis="Original"), CPU)
    assert torch.equal(original, encode_text(parts, text, TextOptions(emphasis="No norm"), CPU))
