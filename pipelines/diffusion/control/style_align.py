"""[StyleAlign]: the pictures of a batch look at each other wherever each would look at itself.

Self-attention is then over the tokens of all pictures; those that follow the prompt are together,
and those that follow the negative prompt are. There is no model; what is shared is a fact of the
ControlNet extension.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from pipelines.diffusion.parts import Unet

SELF_ATTENTION = ".attn1.processor"
"""How the places end at which a UNet of diffusers attends to its own picture."""


class SharedAttention:
    """An attention processor around another one, for a batch of so many pictures.

    Rows come as diffusers has them: all pictures for the negative prompt, then all for the prompt,
    or the latter alone.
    """

    def __init__(self, inner: Any, pictures: int) -> None:  # noqa: ANN401 any of diffusers' processors
        self._inner = inner
        self._pictures = pictures

    def looked_at(self, states: torch.Tensor) -> torch.Tensor:
        """What each row attends to: `states` (rows x tokens x width), with all of its batch's."""
        return self._together(states).repeat_interleave(self._pictures, dim=0)

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """As diffusers calls it; whoever gives other states has decided what is looked at."""
        if encoder_hidden_states is not None:
            return self._inner(attn, hidden_states, encoder_hidden_states, attention_mask)
        shared = self._inner(attn, self._together(hidden_states), None, attention_mask)
        return shared.reshape(hidden_states.shape)

    def _together(self, states: torch.Tensor) -> torch.Tensor:
        """One row of tokens for the pictures of each prompt."""
        return states.reshape(len(states) // self._pictures, -1, states.shape[-1])


@contextmanager
def style_aligned(unet: Unet, *, pictures: int) -> Iterator[None]:
    """`unet` samples a batch of `pictures` in one style; as it was before, afterwards.

    A picture alone has nobody to look at, and nothing is touched.
    """
    if pictures < 2:
        yield
        return
    before = dict(unet.attn_processors)
    shared = {
        place: SharedAttention(inner, pictures) if place.endswith(SELF_ATTENTION) else inner
        for place, inner in before.items()
    }
    try:
        unet.set_attn_processor(shared)
        yield
    finally:
        unet.set_attn_processor(before)
