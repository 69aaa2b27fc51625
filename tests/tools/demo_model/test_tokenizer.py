"""The vocabulary knows the captions' words and can spell all others."""

from pathlib import Path

import pytest

import pipelines.diffusion  # noqa: F401 lets torchvision load, before transformers is imported here
from tools.demo_model.training import tokenizer
from tools.demo_model.training.library import CLIPTokenizer, Part

CAPTIONS = ["a red house, night", "a red boat, day", "night, stars", "a house by the sea, day"] * 2


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Part:
    folder: Path = tmp_path_factory.mktemp("tokenizer")
    tokenizer.save(folder, tokenizer.learn_merges(CAPTIONS))
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def test_every_word_of_the_captions_is_one_token(learnt: Part):
    assert learnt.tokenize("a red house, night") == [
        "a</w>",
        "red</w>",
        "house</w>",
        ",</w>",
        "night</w>",
    ]


@pytest.mark.parametrize("text", ["zebra", "Zürich", "a 42nd (prompt:1.3)", "日本", "<ok>"])
def test_any_text_comes_back_from_its_tokens(learnt: Part, text: str):
    tokens = learnt(text).input_ids
    assert learnt.unk_token_id not in tokens[1:-1]
    spelled = learnt.decode(tokens, skip_special_tokens=True)
    assert spelled.replace(" ", "") == text.lower().replace(" ", "")


def test_prompts_are_framed_and_padded_as_clip_does(learnt: Part):
    tokens = learnt("a house", padding="max_length", truncation=True).input_ids
    assert len(tokens) == 77
    assert tokens[0] == learnt.bos_token_id == len(learnt) - 2
    assert set(tokens[3:]) == {learnt.eos_token_id} == {len(learnt) - 1}


def test_merges_are_the_same_whatever_the_order_of_the_captions():
    assert tokenizer.learn_merges(CAPTIONS) == tokenizer.learn_merges(CAPTIONS[::-1])
