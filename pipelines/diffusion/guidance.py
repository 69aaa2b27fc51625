"""What the network is told at each call: texts that change by step, several at once, one left out.

Diffusers' pipelines take one embedding for all steps, and guide by
negative + scale * (positive - negative). A1111 has more: other texts at other steps, parts joined
by AND, each with a weight, and calls without the negative prompt. Hooks around the UNet give all of
it to any pipeline. The one in front lays the call's texts before the network; the one behind asks
it again for every further part, and answers with

    positive = negative + sum of weight * (part - negative)

for which the pipeline's own guidance is A1111's sum. The units see every question like any other:
rows for the negative prompt and for the prompt, or rows for a part alone.

A network that edits by instruction (InstructPix2Pix) is guided twice, towards the picture and
towards the text. It is asked for the negative prompt once more without the picture, and what it
answered to all others is moved by (image scale - 1) * (negative - unseen).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from torch import nn

from pipelines.diffusion.encoded import Encoded, added_rows
from pipelines.diffusion.parts import Unet
from pipelines.plan import Plan
from pipelines.prompting.schedule import position_at
from pipelines.samplers import Family

LONGEST = 4
"""How often an embedding may be repeated to be as long as another of another length."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A prompt as it is told by step, as `texts_by_step` has its texts, and its weight."""

    embeddings: Sequence[Encoded]
    weight: float = 1.0

    def at(self, call: int) -> Encoded:
        """The one for a model call, counted from 0."""
        return self.embeddings[position_at(call, len(self.embeddings))]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """How a network that edits by instruction is guided towards the picture.

    `scale` is A1111's Image CFG Scale; within `unseen` the network does not see the picture.
    """

    scale: float
    unseen: Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Skips:
    """At which calls the negative prompt is left out, which makes them faster.

    For the first share `early` of all `calls` (A1111: skip_early_cond); and below the noise level
    `sigma` (A1111: s_min_uncond, NGMS) at odd calls, or at `all` of them. 0 is never.
    """

    early: float = 0.0
    sigma: float = 0.0
    all: bool = False
    calls: int = 1

    @classmethod
    def of(cls, plan: Plan) -> "Skips":
        """Those of a job. Of timestep samplers A1111 counts one step more than they make."""
        steps = plan.steps.executed + (plan.sampler.family is not Family.k_diffusion)
        return cls(
            early=plan.settings.skip_early_cond,
            sigma=plan.settings.s_min_uncond,
            all=plan.settings.s_min_uncond_all,
            calls=steps * (2 if plan.sampler.second_order else 1),
        )

    def at(self, call: int, sigma: float) -> bool:
        """Whether the negative prompt is left out at this call, at this noise level."""
        early = self.early > 0 and call / self.calls <= self.early
        return early or (sigma < self.sigma and (self.all or call % 2 == 1))


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """All that the network is told in a job.

    `parts` are the positive prompt's, at least one. `empty` is what an empty prompt is: with `pad`,
    what the shorter of two is filled up with (A1111: pad_cond_uncond).
    """

    parts: tuple[Told, ...]
    negative: Told
    empty: Encoded
    pad: bool = False
    skips: Skips = Skips()

    @property
    def is_plain(self) -> bool:
        """Whether the prompt is one part that counts fully, so that there is nothing to sum up."""
        return len(self.parts) == 1 and self.parts[0].weight == 1

    def pair(self, call: int) -> tuple[Encoded, Encoded]:
        """Negative prompt and first part at a call, of the same length."""
        negative, positive = self.negative.at(call), self.parts[0].at(call)
        level = _padded if self.pad else same_length
        tokens = level(negative.tokens, positive.tokens, self.empty.tokens)
        return replace(negative, tokens=tokens[0]), replace(positive, tokens=tokens[1])


