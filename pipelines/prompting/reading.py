"""A prompt as it is typed, to what the text encoder is to read: one text for every step and part.

In this order: comments go, `<name:arguments>` are taken out, `AND` divides the positive prompt
into parts with weights, and each part says its text at each step. Attention, `BREAK` and tokens
come later, where there is a text encoder.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipelines.prompting.schedule import texts_by_step
from pipelines.requests import Prompt, Sampling
from pipelines.samplers import find_sampler
from pipelines.settings import Settings

_COMMENT = re.compile(r"#[^\n]*")
_NETWORK = re.compile(r"<(\w+):([^>]+)>")
_AND = re.compile(r"\bAND\b")
_WEIGHT = re.compile(r"\s*([+-]?(?:[0-9]+\.?|[0-9]*\.[0-9]+))\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """What stands between two ANDs: its `texts_by_step`, and by how much it counts."""

    texts: tuple[str, ...]
    weight: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkToken:
    """One `<kind:argument:…>` of a prompt, such as `<lora:name:0.8>`; `written` is all of it."""

    kind: str
    arguments: tuple[str, ...]
    written: str


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptTexts:
    """Both prompts of a job, read. `positive` has one part at least.

    The negative prompt knows neither AND nor networks: there they are words, as in A1111.
    `networks` are the positive prompt's, whose texts have them no more.
    """

    positive: tuple[Part, ...]
    negative: Part
    networks: tuple[NetworkToken, ...] = ()


def schedule_steps(sampling: Sampling) -> int:
    """Over how many steps a prompt's schedule goes: those on the slider, whatever the strength.

    Samplers that ask the network twice in a step count twice, as in A1111.
    """
    return sampling.steps * (2 if find_sampler(sampling.sampler).second_order else 1)


def read_prompt(prompt: Prompt, settings: Settings, *, steps: int) -> PromptTexts:
    """Read both texts of `prompt`, whose styles are applied; `steps` as `schedule_steps` says.

    Never fails, and takes time in proportion to the length of the texts, and to the steps where
    they say something else at each.
    """
    old_rule = settings.use_old_scheduling

    def part(text: str, weight: float = 1.0) -> Part:
        return Part(texts=texts_by_step(text, steps, old_rule=old_rule), weight=weight)

    positive, networks = take_networks(_without_comments(prompt.positive, settings))
    return PromptTexts(
        positive=tuple(part(text, weight) for text, weight in split_at_ands(positive)),
        negative=part(_without_comments(prompt.negative, settings)),
        networks=networks,
    )


def networks_of(prompt: Prompt, settings: Settings) -> tuple[NetworkToken, ...]:
    """Those that `read_prompt` finds, without its other work."""
    return take_networks(_without_comments(prompt.positive, settings))[1]


def take_networks(text: str) -> tuple[str, tuple[NetworkToken, ...]]:
    """`text` without its `<name:arguments>`, and those in order."""
    # No search begins where it could only run on to the end.
    end = text.rfind(">") + 1
    found = tuple(
        NetworkToken(
            kind=match.group(1),
            arguments=tuple(match.group(2).split(":")),
            written=match.group(),
        )
        for match in _NETWORK.finditer(text, 0, end)
    )
    return (_NETWORK.sub("", text[:end]) + text[end:] if found else text), found


def split_at_ands(text: str) -> Iterator[tuple[str, float]]:
    """The texts between the ANDs, and the weight that stands after each as ":0.5"; else 1.

    A text without AND is left as it is: "at 8:30" asks for no thirtyfold guidance.
    """
    parts = _AND.split(text)
    if len(parts) == 1:
        yield text, 1.0
        return
    for part in parts:
        before, colon, after = part.rpartition(":")
        match = _WEIGHT.fullmatch(after) if colon else None
        yield (before.strip(), float(match.group(1))) if match else (part.strip(), 1.0)


def _without_comments(text: str, settings: Settings) -> str:
    return _COMMENT.sub("", text) if settings.enable_prompt_comments else text
