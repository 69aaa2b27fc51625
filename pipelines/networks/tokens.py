"""What `<lora:name:te:unet:dyn>` asks for, with A1111's rules for its arguments."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from pipelines.errors import InvalidRequest
from pipelines.prompting.reading import NetworkToken

LORA_KINDS = frozenset({"lora", "lyco"})
"""Both words mean the same, and any file of the family may be named by either."""

_TEXT, _UNET, _RANK = "te", "unet", "dyn"
_SHOWN = 80  # characters of a token that are repeated to the user


@dataclass(frozen=True, kw_only=True, slots=True)
class AskedLora:
    """One token, read: a file's name or alias, and how strongly it acts on texts and pictures.

    `rank` is how many of a LoRA's ranks count, from the first; None for all. `ignored` are named
    arguments that mean nothing here.
    """

    name: str
    text: float = 1.0
    unet: float = 1.0
    rank: int | None = None
    ignored: tuple[str, ...] = ()


def read_lora(token: NetworkToken, *, name_parts: int = 1) -> AskedLora:
    """What a token of a kind in LORA_KINDS asks for; InvalidRequest for what is no number.

    `name_parts` are its first arguments that make the name, of a file with colons in it.
    After the name stand, each of them optional: the text encoder's strength (1), the UNet's (the
    same), and the rank. Each may be named instead, as `te=0.5`, `unet=0.8`, `dyn=8`, which wins.
    """
    arguments = token.arguments[name_parts:]
    named: dict[str, str] = {}
    in_order: list[str] = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if equals:
            named[key.strip()] = value
        else:
            in_order.append(argument)
    values = {**dict(zip((_TEXT, _UNET, _RANK), in_order, strict=False)), **named}
    text = _strength(values, _TEXT, token, 1.0)
    return AskedLora(
        name=name_of(token, name_parts),
        text=text,
        unet=_strength(values, _UNET, token, text),
        rank=_rank(values, token),
        ignored=tuple(key for key in named if key not in (_TEXT, _UNET, _RANK)),
    )


def name_of(token: NetworkToken, parts: int) -> str:
    """The name that the first `parts` arguments make."""
    return ":".join(token.arguments[:parts])


def shown(token: NetworkToken) -> str:
    """The token as the user is reminded of it."""
    return token.written[:_SHOWN]


def _strength(values: Mapping[str, str], key: str, token: NetworkToken, otherwise: float) -> float:
    if key not in values:
        return otherwise
    try:
        strength = float(values[key])
    except ValueError:
        strength = math.nan
    if not math.isfinite(strength):
        raise InvalidRequest(f"{shown(token)} is left out: {values[key]!r} is no strength.")
    return strength


def _rank(values: Mapping[str, str], token: NetworkToken) -> int | None:
    if _RANK not in values:
        return None
    try:
        rank = int(values[_RANK])
    except ValueError:
        rank = 0
    if rank < 1:
        raise InvalidRequest(
            f"{shown(token)} is left out: {values[_RANK]!r} is no rank, which is 1 or more."
        )
    return rank
