"""How A1111 lays out and weighs a prompt, written again from its description; slow and plain."""

from typing import Any

import torch

from pipelines.prompting.attention import BREAK, parse_attention


def slow_layout(tokenizer: Any, text: str, backtrack: int) -> list[tuple[list[int], list[float]]]:
    """Ids and weights of each chunk of 77."""
    comma = tokenizer.convert_tokens_to_ids(",</w>")
    segments: list[list[tuple[int, float]]] = [[]]
    for words, weight in parse_attention(text):
        if (words, weight) == BREAK:
            segments.append([])
            continue
        for token in tokenizer.tokenize(words):
            segments[-1].append((tokenizer.convert_tokens_to_ids(token), weight))
    chunks: list[list[tuple[int, float]]] = []
    for number, segment in enumerate(segments):
        rest = segment
        while len(rest) > 75:
            cut = 75
            commas = [place for place in range(75) if rest[place][0] == comma]
            if commas and 75 - commas[-1] <= backtrack and rest[75][0] != comma:
                cut = commas[-1] + 1
            chunks.append(rest[:cut])
            rest = rest[cut:]
        broken_off = number < len(segments) - 1
        if rest or broken_off or not chunks:
            chunks.append(rest)
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    laid_out = []
    for chunk in chunks:
        ids = [start, *(token for token, _ in chunk)]
        weights = [1.0, *(weight for _, weight in chunk)]
        while len(ids) < 77:
            ids.append(end)
            weights.append(1.0)
        laid_out.append((ids, weights))
    return laid_out


def slow_embedding(
    tokenizer: Any, encoder: Any, text: str, *, clip_skip: int, emphasis: str
) -> torch.Tensor:
    """One prompt's embedding, 1x(77n)xD in float64, token by token."""
    parts = []
    for ids, weights in slow_layout(tokenizer, text, 20):
        with torch.no_grad():
            output = encoder(torch.tensor([ids]), output_hidden_states=True)
            hidden = output.last_hidden_state
            if clip_skip > 1:
                hidden = encoder.final_layer_norm(output.hidden_states[-clip_skip])
        plain = hidden[0].double()
        weighted = plain.clone()
        if emphasis in ("Original", "No norm"):
            for place, weight in enumerate(weights):
                weighted[place] *= weight
        if emphasis == "Original":
            weighted *= plain.mean() / weighted.mean()
        parts.append(weighted)
    return torch.cat(parts)[None]


def slow_layout_with_embeddings(
    tokenizer: Any, text: str, backtrack: int, embeddings: dict[str, torch.Tensor]
) -> list[list[tuple[int, float, torch.Tensor | None]]]:
    """Each chunk as at most 75 slots: token, weight, and the vector that stands in its place."""

    def ids_of(words: str) -> list[int]:
        return [tokenizer.convert_tokens_to_ids(token) for token in tokenizer.tokenize(words)]

    comma = tokenizer.convert_tokens_to_ids(",</w>")
    names = sorted(embeddings, key=lambda name: len(ids_of(name)), reverse=True)
    chunks: list[Any] = []
    slots: list[Any] = []
    for words, weight in parse_attention(text):
        if (words, weight) == BREAK:
            chunks.append(slots)
            slots = []
            continue
        left = ids_of(words)
        while left:
            here = [name for name in names if ids_of(name) == left[: len(ids_of(name))]]
            if len(slots) == 75:
                commas = [place for place in range(75) if slots[place][0] == comma]
                near = bool(commas) and 75 - commas[-1] <= backtrack and left[0] != comma
                cut = commas[-1] + 1 if near else 75
                chunks.append(slots[:cut])
                slots = slots[cut:]
            if not here:
                slots.append((left.pop(0), weight, None))
                continue
            rows = embeddings[here[0]]
            if len(slots) + len(rows) > 75:
                chunks.append(slots)
                slots = []
            slots += [(0, weight, row) for row in rows]
            left = left[len(ids_of(here[0])) :]
    return [*chunks, slots] if slots or not chunks else chunks
