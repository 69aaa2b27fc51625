"""What is touched of the networks' classes, whose mixins and decorators hide their types."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import nn


class Network(Protocol):
    """A torch module that knows its configuration."""

    config: Any
    dtype: torch.dtype
    to: Callable[..., object]
    register_forward_pre_hook: Callable[..., torch.utils.hooks.RemovableHandle]
    register_forward_hook: Callable[..., torch.utils.hooks.RemovableHandle]

    def modules(self) -> Iterator[nn.Module]:
        """Every layer, and this."""
        ...

    def parameters(self) -> Iterator[nn.Parameter]:
        """The weights."""
        ...

    def buffers(self) -> Iterator[torch.Tensor]:
        """What is stored beside the weights."""
        ...


def dtype_of(network: Network) -> torch.dtype:
    """The number format of the weights; diffusers' own answer goes through every layer first."""
    return next(network.parameters()).dtype


class Vae(Network, Protocol):
    """AutoencoderKL."""

    encoder: nn.Module
    decoder: nn.Module
    use_tiling: bool
    encode: Callable[[torch.Tensor], Any]
    decode: Callable[[torch.Tensor], Any]
    enable_tiling: Callable[[], None]
    disable_tiling: Callable[[], None]


class Unet(Network, Protocol):
    """UNet2DConditionModel."""

    attn_processors: dict[str, Any]
    set_attn_processor: Callable[[dict[str, Any]], None]
    set_attention_slice: Callable[[str], None]
    state_dict: Callable[[], dict[str, torch.Tensor]]


class TextEncoder(Network, Protocol):
    """CLIPTextModel; SDXL's second is a CLIPTextModelWithProjection."""

    final_layer_norm: nn.LayerNorm
    get_input_embeddings: Callable[[], nn.Module]
    __call__: Callable[..., Any]


class Tokenizer(Protocol):
    """CLIPTokenizer."""

    bos_token_id: int
    eos_token_id: int
    pad_token_id: int | None

    def __call__(
        self, text: Sequence[str], *, add_special_tokens: bool, truncation: bool, verbose: bool
    ) -> Mapping[str, list[list[int]]]:
        """Token ids of each text under "input_ids"."""
        ...

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text by name."""
        ...

    def get_vocab(self) -> Mapping[str, int]:
        """Ids by token."""
        ...


class DiffusersScheduler(Protocol):
    """Any of diffusers' schedulers; no class has all the tables."""

    timesteps: torch.Tensor
    alphas_cumprod: torch.Tensor
    final_alpha_cumprod: torch.Tensor
    is_scale_input_called: bool
    _step_index: int
    set_timesteps: Callable[[int], None]
    step: Callable[..., tuple[torch.Tensor, ...]]


class Pipeline(Protocol):
    """Any of diffusers' pipelines; the arguments of a call are `assemble.call_arguments`."""

    scheduler: object
    unet: Unet
    set_progress_bar_config: Callable[..., None]
    to: Callable[[torch.device], object]
    enable_model_cpu_offload: Callable[..., None]
    enable_sequential_cpu_offload: Callable[..., None]
    register_modules: Callable[..., None]
    remove_all_hooks: Callable[[], None]
    __call__: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Components:
    """One model's parts, shared by every pipeline that is assembled from them.

    `scheduler_config` is the model's noise table and prediction type, as its folder gives them.
    SDXL has a second text encoder, CLIP of OpenCLIP's size bigG, whose tokenizer pads otherwise;
    SDXL's refiner has that one alone, as its only.
    """

    vae: Vae
    unet: Unet
    text_encoder: TextEncoder
    tokenizer: Tokenizer
    scheduler_config: Mapping[str, Any]
    text_encoder_2: TextEncoder | None = None
    tokenizer_2: Tokenizer | None = None

    @property
    def text_encoders(self) -> tuple[TextEncoder, ...]:
        """One, or SDXL's two in order."""
        second = self.text_encoder_2
        return (self.text_encoder,) if second is None else (self.text_encoder, second)

    @property
    def is_sdxl(self) -> bool:
        """Whether the UNet is told sizes and a pooled text, too: SDXL's, and its refiner's."""
        return self.unet.config["addition_embed_type"] == "text_time"

    @property
    def is_refiner(self) -> bool:
        """Whether this is SDXL's refiner, which is told an aesthetic score in place of a size."""
        return self.is_sdxl and self.text_encoder_2 is None

    @property
    def nbytes(self) -> int:
        """Bytes of all weights."""
        return sum(
            tensor.numel() * tensor.element_size()
            for network in (self.vae, self.unet, *self.text_encoders)
            for tensor in (*network.parameters(), *network.buffers())
        )
