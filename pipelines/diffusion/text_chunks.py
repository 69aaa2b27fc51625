"""Prompts as A1111 lays them out: attention weights, embeddings, chunks of 75 tokens. No network.

What a text encoder makes of the chunks is in `pipelines.diffusion.text`. A model with two encoders
lays a text out once for each, since their tokenizers fill up chunks in ways of their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipelines.diffusion.embeddings import NO_EMBEDDINGS, Embedding, EmbeddingWords
from pipelines.diffusion.parts import Tokenizer
from pipelines.prompting.attention import BREAK, parse_attention
from pipelines.settings import Settings

CHUNK = 75
"""Tokens of a prompt that CLIP sees at once; with the start and end tokens 77."""

EMBEDDED = 0
"""The token in whose place one vector of an embedding stands, as in A1111."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextOptions:
    """The settings that change an embedding; values and defaults as in `pipelines.settings`."""

    clip_skip: int = 1
    emphasis: str = "Original"
    backtrack: int = 20  # tokens
    skips_sdxl: bool = False  # clip skip counts for SDXL's first encoder, too

    @classmethod
    def of(cls, settings: Settings) -> "TextOptions":
        """Those of a job."""
        return cls(
            clip_skip=settings.CLIP_stop_at_last_layers,
            emphasis=settings.emphasis,
            backtrack=settings.comma_padding_backtrack,
            skips_sdxl=settings.sdxl_clip_l_skip,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """77 token ids (start, at most 75 of the prompt, end, padding) with a weight for each.

    `embeddings` are those that stand in it, each with the place of its first vector in `ids`.
    """

    ids: tuple[int, ...]
    weights: tuple[float, ...]
    embeddings: tuple[tuple[int, Embedding], ...] = ()


def split_into_chunks(
    tokenizer: Tokenizer,
    text: str,
    options: TextOptions,
    words: EmbeddingWords = NO_EMBEDDINGS,
) -> tuple[list[Chunk], int]:
    """The chunks of `text`, at least one, and A1111's count of its tokens.

    `words` finds the embeddings among the tokens. The count is that of the last chunk's tokens plus
    75 for every chunk before it; each vector of an embedding counts as a token.
    """
    pieces = parse_attention(text) if options.emphasis != "None" else [(text, 1.0)]
    # Endless prompts repeat themselves, and tokenizers take their time.
    texts = list(dict.fromkeys(piece for piece, _ in pieces))
    tokens = tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)
    ids_of = dict(zip(texts, tokens["input_ids"], strict=True))
    layout = _Layout(tokenizer, options.backtrack)
    for piece in pieces:
        if piece == BREAK and options.emphasis != "None":
            layout.close()
            continue
        for token, embedding in _read(ids_of[piece[0]], words):
            layout.add(token, piece[1], embedding)
    return layout.finish()


def count_tokens(
    tokenizer: Tokenizer,
    text: str,
    options: TextOptions,
    words: EmbeddingWords = NO_EMBEDDINGS,
) -> tuple[int, int]:
    """How many tokens `text` has, and how many its chunks hold: 75, 150, ..."""
    _, count = split_into_chunks(tokenizer, text, options, words)
    return count, max(-(-count // CHUNK), 1) * CHUNK


def _read(ids: Sequence[int], words: EmbeddingWords) -> Iterator[tuple[int, Embedding | None]]:
    """The tokens of a piece in order, those of an embedding's name together as the embedding."""
    place = 0
    while place < len(ids):
        found = words.at(ids, place)
        yield ids[place], found[0] if found else None
        place += found[1] if found else 1


class _Layout:
    """Fills chunks one token or embedding at a time."""

    def __init__(self, tokenizer: Tokenizer, backtrack: int) -> None:
        self._start, self._end = tokenizer.bos_token_id, tokenizer.eos_token_id
        # The end token pads for Stable Diffusion 1, token 0 for 2; each tokenizer knows.
        self._pad = self._end if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self._comma = tokenizer.get_vocab().get(",</w>")
        self._backtrack = backtrack
        self._chunks: list[Chunk] = []
        self._open: list[tuple[int, float]] = []
        self._embeddings: list[tuple[int, Embedding]] = []  # with places in `_open`
        self._after_comma: int | None = None  # where the text after the last comma begins

    def add(self, token: int, weight: float, embedding: Embedding | None) -> None:
        """Append a token, or the embedding whose name begins with it.

        A full chunk is closed first, at its last comma if that is near. An embedding for which no
        room is left begins a chunk; it is never divided.
        """
        if len(self._open) == CHUNK:
            self._break(at_comma=token != self._comma)
        elif token == self._comma:
            self._after_comma = len(self._open) + 1
        if embedding is None:
            self._open.append((token, weight))
            return
        if len(self._open) + embedding.count > CHUNK:
            self.close()
        self._embeddings.append((len(self._open), embedding))
        self._open += [(EMBEDDED, weight)] * embedding.count

    def _break(self, *, at_comma: bool) -> None:
        """Close the full chunk; what follows a near comma moves into the next one."""
        cut = self._after_comma
        near = cut is not None and self._backtrack and CHUNK - (cut - 1) <= self._backtrack
        if cut is None or not (at_comma and near):
            self.close()
            return
        moved, later = self._open[cut:], [pair for pair in self._embeddings if pair[0] >= cut]
        del self._open[cut:], self._embeddings[len(self._embeddings) - len(later) :]
        self.close()
        self._open = moved
        self._embeddings = [(place - cut, embedding) for place, embedding in later]

    def close(self) -> None:
        """End the open chunk, be it empty."""
        missing = CHUNK - len(self._open)
        ids = (self._start, *(token for token, _ in self._open), self._end)
        weights = (1.0, *(weight for _, weight in self._open), 1.0)
        # Their places shift by the start token.
        embeddings = tuple((place + 1, embedding) for place, embedding in self._embeddings)
        self._chunks.append(
            Chunk(ids + (self._pad,) * missing, weights + (1.0,) * missing, embeddings)
        )
        self._open, self._embeddings, self._after_comma = [], [], None

    def finish(self) -> tuple[list[Chunk], int]:
        """All chunks, and the count of tokens."""
        count = CHUNK * len(self._chunks) + len(self._open)
        if self._open or not self._chunks:
            self.close()
        return self._chunks, count
