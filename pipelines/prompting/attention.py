"""A1111's attention syntax: from the text of a prompt to pieces with weights. No torch.

`(x)` weighs 1.1, `[x]` 1/1.1, `(x:1.3)` 1.3; nesting multiplies. A backslash before one of
`( ) [ ] \\` makes it an ordinary character, and any other backslash is dropped. An opener that is
never closed reaches to the end; a closer that closes nothing is an ordinary character. `BREAK`, as
a word, ends a chunk of tokens, inside brackets too.
"""

import re
from collections.abc import Iterator

BREAK = ("BREAK", -1.0)
"""The piece that stands for a BREAK; its weight is A1111's and means nothing."""

ROUND, SQUARE = 1.1, 1 / 1.1

MAX_DEPTH = 50
"""Brackets of a kind open at once; more are ordinary characters. 50 already weigh 117."""

# Between two of these lies plain text. A colon counts only as the start of ":1.3)".
_MARK = re.compile(
    r"\\[()\[\]\\]?|[()\[\]]|:\s*(?P<weight>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))\s*\)"
)
_BREAK_WORD = re.compile(r"\bBREAK\b")


def parse_attention(text: str) -> list[tuple[str, float]]:
    """Pieces of `text` in order with their weights, neighbours of one weight joined.

    The plain characters of the pieces together are the prompt without its syntax. BREAKs are kept
    as the piece `BREAK`, without the white space around them. An empty text is one empty piece.
    Takes time in proportion to the length of the text.
    """
    texts: list[str | None] = []  # None is a BREAK
    weights: list[float] = []
    rounds: list[int] = []  # where in `texts` each open bracket begins
    squares: list[int] = []

    def weigh(start: int, factor: float) -> None:
        weights[start:] = [weight * factor for weight in weights[start:]]

    for token, explicit in _tokens(text):
        if token == "(" and len(rounds) < MAX_DEPTH:
            rounds.append(len(texts))
        elif token == "[" and len(squares) < MAX_DEPTH:
            squares.append(len(texts))
        elif rounds and (explicit is not None or token == ")"):
            weigh(rounds.pop(), ROUND if explicit is None else explicit)
        elif squares and token == "]":
            weigh(squares.pop(), SQUARE)
        else:
            plain = [token[1:]] if token.startswith("\\") else _split_at_breaks(token)
            texts.extend(plain)
            weights.extend([1.0] * len(plain))
    for start in rounds:
        weigh(start, ROUND)
    for start in squares:
        weigh(start, SQUARE)
    return _joined(texts, weights)


def uses_attention(text: str) -> bool:
    """Whether the syntax changes how `text` is read; when not, every emphasis mode is the same."""
    return parse_attention(text) != [(text, 1.0)]


def _tokens(text: str) -> Iterator[tuple[str, float | None]]:
    """Plain texts and marks in order; the weight of a mark like ":1.3)"."""
    end = 0
    for match in _MARK.finditer(text):
        if match.start() > end:
            yield text[end : match.start()], None
        weight = match.group("weight")
        yield match.group(), None if weight is None else float(weight)
        end = match.end()
    if end < len(text):
        yield text[end:], None


def _split_at_breaks(plain: str) -> list[str | None]:
    """The texts before, between and after the BREAKs, and a None for each BREAK."""
    parts = _BREAK_WORD.split(plain)
    split: list[str | None] = []
    for index, part in enumerate(parts):
        before = part.lstrip() if index else part
        split += [None] if index else []
        split.append(before.rstrip() if index < len(parts) - 1 else before)
    return split


def _joined(texts: list[str | None], weights: list[float]) -> list[tuple[str, float]]:
    joined: list[tuple[str, float]] = []
    run: list[str] = []  # texts that share `shared`
    shared = 1.0
    for text, weight in zip(texts, weights, strict=True):
        if run and (text is None or weight != shared):
            joined.append(("".join(run), shared))
            run = []
        if text is None:
            joined.append(BREAK)
        else:
            run.append(text)
            shared = weight
    if run or not joined:
        joined.append(("".join(run), shared))
    return joined
