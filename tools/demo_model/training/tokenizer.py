"""A byte-level BPE vocabulary learnt from the captions, in the files `CLIPTokenizer` reads."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

START, END = "<|startoftext|>", "<|endoftext|>"
MAX_LENGTH = 77
_WORD = re.compile(r"[a-z]+|[0-9]|[^\sa-z0-9]+")


def byte_alphabet() -> list[str]:
    """The 256 printable stand-ins for bytes, in the order of GPT-2's and CLIP's vocabularies.

    Printable Latin-1 characters stand for themselves; the others move to code points from 256 on.
    """
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(byte) for byte in printable] + [chr(256 + i) for i in range(len(others))]


def learn_merges(captions: Iterable[str], least: int = 2) -> list[tuple[str, str]]:
    """Byte-pair merges for ASCII captions, most frequent pair first, ties in alphabetical order.

    Stops when no pair occurs `least` times, so every caption word that does becomes one token.
    """
    counts = Counter(word for caption in captions for word in _WORD.findall(caption.lower()))
    words = {(*word[:-1], word[-1] + "</w>"): count for word, count in counts.items()}
    merges: list[tuple[str, str]] = []
    while True:
        pairs: Counter[tuple[str, str]] = Counter()
        for symbols, count in words.items():
            for pair in pairwise(symbols):
                pairs[pair] += count
        if not pairs:
            return merges
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < least:
            return merges
        merges.append(best)
        words = {_merged(symbols, best): count for symbols, count in words.items()}


def save(folder: Path, merges: list[tuple[str, str]]) -> None:
    """Writes vocab.json, merges.txt and tokenizer_config.json into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    alphabet = byte_alphabet()
    tokens = [
        *alphabet,
        *(symbol + "</w>" for symbol in alphabet),
        *("".join(pair) for pair in merges),
        START,
        END,
    ]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    lines = ["#version: 0.2", *(" ".join(pair) for pair in merges)]
    settings = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": MAX_LENGTH,
        "do_lower_case": True,
        "bos_token": START,
        "eos_token": END,
        "unk_token": END,
        "pad_token": END,
    }
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")


def _merged(symbols: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    merged: list[str] = []
    for symbol in symbols:
        if merged and (merged[-1], symbol) == pair:
            merged[-1] += symbol
        else:
            merged.append(symbol)
    return tuple(merged)
