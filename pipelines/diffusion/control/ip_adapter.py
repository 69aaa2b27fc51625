"""IP-Adapters: pictures as prompts, through an attention of their own beside that to the texts.

The attention is diffusers' own `IPAdapterAttnProcessor2_0`, put in for a while wherever the UNet
attends to texts. One processor serves all IP-Adapters of a job.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers.models.attention_processor import IPAdapterAttnProcessor2_0
from torch import nn

from pipelines.control.ip_weights import Depths
from pipelines.diffusion.control.networks import Acting, on_device
from pipelines.diffusion.parts import Unet
from pipelines.errors import ModelBroken

_TEXT_ATTENTION = ".attn2.processor"
_PROJECTION, _LAYERS = "image_proj.", "ip_adapter."


class IpAdapter(nn.Module):
    """An IP-Adapter's weights: a picture's embedding to tokens, and keys and values of each layer.

    `sees_patches` tells those that look at the encoder's last but one layer (plus, full face);
    the others take its summary of the picture. `width` is what the encoder's vectors must have.
    """

    def __init__(
        self, projection: nn.Module, keys: nn.ParameterList, values: nn.ParameterList
    ) -> None:
        super().__init__()
        self.projection = projection
        self.keys = keys
        self.values = values
        self.sees_patches = not hasattr(projection, "image_embeds")
        self.width = 0

    def tokens(self, embedding: torch.Tensor) -> torch.Tensor:
        """What is attended to: 1xTxD, of an embedding 1xE or 1xPxE."""
        projected: torch.Tensor = self.projection(embedding.to(self.keys[0].dtype))
        return projected.reshape(1, -1, projected.shape[-1])


def build_ip_adapter(
    name: str, tensors: dict[str, torch.Tensor], unet: Unet, title: str
) -> IpAdapter:
    """The weights of an IP-Adapter file; ModelBroken if its layers are not those of the UNet."""
    projection = {
        key.removeprefix(_PROJECTION): tensor
        for key, tensor in tensors.items()
        if key.startswith(_PROJECTION)
    }
    convert: Any = unet
    network = IpAdapter(
        convert._convert_ip_adapter_image_proj_to_diffusers(projection, low_cpu_mem_usage=False),
        *(_layer_weights(tensors, part) for part in ("to_k_ip", "to_v_ip")),
    )
    network.width = _width(projection)
    expected = [_text_attention(unet, place).to_k.weight.shape for place in text_attentions(unet)]
    given = [weights.shape for weights in network.keys]
    if given != expected:
        raise ModelBroken(
            f"model {name} has {len(given)} attention layers of widths {_widths(given)}, and "
            f"checkpoint {title} has {len(expected)} of {_widths(expected)}; "
            "choose a model made for it."
        )
    return network


def _layer_weights(tensors: dict[str, torch.Tensor], part: str) -> nn.ParameterList:
    """In the order of the layers, whose numbers are odd: the even ones attend to no texts."""
    ending = f".{part}.weight"
    names = [key for key in tensors if key.startswith(_LAYERS) and key.endswith(ending)]
    names.sort(key=lambda key: int(key.split(".")[1]))
    return nn.ParameterList(nn.Parameter(tensors[key], requires_grad=False) for key in names)


def _width(projection: dict[str, torch.Tensor]) -> int:
    """Numbers of a vector of the encoder that the projection begins with."""
    for name in ("proj.weight", "proj_in.weight", "proj.0.weight"):
        if name in projection:
            return projection[name].shape[1]
    raise KeyError("image_proj")


def _widths(shapes: Sequence[Sequence[int]]) -> str:
    """Texts' width, and those of the layers."""
    return ", ".join(dict.fromkeys(f"{shape[1]} to {shape[0]}" for shape in shapes))


def text_attentions(unet: Unet) -> list[str]:
    """Where the UNet attends to texts, in the order of IP-Adapter files: down, up, middle."""
    return [place for place in unet.attn_processors if place.endswith(_TEXT_ATTENTION)]


def _text_attention(unet: Unet, place: str) -> Any:  # noqa: ANN401 diffusers' Attention
    return cast(nn.Module, unet).get_submodule(place.removesuffix(".processor"))


