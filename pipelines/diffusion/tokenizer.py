"""CLIP's tokenizer, built from the vocabulary that comes with open_clip; no model brings it.

The vocabulary's file lists merges of byte pairs, the most frequent first. Token numbers follow from
it as OpenAI's CLIP counts them: the 256 bytes, the same at a word's end, each merge, and the two
tokens that begin and end a text.
"""

import gzip
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from transformers import CLIPTokenizer

from pipelines.diffusion.parts import Tokenizer

START, END = "<|startoftext|>", "<|endoftext|>"
TOKENS = 49408
"""In CLIP's vocabulary."""

CONTEXT = 77
"""Tokens that CLIP sees at once."""

_WORD_END = "</w>"
_FILE = "bpe_simple_vocab_16e6.txt.gz"


def clip_tokenizer(*, pads_with_zero: bool = False) -> Tokenizer:
    """The tokenizer of Stable Diffusion 1; that of 2 pads with token 0 instead of the end token."""
    vocabulary, merges = _vocabulary()
    make = _PadsWithZero if pads_with_zero else CLIPTokenizer
    made = make(vocab=dict(vocabulary), merges=cast(Any, list(merges)), model_max_length=CONTEXT)
    return cast(Tokenizer, made)


class _PadsWithZero(CLIPTokenizer):
    """Token 0 is an exclamation mark inside a word.

    Naming it as the pad token would make every exclamation mark of a prompt that token.
    """

    pad_token_id = 0


@cache
def _vocabulary() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Numbers by token, and the merges."""
    names = byte_names()
    wanted = TOKENS - 2 * len(names) - 2
    # The first line is a heading; the file goes on beyond CLIP's vocabulary.
    lines = gzip.decompress(_file().read_bytes()).decode("utf-8").split("\n")[1 : wanted + 1]
    merges = [(first, second) for first, _, second in (line.partition(" ") for line in lines)]
    tokens = [*names, *(name + _WORD_END for name in names), *map("".join, merges), START, END]
    return {token: number for number, token in enumerate(tokens)}, merges


def byte_names() -> list[str]:
    """One visible character for each of the 256 bytes, in the vocabulary's order.

    Bytes that are visible characters of Latin-1 stand for themselves and come first; the others
    take the characters from 256 on.
    """
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = 256 - len(visible)
    return [*map(chr, visible), *(chr(256 + number) for number in range(others))]


def _file() -> Path:
    """Where the package lies, without importing it, which takes seconds."""
    package = find_spec("open_clip")
    assert package is not None  # a dependency
    assert package.origin is not None
    return Path(package.origin).with_name(_FILE)