def same_length(
    first: torch.Tensor, second: torch.Tensor, empty: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both embeddings with as many chunks as the least common multiple of theirs.

    Each is repeated whole. Attention is a mean over tokens, which does not change when there are
    equally many of each, so that both say what they would say alone, and yet run in one batch. Very
    unequal ones would become too long; these are filled up with the `empty` prompt's chunk.
    """
    common = math.lcm(first.shape[1], second.shape[1])
    if common > LONGEST * max(first.shape[1], second.shape[1]):
        return _padded(first, second, empty)
    return (
        first.repeat(1, common // first.shape[1], 1),
        second.repeat(1, common // second.shape[1], 1),
    )


def _padded(
    first: torch.Tensor, second: torch.Tensor, empty: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both embeddings with as many chunks as the longer has, by appending the empty prompt's."""
    longest = max(first.shape[1], second.shape[1])

    def padded(embedding: torch.Tensor) -> torch.Tensor:
        missing = (longest - embedding.shape[1]) // empty.shape[1]
        return torch.cat([embedding, *[empty] * missing], dim=1)

    return padded(first), padded(second)


@contextmanager
def guided(
    unet: Unet,
    guidance: Guidance,
    *,
    pictures: int,
    sigma: Callable[[], float],
    calls_before: Callable[[], int] = lambda: 0,
    edit: Edit | None = None,
) -> Iterator[None]:
    """`unet` is told what `guidance` says, whatever texts it is called with, for one batch.

    `sigma` is the noise level of the next call; `calls_before` tells, at the first, how many of the
    job's calls another network has answered. Hooks that were laid before see every question by
    itself; those behind the UNet that are laid later see the sum, too.
    """
    asking = _Asking(guidance, pictures=pictures, sigma=sigma, calls_before=calls_before, edit=edit)
    hooks = [
        unet.register_forward_pre_hook(asking.before, with_kwargs=True, prepend=True),
        unet.register_forward_hook(asking.after),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True, kw_only=True)
class _Question:
    """A pipeline's call: what it gave, and how it was changed.

    `guided` tells whether its rows are for the negative prompt and the prompt, `paired` whether the
    network was asked for both.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    guided: bool
    paired: bool


class _Asking:
    """Stands before and behind a UNet; counts the calls of the pipeline."""

    def __init__(
        self,
        guidance: Guidance,
        *,
        pictures: int,
        sigma: Callable[[], float],
        calls_before: Callable[[], int],
        edit: Edit | None,
    ) -> None:
        self._guidance = guidance
        self._pictures = pictures
        self._sigma = sigma
        self._calls_before = calls_before
        self._edit = edit
        self._call: int | None = None
        self._depth = 0  # the UNet is called inside its own calls: by units, and by `_ask`
        self._question: _Question | None = None

    def before(
        self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """The texts of this call, and as many rows as they need."""
        self._depth += 1
        if self._depth > 1:
            return None
        guidance = self._guidance
        self._call = self._calls_before() if self._call is None else self._call + 1
        has_both = len(args[0]) == 2 * self._pictures
        wants_both = has_both or not guidance.is_plain or self._edit is not None
        paired = wants_both and not guidance.skips.at(self._call, self._sigma())
        self._question = _Question(args=args, kwargs=kwargs, guided=has_both, paired=paired)
        sample = self._rows(args[0])
        if paired:
            return self._asked(torch.cat([sample, sample]), guidance.pair(self._call))
        return self._asked(sample, (guidance.parts[0].at(self._call),))

    def after(
        self, module: nn.Module, args: object, output: tuple[torch.Tensor, ...]
    ) -> tuple[Any, ...] | None:
        """The answer, with as many rows as the pipeline has."""
        self._depth -= 1
        question = self._question
        if self._depth > 0 or question is None:
            return None
        try:
            return self._answer(module, question, output[0])
        finally:
            self._question = None

    def _answer(
        self, module: nn.Module, question: _Question, output: torch.Tensor
    ) -> tuple[Any, ...] | None:
        guidance, call = self._guidance, self._call
        assert call is not None
        edits = self._edit is not None and question.paired
        if guidance.is_plain and not edits and question.guided == question.paired:
            return None
        negative, first = output.chunk(2) if question.paired else (output, output)
        positive = first
        if not guidance.is_plain:
            # Where the negative prompt was left out, the first part stands for it.
            positive = negative + guidance.parts[0].weight * (first - negative)
            for part in guidance.parts[1:]:
                answer = self._ask(module, part.at(call))
                positive = positive + part.weight * (answer - negative)
        if self._edit is not None and question.paired:
            with self._edit.unseen():
                unseen = self._ask(module, guidance.negative.at(call))
            towards = (self._edit.scale - 1) * (negative - unseen)
            negative, positive = negative + towards, positive + towards
        if not question.guided:
            return (positive,)
        return (torch.cat([negative if question.paired else positive, positive]),)

    def _ask(self, module: nn.Module, text: Encoded) -> torch.Tensor:
        """What the network says to one more text."""
        assert self._question is not None
        args, kwargs = self._asked(self._rows(self._question.args[0]), (text,))
        self._depth += 1
        try:
            return cast(tuple[torch.Tensor, ...], module(*args, **kwargs))[0]
        finally:
            self._depth -= 1

    def _asked(
        self, sample: torch.Tensor, texts: Sequence[Encoded]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The pipeline's arguments for these rows, an equal number of them for each text."""
        assert self._question is not None
        rows = torch.cat([text.tokens.expand(self._pictures, -1, -1) for text in texts])
        kwargs = {**self._question.kwargs, "encoder_hidden_states": rows.to(sample.device)}
        added = added_rows(texts, self._pictures, sample.device)
        if added:
            kwargs["added_cond_kwargs"] = added
        return (sample, *self._question.args[1:]), kwargs

    def _rows(self, sample: torch.Tensor) -> torch.Tensor:
        """Of the pipeline's rows, which are the same twice where it guides, those of one text."""
        return sample[-self._pictures :]