def _group(place: str) -> tuple[int, ...]:
    """Sorts places from input through middle to output, those of one transformer together."""
    part, *rest = place.split(".")
    order = {"down_blocks": 0, "mid_block": 1, "up_blocks": 2}[part]
    return (order, *(int(word) for word in rest[:3] if word.isdigit()))


def depths_of(unet: Unet) -> Depths:
    """How many layers there are to spread a weight over."""
    groups = sorted({_group(place) for place in text_attentions(unet)})
    parts = [group[0] for group in groups]
    sdxl = unet.config.get("addition_embed_type") == "text_time"
    return Depths(inputs=parts.count(0), outputs=parts.count(2), sdxl=sdxl)


@dataclass(frozen=True, kw_only=True)
class ImageUnit:
    """One IP-Adapter at work.

    `tokens` and `nothing` (1xTxD) are what its picture amounts to for the rows of the prompt, and
    no picture for those of the negative one. `scales` hold one number a layer, as `Depths` counts.
    """

    network: IpAdapter
    tokens: torch.Tensor
    nothing: torch.Tensor
    scales: tuple[float, ...]
    acting: Acting


class ImageAttention:
    """The IP-Adapters of one batch of `pictures`; `attached` makes the UNet ready for `states`."""

    def __init__(self, units: Sequence[ImageUnit], *, pictures: int, unet: Unet) -> None:
        self._units = units
        self._pictures = pictures
        self._unet = unet
        places = text_attentions(unet)
        groups = sorted({_group(place) for place in places})
        self._layers = [groups.index(_group(place)) for place in places]
        self._processors = {
            place: self._processor(number, place) for number, place in enumerate(places)
        }

    def _processor(self, number: int, place: str) -> IPAdapterAttnProcessor2_0:
        width, texts = _text_attention(self._unet, place).to_k.weight.shape
        counts = [unit.tokens.shape[1] for unit in self._units]
        with torch.device("meta"):
            processor = IPAdapterAttnProcessor2_0(width, texts, num_tokens=counts)
        for index, unit in enumerate(self._units):
            cast(Any, processor.to_k_ip[index]).weight = unit.network.keys[number]
            cast(Any, processor.to_v_ip[index]).weight = unit.network.values[number]
        return processor

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The UNet attends to pictures, too, and expects `states` beside its texts."""
        before = dict(self._unet.attn_processors)
        with ExitStack() as undo:
            for unit in self._units:
                undo.enter_context(on_device(unit.network, unit.acting, unit.tokens.device))
            undo.callback(self._unet.set_attn_processor, before)
            self._unet.set_attn_processor({**before, **self._processors})
            yield

    def states(
        self, share: float | None, sample: torch.Tensor
    ) -> tuple[list[torch.Tensor], list[Any]]:
        """What is attended to at this call (rows x 1 x tokens x width, one a unit), and where.

        The second list holds diffusers' masks, None for everywhere. Scales are set on the way;
        without a share of the steps, nobody's counts.
        """
        active = [share is not None and unit.acting.is_active(share) for unit in self._units]
        for layer, processor in zip(self._layers, self._processors.values(), strict=True):
            scales = (unit.scales[layer] for unit in self._units)
            cast(Any, processor).scale = [
                scale if acts else 0.0 for scale, acts in zip(scales, active, strict=True)
            ]
        states = [self._rows(unit, sample) for unit in self._units]
        return states, [self._mask(unit, sample) for unit in self._units]

    def _rows(self, unit: ImageUnit, sample: torch.Tensor) -> torch.Tensor:
        guided = len(sample) == 2 * self._pictures
        parts = [unit.nothing, unit.tokens] if guided else [unit.tokens]
        rows = torch.cat([part.expand(self._pictures, -1, -1) for part in parts])
        return rows[:, None].to(sample)

    def _mask(self, unit: ImageUnit, sample: torch.Tensor) -> torch.Tensor | None:
        """Rows x 1 x H x W; diffusers resizes it to every layer."""
        rows = unit.acting.rows(len(sample), self._pictures)
        if unit.acting.region is None and len(rows) == len(sample):
            return None
        size = sample.shape[-2:]
        whole = torch.ones(1, 1, *size, device=sample.device)
        mask = torch.zeros(len(sample), 1, *size, device=sample.device)
        mask[rows] = unit.acting.masked(whole)
        return mask
