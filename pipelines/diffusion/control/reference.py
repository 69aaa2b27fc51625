"""reference_only and its kin: the UNet looks at a picture as it looks at itself.

Before each call the reference, noised as the sample is, goes through the UNet; what its layers
attend to, and their means and deviations, are remembered. In the real call they are laid beside, or
in place of, what the sample's own are. There is no model: facts of the ControlNet extension.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import torch
from torch import nn

from pipelines.control.units import ControlMode, ControlUnit
from pipelines.diffusion.control.networks import Acting
from pipelines.diffusion.control.style_align import SELF_ATTENTION, SharedAttention
from pipelines.diffusion.parts import Unet

_LEAST_VARIANCE, _NO_STYLE = 1e-6, 1e-5


@dataclass(frozen=True, kw_only=True)
class ReferenceUnit:
    """One reference at work: `latents` are 1x4xhxw, clean.

    `style` is Style Fidelity, 0 to 1: how much of the negative prompt's rows stay without it.
    """

    latents: torch.Tensor
    weight: float
    style: float
    acting: Acting
    attends: bool = True
    normalises: bool = False


def style_fidelity(unit: ControlUnit, slider: float, *, sdxl: bool) -> float:
    """By the slider, but 0 for the mode that prefers the prompt and 1 for that of the control."""
    style = {ControlMode.prompt: 0.0, ControlMode.control: 1.0}.get(unit.mode, slider)
    return style**3 if sdxl else style


class _Phase(Enum):
    idle = "nothing is remembered"
    write = "the reference passes"
    read = "the sample passes"


class References:
    """The references of a batch of `pictures`; `attached` while it is sampled."""

    def __init__(
        self,
        units: Sequence[ReferenceUnit],
        *,
        pictures: int,
        unet: Unet,
        seeds: Sequence[int],
    ) -> None:
        self._units = units
        self._pictures = pictures
        self._unet = unet
        # Sources of their own, so that the sampler's noise is what it is without a reference.
        self._sources = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self._phase = _Phase.idle
        self._unit: ReferenceUnit | None = None
        self._negative = torch.zeros(0, dtype=torch.bool)
        self._banks: list[_Bank] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """The UNet's layers remember and recall, once `remember` is called before each call."""
        before = dict(self._unet.attn_processors)
        with ExitStack() as undo:
            undo.callback(self._unet.set_attn_processor, before)
            self._unet.set_attn_processor({**before, **self._processors(before)})
            for module, rank in _normalised(self._unet):
                bank = _Bank(rank)
                self._banks.append(bank)
                undo.callback(module.register_forward_hook(self._normalise(bank)).remove)
            yield

    def remember(
        self,
        ask: Callable[[torch.Tensor], object],
        *,
        share: float,
        sigma: float,
        sample: torch.Tensor,
    ) -> None:
        """Let every active reference pass; `ask` calls the UNet with other latents."""
        for bank in self._banks:
            bank.kept.clear()
        active = [unit for unit in self._units if unit.acting.is_active(share) and unit.weight > 0]
        rows = len(sample)
        self._negative = torch.arange(rows, device=sample.device) < rows - self._pictures
        for unit in active:
            self._phase, self._unit = _Phase.write, unit
            ask(self._noised(unit, sigma, sample))
        self._phase = _Phase.read if active else _Phase.idle

    def _noised(self, unit: ReferenceUnit, sigma: float, sample: torch.Tensor) -> torch.Tensor:
        """The reference at a noise level, one row for each of the sample's; each picture's own."""
        shape = unit.latents.shape[1:]
        drawn = [torch.randn(shape, generator=source) for source in self._sources]
        noise = torch.stack(drawn).to(unit.latents)
        rows = (unit.latents + noise * sigma) / (1 + sigma**2) ** 0.5
        return rows.repeat(len(sample) // len(rows), 1, 1, 1).to(sample)

    def _processors(self, before: dict[str, Any]) -> dict[str, Any]:
        """Around each attention of the picture to itself; the widest are the first to take part."""
        places = [place for place in before if place.endswith(SELF_ATTENTION)]
        places.sort(key=_depth)
        widths = {place: _attention(self._unet, place).to_q.in_features for place in places}
        places.sort(key=lambda place: -widths[place])
        processors: dict[str, Any] = {}
        for number, place in enumerate(places):
            bank = _Bank(number / len(places))
            self._banks.append(bank)
            processors[place] = _SelfAttention(self, bank, before[place])
        return processors

    def writes(self, bank: "_Bank", *, attention: bool) -> "ReferenceUnit | None":
        """The unit whose reference passes now, if it concerns this layer."""
        unit = self._unit
        if self._phase is not _Phase.write or unit is None or unit.weight <= bank.rank:
            return None
        return unit if (unit.attends if attention else unit.normalises) else None

    @property
    def reads(self) -> bool:
        """Whether the sample passes."""
        return self._phase is _Phase.read

    def recall(
        self,
        bank: "_Bank",
        own: torch.Tensor,
        change: Callable[[list[int], list[torch.Tensor]], torch.Tensor],
    ) -> torch.Tensor:
        """`own`, a layer's output without references, as they change it; `change` takes some rows
        and what those rows have of every reference that they are to look at.

        Of the negative prompt's rows as much stays as the style wants.
        """
        result = own.clone()
        for rows, entries in self._groups(bank, len(own)):
            style = sum(unit.style for unit, _ in entries) / len(entries)
            changed = change(rows, [kept[rows] for _, kept in entries])
            if style > _NO_STYLE:
                share = (self._negative[rows] * style).to(own)
                changed = torch.lerp(changed, own[rows], share.reshape(-1, *[1] * (own.ndim - 1)))
            result[rows] = changed
        return result

    def _groups(self, bank: "_Bank", total: int) -> Iterator[tuple[list[int], list["_Entry"]]]:
        """Rows that look at the same references, and those; rows that look at none are left out."""
        seen: dict[tuple[int, ...], list[int]] = {}
        shown = [set(unit.acting.rows(total, self._pictures)) for unit, _ in bank.kept]
        for row in range(total):
            looks = tuple(number for number, rows in enumerate(shown) if row in rows)
            seen.setdefault(looks, []).append(row)
        for looks, rows in seen.items():
            if looks:
                yield rows, [bank.kept[number] for number in looks]

    def _normalise(self, bank: "_Bank") -> Callable[..., Any]:
        def hook(module: nn.Module, args: object, output: Any) -> Any:  # noqa: ANN401 a tensor or a tuple
            own: torch.Tensor = output[0] if isinstance(output, tuple) else output
            unit = self.writes(bank, attention=False)
            if unit is not None:
                bank.kept.append((unit, torch.stack(_moments(own), dim=1)))
            if not (self.reads and bank.kept):
                return output

            def change(rows: list[int], entries: list[torch.Tensor]) -> torch.Tensor:
                mean, deviation = _moments(own[rows])
                wanted = torch.stack(entries).mean(dim=0)
                return (own[rows] - mean) / deviation * wanted[:, 1] + wanted[:, 0]

            mixed = self.recall(bank, own, change)
            return (mixed, *output[1:]) if isinstance(output, tuple) else mixed

        return hook


_Entry = tuple[ReferenceUnit, torch.Tensor]


class _Bank:
    """What one layer remembers of the references; it takes part for weights above its `rank`."""

    def __init__(self, rank: float) -> None:
        self.rank = rank
        self.kept: list[_Entry] = []


class _SelfAttention:
    """An attention processor that remembers, or recalls, what is attended to."""

    def __init__(self, references: References, bank: _Bank, inner: Any) -> None:  # noqa: ANN401 any of diffusers' processors
        self._references = references
        self._bank = bank
        self._inner = inner

    def __call__(
        self,
        attn: nn.Module,
        hidden_states: torch.Tensor,
        encoder_hidden_states: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """As diffusers calls it; a picture attends to itself, so that no other states are given."""
        bank, references = self._bank, self._references
        unit = references.writes(bank, attention=True)
        if unit is not None:
            bank.kept.append((unit, hidden_states.clone()))
        own = self._inner(attn, hidden_states, encoder_hidden_states, attention_mask)
        if not (references.reads and bank.kept):
            return own

        def change(rows: list[int], entries: list[torch.Tensor]) -> torch.Tensor:
            seen = hidden_states
            if isinstance(self._inner, SharedAttention):
                seen = self._inner.looked_at(seen)
            beside = torch.cat([seen[rows], *entries], dim=1)
            return self._inner(attn, hidden_states[rows], beside, None)

        return references.recall(bank, own, change)


def _moments(tensor: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation over height and width."""
    variance, mean = torch.var_mean(tensor, dim=(2, 3), keepdim=True, correction=0)
    return mean, variance.clamp(min=_LEAST_VARIANCE).sqrt()


def _attention(unet: Unet, place: str) -> Any:  # noqa: ANN401 diffusers' Attention
    return cast(nn.Module, unet).get_submodule(place.removesuffix(".processor"))


def _depth(place: str) -> int:
    return ("down_blocks", "mid_block", "up_blocks").index(place.split(".")[0])


def _normalised(unet: Unet) -> Iterator[tuple[nn.Module, float]]:
    """Layers whose means and deviations are the reference's, and the weights above which.

    The middle one first; on the way in the deepest first, on the way out likewise. The first level
    in and the last out take no part.
    """
    network = cast(Any, unet)
    yield network.mid_block, 0.0
    inward = [layer for block in network.down_blocks[1:] for layer in _layers(block)]
    for number, layer in enumerate(inward):
        yield layer, 2 * (1 - number / len(inward))
    outward = [
        layer for block in network.up_blocks[:-1] for layer in _layers(block, block.upsamplers)
    ]
    for number, layer in enumerate(outward):
        yield layer, 2 * number / len(outward)


def _layers(block: Any, upsamplers: Any = None) -> list[nn.Module]:  # noqa: ANN401 diffusers' blocks
    """Each resnet, or the attention behind it; of the last, what makes the picture larger."""
    layers = list(getattr(block, "attentions", None) or block.resnets)
    return [*layers[:-1], upsamplers[0]] if upsamplers else layers
