"""CLIP's tokenizer against open_clip's own, written by CLIP's authors."""

import pytest
from open_clip.tokenizer import SimpleTokenizer

from pipelines.diffusion.tokenizer import CONTEXT, TOKENS, clip_tokenizer

TEXTS = (
    "",
    "a cat",
    "a photograph of an astronaut riding a horse on mars, 8k, trending on artstation",
    "wow! (really)!!! it's [so] {good}: 100% of \\ them_all ... and-more",
    "Ünïcode ÄÖß naïve façade, 漢字 かな 한국어 العربية привет 🙂",
    "antidisestablishmentarianism pneumonoultramicroscopic xqzjkv",
    "MixedCASE and   many    spaces\tand\nlines",
)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("pads_with_zero", [False, True])
def test_texts_become_the_tokens_that_clip_was_trained_with(text: str, pads_with_zero: bool):
    tokenizer = clip_tokenizer(pads_with_zero=pads_with_zero)
    given = tokenizer([text], add_special_tokens=False, truncation=False, verbose=False)
    assert given["input_ids"][0] == SimpleTokenizer().encode(text)


def test_the_ends_and_the_padding_have_their_numbers():
    first, second = clip_tokenizer(), clip_tokenizer(pads_with_zero=True)
    assert len(first.get_vocab()) == TOKENS
    assert CONTEXT == 77
    for tokenizer, pad in ((first, TOKENS - 1), (second, 0)):
        ids = (tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id)
        assert ids == (TOKENS - 2, TOKENS - 1, pad)
