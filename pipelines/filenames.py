"""File and folder names from A1111's patterns; whatever a prompt says, they stay where they are.

A pattern mixes text and tokens: `[seed]-[prompt_words]`. A token may take arguments,
`[prompt_hash<6>]`. A token that does not apply to the job vanishes together with the text before
it; an unknown one stays as it is written.
"""

import hashlib
import re
import string
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PIL import Image

from pipelines.plan import ImagePlan, Plan

MAX_PART_LENGTH = 128
"""Characters kept of one token's text (A1111: --filenames-max-length)."""

MAX_PROMPT_WORDS = 8
MAX_FOLDER_DEPTH = 8
MAX_FOLDER_BYTES = 200

DEFAULT_PATTERN_IN_SUBFOLDER = "[seed]"
DEFAULT_PATTERN = "[seed]-[prompt_spaces]"

_FORBIDDEN = frozenset('#<>:"/\\|?*')
_UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DEVICES = frozenset(
    {"CON", "PRN", "AUX", "NUL"} | {f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10)}
)
_TOKEN = re.compile(r"\[([^\[\]<>]+)((?:<[^<>]*>)*)\]")
_ARGUMENT = re.compile(r"<([^<>]*)>")
_BETWEEN_WORDS = re.compile(f"[\\s{re.escape(string.punctuation)}]+")


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a name is made from: one picture of a job."""

    plan: Plan
    image_plan: ImagePlan
    image: Image.Image


Token = Callable[[Named, tuple[str, ...]], str | None]


def file_stem(pattern: str, named: Named) -> str:
    """The name that `pattern` gives, without number and extension; may be empty."""
    return clean(expand(pattern, named), max_length=None)


def folder_parts(pattern: str, named: Named) -> tuple[str, ...]:
    """The folders below the output directory that `pattern` names, outermost first.

    A slash in the pattern itself separates folders; one in a prompt does not. No part is empty,
    starts with a dot or names a device of Windows.
    """
    cleaned = (clean(part).lstrip(". ") for part in re.split(r"[/\\]", expand(pattern, named)))
    parts = [shorten(part, MAX_FOLDER_BYTES) for part in cleaned if part]
    return tuple(_not_a_device(part) for part in parts[:MAX_FOLDER_DEPTH] if part)


def expand(pattern: str, named: Named) -> str:
    """`pattern` with its tokens replaced; the texts they stand for are cleaned, the rest is not."""
    written: list[str] = []
    end = 0
    for match in _TOKEN.finditer(pattern):
        before, end = pattern[end : match.start()], match.end()
        token = TOKENS.get(match[1].lower())
        if token is None:
            written.append(before + match[0])
            continue
        text = token(named, tuple(_ARGUMENT.findall(match[2])))
        if text is not None:
            written.append(before + text)
    return "".join([*written, pattern[end:]])


def clean(text: str, *, max_length: int | None = MAX_PART_LENGTH) -> str:
    """`text` as part of a name on every system: A1111's rules, and no control characters.

    Characters that some system forbids become "_"; leading spaces and trailing spaces and dots go.
    """
    safe = "".join(
        "_" if letter in _FORBIDDEN or unicodedata.category(letter) in _UNPRINTABLE else letter
        for letter in text
    )
    return safe.lstrip(" ")[:max_length].rstrip(" .")


def shorten(name: str, max_bytes: int) -> str:
    """`name` cut to `max_bytes` of UTF-8 without splitting a character."""
    return name.encode("utf-8")[:max_bytes].decode("utf-8", "ignore").rstrip(" .")


def _not_a_device(part: str) -> str:
    stem, dot, rest = part.partition(".")
    return f"{stem}_{dot}{rest}" if stem.upper() in _DEVICES else part


def _text(read: Callable[[Named], str], *, spaces: bool = True) -> Token:
    """A token that stands for a text, cleaned; without `spaces`, they become "_"."""

    def token(named: Named, arguments: tuple[str, ...]) -> str:
        cleaned = clean(read(named))
        return cleaned if spaces else clean(read(named).replace(" ", "_"))

    return token


def _number(read: Callable[[Named], float | None]) -> Token:
    """A token that stands for a number; None when it does not apply."""

    def token(named: Named, arguments: tuple[str, ...]) -> str | None:
        number = read(named)
        return None if number is None else f"{number:.10g}" if number % 1 else f"{number:.0f}"

    return token


def _hash(read: Callable[[Named], bytes], digits: int | None) -> Token:
    """A token for the first `digits` of a SHA-256; its argument is another number of digits."""

    def token(named: Named, arguments: tuple[str, ...]) -> str:
        wanted = digits
        if arguments and re.fullmatch("[0-9]{1,4}", arguments[0]):
            wanted = int(arguments[0])
        return hashlib.sha256(read(named)).hexdigest()[:wanted]

    return token


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _created(format: str) -> Token:
    def token(named: Named, arguments: tuple[str, ...]) -> str:
        return named.plan.created.strftime(format)

    return token


def _datetime(named: Named, arguments: tuple[str, ...]) -> str:
    """`[datetime<Format><Time Zone>]`; a zone or format that is of no use is left out."""
    moment: datetime = named.plan.created
    if len(arguments) > 1 and arguments[1]:
        try:
            moment = moment.astimezone(ZoneInfo(arguments[1]))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            moment = named.plan.created
    default = "%Y%m%d%H%M%S"
    try:
        return clean(moment.strftime(arguments[0] if arguments and arguments[0] else default))
    except ValueError:
        return moment.strftime(default)


def _prompt_words(named: Named, arguments: tuple[str, ...]) -> str:
    words = [word for word in _BETWEEN_WORDS.split(named.plan.prompt.positive) if word]
    return clean(" ".join(words[:MAX_PROMPT_WORDS]) or "empty")


def _has_prompt(named: Named, arguments: tuple[str, ...]) -> str:
    """`[hasprompt<text|otherwise>…]`: each text that the prompt contains, or what stands for it."""
    prompt = named.plan.prompt.positive.lower()
    found = ""
    for argument in arguments:
        wanted, _, otherwise = argument.partition("|")
        found += wanted if wanted.lower() in prompt else otherwise
    return clean(found)


def _does_not_apply(named: Named, arguments: tuple[str, ...]) -> None:
    return None


def _nothing(named: Named, arguments: tuple[str, ...]) -> str:
    return ""


def _batch_seeds(named: Named) -> list[int]:
    batches = named.plan.batches
    return [image.seed for batch in batches if named.image_plan in batch for image in batch]


def _sampler_and_schedule(named: Named) -> str:
    return f"{named.plan.sampler.label} {named.plan.schedule}"


def _several(named: Named) -> bool:
    return len(named.plan.images) > 1


TOKENS: Mapping[str, Token] = {
    "basename": _does_not_apply,
    "seed": _number(lambda named: named.image_plan.seed),
    "seed_first": _number(lambda named: _batch_seeds(named)[0]),
    "seed_last": _number(
        lambda named: _batch_seeds(named)[-1] if named.plan.request.batch.size > 1 else None
    ),
    "steps": _number(lambda named: named.plan.request.sampling.steps),
    "cfg": _number(lambda named: named.plan.request.sampling.cfg_scale),
    "width": _number(lambda named: named.image.width),
    "height": _number(lambda named: named.image.height),
    "styles": _text(lambda named: ", ".join(named.plan.request.prompt.styles) or "None"),
    "sampler": _text(lambda named: named.plan.sampler.label),
    "sampler_scheduler": _text(_sampler_and_schedule),
    "scheduler": _text(lambda named: named.plan.schedule),
    "model_hash": _text(lambda named: named.plan.checkpoint.short_hash),
    "model_name": _text(lambda named: named.plan.checkpoint.stem),
    "date": _created("%Y-%m-%d"),
    "datetime": _datetime,
    "job_timestamp": _created("%Y%m%d%H%M%S"),
    "prompt_hash": _hash(lambda named: _encoded(named.plan.prompt.positive), 8),
    "negative_prompt_hash": _hash(lambda named: _encoded(named.plan.prompt.negative), 8),
    "full_prompt_hash": _hash(
        lambda named: _encoded(f"{named.plan.prompt.positive} {named.plan.prompt.negative}"), 8
    ),
    "prompt": _text(lambda named: named.plan.prompt.positive, spaces=False),
    "prompt_no_styles": _text(lambda named: named.plan.request.prompt.positive, spaces=False),
    "prompt_spaces": _text(lambda named: named.plan.prompt.positive),
    "prompt_words": _prompt_words,
    "batch_number": _number(
        lambda named: (
            named.image_plan.index % size + 1
            if (size := named.plan.request.batch.size) > 1
            else None
        )
    ),
    "batch_size": _number(lambda named: named.plan.request.batch.size),
    "generation_number": _number(
        lambda named: named.image_plan.index + 1 if _several(named) else None
    ),
    "hasprompt": _has_prompt,
    "clip_skip": _number(lambda named: named.plan.settings.CLIP_stop_at_last_layers),
    "denoising": _number(lambda named: named.plan.request.sampling.denoising_strength),
    "user": _does_not_apply,
    "vae_filename": _does_not_apply,
    "none": _nothing,
    "image_hash": _hash(lambda named: named.image.tobytes(), None),
}
"""A1111's tokens. Those that speak of things a job does not have (yet) vanish."""
