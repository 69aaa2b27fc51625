"""A prompt as a UNet is told it: an embedding of its tokens, and for SDXL two vectors beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What one text says; tensors have one row, and T is 77 times its chunks.

    `tokens` is 1xTxD. SDXL is also told `pooled`, 1xP, the text as one vector, and `sizes`, 1xN,
    what `text_sdxl.size_numbers` gives (diffusers: text_embeds, time_ids).
    """

    tokens: torch.Tensor
    pooled: torch.Tensor | None = None
    sizes: torch.Tensor | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(tensor.numel() * tensor.element_size() for tensor in self._tensors())

    def zeroed(self) -> "Encoded":
        """Nothing said at all, which an empty text does not say; sizes stay."""
        pooled = None if self.pooled is None else torch.zeros_like(self.pooled)
        return replace(self, tokens=torch.zeros_like(self.tokens), pooled=pooled)

    def sized(self, sizes: torch.Tensor | None) -> "Encoded":
        """The same text, told beside these sizes."""
        return replace(self, sizes=sizes)

    def _tensors(self) -> Iterator[torch.Tensor]:
        yield from (one for one in (self.tokens, self.pooled, self.sizes) if one is not None)


def added_rows(
    texts: Sequence[Encoded], pictures: int, device: torch.device
) -> dict[str, torch.Tensor]:
    """What SDXL is told beside the tokens, `pictures` rows for each text; nothing for the others.

    In float32: the UNet makes waves of the sizes before it lowers their precision.
    """
    rows: dict[str, torch.Tensor] = {}
    for name, tensors in (
        ("text_embeds", [text.pooled for text in texts]),
        ("time_ids", [text.sizes for text in texts]),
    ):
        there = [tensor.expand(pictures, -1) for tensor in tensors if tensor is not None]
        if there:
            rows[name] = torch.cat(there).to(device, torch.float32)
    return rows
