"""Prompts for SDXL: two text encoders read each, and the UNet is told sizes beside them.

A1111's rules. Both encoders give the output of their last layer but one, without the norm that
follows the last; the two are laid side by side, and attention weights act on each by itself. The
second encoder also gives one vector for the whole text: its projection at the end of the first
chunk. SDXL's refiner has that encoder alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from pipelines.diffusion.embeddings import CLIP_G, CLIP_L, NO_EMBEDDINGS, EmbeddingWords
from pipelines.diffusion.encoded import Encoded
from pipelines.diffusion.parts import Components, TextEncoder, Tokenizer
from pipelines.diffusion.text import check_clip_skip, embedded, emphasise, encode_chunks
from pipelines.diffusion.text_chunks import Chunk, TextOptions, split_into_chunks
from pipelines.imaging.geometry import Size
from pipelines.settings import Settings

PENULTIMATE = 2
"""The layer at which SDXL reads its encoders, counted as a clip skip counts."""


@dataclass(frozen=True, kw_only=True)
class _Reader:
    """One of the model's encoders: `part` is what embeddings call it, `skip` where it is read."""

    encoder: TextEncoder
    tokenizer: Tokenizer
    part: str
    skip: int = PENULTIMATE


def encode_prompt(
    components: Components,
    text: str,
    options: TextOptions,
    device: torch.device,
    words: EmbeddingWords = NO_EMBEDDINGS,
) -> Encoded:
    """What a model of any family is told of `text`, but for sizes; in its encoders' dtype.

    `words` finds embeddings among its tokens. InvalidRequest for a clip skip beyond the layers.
    """
    if components.is_sdxl:
        return _encode(components, text, options, device, words)
    chunks, _ = split_into_chunks(components.tokenizer, text, options, words)
    return Encoded(tokens=encode_chunks(components.text_encoder, chunks, options, device))


def says_nothing(components: Components, negative: Sequence[str]) -> bool:
    """Whether the negative prompt, by its texts at all steps, is zeros rather than an empty text.

    SDXL was trained so; its refiner is treated alike.
    """
    return components.is_sdxl and not any(negative)


def size_numbers(
    components: Components, settings: Settings, size: Size, *, negative: bool
) -> torch.Tensor | None:
    """1x6 float32: height and width, top and left of a crop, height and width; None but for SDXL.

    `size` is that of the picture in pixels. The refiner is told an aesthetic score in place of the
    last two, a low one beside the `negative` prompt.
    """
    if not components.is_sdxl:
        return None
    height_width = (float(size.height), float(size.width))
    crop = (float(settings.sdxl_crop_top), float(settings.sdxl_crop_left))
    low = settings.sdxl_refiner_low_aesthetic_score
    high = settings.sdxl_refiner_high_aesthetic_score
    last = (low if negative else high,) if components.is_refiner else height_width
    return torch.tensor([[*height_width, *crop, *last]], dtype=torch.float32)


@torch.no_grad()
def _encode(
    components: Components,
    text: str,
    options: TextOptions,
    device: torch.device,
    words: EmbeddingWords,
) -> Encoded:
    states: list[torch.Tensor] = []
    pooled: torch.Tensor | None = None
    for reader in _readers(components, options):
        chunks, _ = split_into_chunks(reader.tokenizer, text, options, words)
        read = [_read(reader, chunk, options, device) for chunk in chunks]
        states.append(torch.cat([tokens for tokens, _ in read], dim=1))
        pooled = read[0][1]
    return Encoded(tokens=torch.cat(states, dim=2), pooled=pooled)


def _readers(components: Components, options: TextOptions) -> Iterator[_Reader]:
    """In order; the last is the one that projects."""
    first, tokenizer = components.text_encoder, components.tokenizer
    second, its_tokenizer = components.text_encoder_2, components.tokenizer_2
    if second is None or its_tokenizer is None:
        yield _Reader(encoder=first, tokenizer=tokenizer, part=CLIP_G)
        return
    skip = PENULTIMATE
    if options.skips_sdxl:
        check_clip_skip(first, options)
        skip = options.clip_skip
    yield _Reader(encoder=first, tokenizer=tokenizer, part=CLIP_L, skip=skip)
    yield _Reader(encoder=second, tokenizer=its_tokenizer, part=CLIP_G)


def _read(
    reader: _Reader, chunk: Chunk, options: TextOptions, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The chunk's tokens, and what the encoder makes of all of it if it projects."""
    with embedded(reader.encoder, chunk, reader.part):
        output = reader.encoder(torch.tensor([chunk.ids], device=device), output_hidden_states=True)
    tokens = emphasise(output.hidden_states[-reader.skip], chunk.weights, options.emphasis)
    return tokens, getattr(output, "text_embeds", None)
