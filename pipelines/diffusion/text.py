"""Prompts as A1111 reads them, to embeddings: attention weights, chunks of 75 tokens, clip skip."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from pipelines.diffusion.parts import Components, Tokenizer
from pipelines.errors import InvalidRequest
from pipelines.prompting.attention import BREAK, parse_attention
from pipelines.settings import Settings

CHUNK = 75
"""Tokens of a prompt that CLIP sees at once; with the start and end tokens 77."""

ROUNDING = 1e-3
"""Share of the spread below which a mean is rounding error, and no measure of the tensor's scale.

CLIP's own outputs have a mean of a tenth of their spread. A small encoder may end in a plain layer
norm, which makes the mean 0: A1111's quotient of two means would then be an accident.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class TextOptions:
    """The settings that change an embedding; values and defaults as in `pipelines.settings`."""

    clip_skip: int = 1
    emphasis: str = "Original"
    backtrack: int = 20  # tokens

    @classmethod
    def of(cls, settings: Settings) -> "TextOptions":
        """Those of a job."""
        return cls(
            clip_skip=settings.CLIP_stop_at_last_layers,
            emphasis=settings.emphasis,
            backtrack=settings.comma_padding_backtrack,
        )


@dataclass(frozen=True, slots=True)
class Chunk:
    """77 token ids (start, at most 75 of the prompt, end, padding) with a weight for each."""

    ids: tuple[int, ...]
    weights: tuple[float, ...]


def split_into_chunks(
    tokenizer: Tokenizer, text: str, options: TextOptions
) -> tuple[list[Chunk], int]:
    """The chunks of `text`, at least one, and A1111's count of its tokens.

    The count is that of the last chunk's tokens plus 75 for every chunk before it.
    """
    pieces = parse_attention(text) if options.emphasis != "None" else [(text, 1.0)]
    texts = [piece for piece, _ in pieces]
    tokens = tokenizer(texts, add_special_tokens=False, truncation=False, verbose=False)[
        "input_ids"
    ]
    layout = _Layout(tokenizer, options.backtrack)
    for piece, ids in zip(pieces, tokens, strict=True):
        if piece == BREAK and options.emphasis != "None":
            layout.close()
            continue
        for token in ids:
            layout.add(token, piece[1])
    return layout.finish()


class _Layout:
    """Fills chunks one token at a time."""

    def __init__(self, tokenizer: Tokenizer, backtrack: int) -> None:
        self._start, self._end = tokenizer.bos_token_id, tokenizer.eos_token_id
        # The end token pads for Stable Diffusion 1, token 0 for 2; each tokenizer knows.
        self._pad = self._end if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        self._comma = tokenizer.get_vocab().get(",</w>")
        self._backtrack = backtrack
        self._chunks: list[Chunk] = []
        self._open: list[tuple[int, float]] = []
        self._after_comma: int | None = None  # where the text after the last comma begins

    def add(self, token: int, weight: float) -> None:
        """Append a token; a full chunk is closed first, at its last comma if that is near."""
        if len(self._open) == CHUNK:
            moved: list[tuple[int, float]] = []
            if token != self._comma and self._comma_is_near():
                moved = self._open[self._after_comma :]
                self._open = self._open[: self._after_comma]
            self.close()
            self._open = moved
        elif token == self._comma:
            self._after_comma = len(self._open) + 1
        self._open.append((token, weight))

    def _comma_is_near(self) -> bool:
        if self._backtrack == 0 or self._after_comma is None:
            return False
        return CHUNK - (self._after_comma - 1) <= self._backtrack

    def close(self) -> None:
        """End the open chunk, be it empty."""
        missing = CHUNK - len(self._open)
        ids = (self._start, *(token for token, _ in self._open), self._end)
        weights = (1.0, *(weight for _, weight in self._open), 1.0)
        self._chunks.append(Chunk(ids + (self._pad,) * missing, weights + (1.0,) * missing))
        self._open, self._after_comma = [], None

    def finish(self) -> tuple[list[Chunk], int]:
        """All chunks, and the count of tokens."""
        count = CHUNK * len(self._chunks) + len(self._open)
        if self._open or not self._chunks:
            self.close()
        return self._chunks, count


def count_tokens(tokenizer: Tokenizer, text: str, options: TextOptions) -> tuple[int, int]:
    """How many tokens `text` has, and how many its chunks hold: 75, 150, ..."""
    _, count = split_into_chunks(tokenizer, text, options)
    return count, max(-(-count // CHUNK), 1) * CHUNK


@torch.no_grad()
def encode_text(
    components: Components, text: str, options: TextOptions, device: torch.device
) -> torch.Tensor:
    """The embedding of a prompt, 1 x (77 times its chunks) x D, in the text encoder's dtype."""
    chunks, _ = split_into_chunks(components.tokenizer, text, options)
    return torch.cat([_encode_chunk(components, chunk, options, device) for chunk in chunks], dim=1)


def _encode_chunk(
    components: Components, chunk: Chunk, options: TextOptions, device: torch.device
) -> torch.Tensor:
    encoder, skip = components.text_encoder, options.clip_skip
    layers = encoder.config.num_hidden_layers
    if skip > layers:
        raise InvalidRequest(
            f"Clip skip must lie between 1 and {layers} for this model, got {skip}."
        )
    ids = torch.tensor([chunk.ids], device=device)
    if skip == 1:
        hidden = encoder(ids).last_hidden_state
    else:
        states = encoder(ids, output_hidden_states=True).hidden_states
        norm = encoder.final_layer_norm
        # Offloading moves the norm with its encoder, or with its own call.
        hidden = norm(states[-skip].to(norm.weight.dtype))
    return _emphasise(hidden, chunk.weights, options.emphasis)


def _emphasise(hidden: torch.Tensor, weights: Sequence[float], emphasis: str) -> torch.Tensor:
    """Multiply each token's output by its weight; "Original" then restores the mean."""
    if emphasis not in ("Original", "No norm") or all(weight == 1.0 for weight in weights):
        return hidden
    factors = torch.tensor(weights, device=hidden.device, dtype=torch.float32)
    exact = hidden.float()
    weighted = exact * factors[None, :, None]
    if emphasis == "Original" and exact.mean().abs() > ROUNDING * exact.std():
        weighted = weighted * (exact.mean() / weighted.mean())
    return weighted.to(hidden.dtype)
