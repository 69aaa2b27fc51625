"""Chunks of a prompt to what the network reads: the text encoder, its layers, attention weights.

`encode_text` is all of it for a model with one encoder. A model with two lays its texts out with
each tokenizer (`pipelines.diffusion.text_chunks`), and puts together what the functions below say
of each.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn

from pipelines.diffusion.embeddings import CLIP_L, Embedding
from pipelines.diffusion.parts import Components, TextEncoder
from pipelines.diffusion.text_chunks import Chunk, TextOptions, split_into_chunks
from pipelines.errors import InvalidRequest

ROUNDING = 1e-3
"""Share of the spread below which a mean is rounding error, and no measure of the tensor's scale.

CLIP's own outputs have a mean of a tenth of their spread. A small encoder may end in a plain layer
norm, which makes the mean 0: A1111's quotient of two means would then be an accident.
"""


def encode_text(
    components: Components, text: str, options: TextOptions, device: torch.device
) -> torch.Tensor:
    """The embedding of a prompt, 1 x (77 times its chunks) x D, in the text encoder's dtype."""
    chunks, _ = split_into_chunks(components.tokenizer, text, options)
    return encode_chunks(components.text_encoder, chunks, options, device)


@torch.no_grad()
def encode_chunks(
    encoder: TextEncoder, chunks: Sequence[Chunk], options: TextOptions, device: torch.device
) -> torch.Tensor:
    """What `encoder`, a model's only one, makes of chunks: 1 x (77 times their number) x D.

    InvalidRequest for a clip skip beyond its layers.
    """
    return torch.cat([_encode_chunk(encoder, chunk, options, device) for chunk in chunks], dim=1)


def _encode_chunk(
    encoder: TextEncoder, chunk: Chunk, options: TextOptions, device: torch.device
) -> torch.Tensor:
    check_clip_skip(encoder, options)
    skip = options.clip_skip
    ids = torch.tensor([chunk.ids], device=device)
    with embedded(encoder, chunk):
        if skip == 1:
            hidden = encoder(ids).last_hidden_state
        else:
            states = encoder(ids, output_hidden_states=True).hidden_states
            norm = encoder.final_layer_norm
            # Offloading moves the norm with its encoder, or with its own call.
            hidden = norm(states[-skip].to(norm.weight.dtype))
    return emphasise(hidden, chunk.weights, options.emphasis)


def check_clip_skip(encoder: TextEncoder, options: TextOptions) -> None:
    """InvalidRequest for a clip skip beyond the encoder's layers."""
    skip, layers = options.clip_skip, encoder.config.num_hidden_layers
    if skip > layers:
        raise InvalidRequest(
            f"Clip skip must lie between 1 and {layers} for this model, got {skip}."
        )


@contextmanager
def embedded(encoder: TextEncoder, chunk: Chunk, part: str = CLIP_L) -> Iterator[None]:
    """`encoder` finds the vectors of the chunk's embeddings where they stand, for one call.

    `part` tells which of a model's encoders it is: CLIP_L or CLIP_G.
    """
    if not chunk.embeddings:
        yield
        return

    def lay(module: nn.Module, args: object, output: torch.Tensor) -> torch.Tensor:
        return _with_vectors(output, chunk.embeddings, part)

    hook = encoder.get_input_embeddings().register_forward_hook(lay)
    try:
        yield
    finally:
        hook.remove()


def _with_vectors(
    tokens: torch.Tensor, embeddings: Sequence[tuple[int, Embedding]], part: str
) -> torch.Tensor:
    changed = tokens.clone()
    for place, embedding in embeddings:
        changed[:, place : place + embedding.count] = embedding.vectors[part].to(changed)
    return changed


def emphasise(hidden: torch.Tensor, weights: Sequence[float], emphasis: str) -> torch.Tensor:
    """Multiply each token's output (1x77xD) by its weight; "Original" then restores the mean."""
    if emphasis not in ("Original", "No norm") or all(weight == 1.0 for weight in weights):
        return hidden
    factors = torch.tensor(weights, device=hidden.device, dtype=torch.float32)
    exact = hidden.float()
    weighted = exact * factors[None, :, None]
    if emphasis == "Original" and exact.mean().abs() > ROUNDING * exact.std():
        weighted = weighted * (exact.mean() / weighted.mean())
    return weighted.to(hidden.dtype)
