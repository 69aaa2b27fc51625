"""From the tokens of a prompt to files: what a job is made with, and what it has to do without."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from pipelines.catalog.networks import NetworkCatalog, NetworkFile
from pipelines.errors import InvalidRequest, ModelBroken
from pipelines.networks.tokens import LORA_KINDS, AskedLora, name_of, read_lora, shown
from pipelines.prompting.reading import NetworkToken

HYPERNETWORK = "hypernet"

_MOST_PARTS = 4  # of a name, divided by colons

NAMED = 5
"""Tokens that a note lists by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedLora:
    """One LoRA of a job: its file, under the name it was `mentioned` by, and its strengths.

    `rank` as in `AskedLora`. `short_hash` is "" where it is not wanted or cannot be had.
    """

    file: NetworkFile
    mentioned: str
    text: float
    unet: float
    rank: int | None = None
    short_hash: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedNetworks:
    """The networks of a job, in the order of the prompt.

    `missing` are names that no file has. `notes` are sentences for the user, on all that a prompt
    asks for and does not get.
    """

    loras: tuple[PlannedLora, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


NO_NETWORKS = PlannedNetworks()


def plan_networks(
    tokens: Sequence[NetworkToken], catalog: NetworkCatalog, *, with_hashes: bool
) -> PlannedNetworks:
    """Look up what the tokens name; the job goes on without what there is not, as in A1111.

    The strengths of a file that is named more than once are added up. ModelBroken for a file that
    is there but is not opened, with the reason.
    """
    if not tokens:
        return NO_NETWORKS
    loras: dict[object, PlannedLora] = {}
    missing: dict[str, None] = {}
    notes: list[str] = []
    for token in tokens:
        if token.kind.lower() not in LORA_KINDS:
            continue
        file, parts = _find(token, catalog)
        if file is None:
            missing[name_of(token, parts)] = None
            continue
        try:
            asked = read_lora(token, name_parts=parts)
        except InvalidRequest as error:
            notes.append(str(error))
            continue
        notes += [f"{shown(token)}: {key[:20]}= counts for nothing." for key in asked.ignored]
        if file.refused:
            raise ModelBroken(f"LoRA {asked.name!r} cannot be used: {file.refused}")
        key = (file.path, asked.rank)
        loras[key] = _more_of(loras.get(key), asked, file)
    wanted = tuple(loras.values())
    if with_hashes:
        wanted = tuple(replace(lora, short_hash=_hash(catalog, lora.file)) for lora in wanted)
    return PlannedNetworks(
        loras=wanted,
        missing=tuple(missing),
        notes=(*_missing_note(tuple(missing)), *_other_kinds(tokens), *_few(notes)),
    )


def _find(token: NetworkToken, catalog: NetworkCatalog) -> tuple[NetworkFile | None, int]:
    """The file that a token names, and how many of its arguments make the name.

    A colon ends a name, as in A1111, unless only a longer one names a file.
    """
    for parts in range(1, min(len(token.arguments), _MOST_PARTS) + 1):
        file = catalog.find(name_of(token, parts))
        if file is not None:
            return file, parts
    return None, 1


def _more_of(before: PlannedLora | None, asked: AskedLora, file: NetworkFile) -> PlannedLora:
    if before is not None:
        return replace(before, text=before.text + asked.text, unet=before.unet + asked.unet)
    return PlannedLora(
        file=file, mentioned=asked.name, text=asked.text, unet=asked.unet, rank=asked.rank
    )


def _hash(catalog: NetworkCatalog, file: NetworkFile) -> str:
    """The hash, or nothing for a file that cannot be read: that is said when it is applied."""
    try:
        return catalog.hash_of(file)
    except OSError:
        return ""


def _missing_note(missing: Sequence[str]) -> Iterator[str]:
    if missing:
        names = [name[:80] for name in missing[:NAMED]]
        yield f"Lora not found: {', '.join(names)}{_and_more(len(missing))}."


def _other_kinds(tokens: Iterable[NetworkToken]) -> Iterator[str]:
    """On tokens that are no LoRAs, which A1111 takes out of the prompt, too."""
    others = [token for token in tokens if token.kind.lower() not in LORA_KINDS]
    hypernetworks = [token for token in others if token.kind.lower() == HYPERNETWORK]
    unknown = [token for token in others if token.kind.lower() != HYPERNETWORK]
    for what, left_out in (("hypernetworks", hypernetworks), ("networks of this kind", unknown)):
        if left_out:
            listed = ", ".join(map(shown, left_out[:NAMED]))
            yield f"Redraw applies no {what}; left out: {listed}{_and_more(len(left_out))}."


def _few(notes: Sequence[str]) -> Sequence[str]:
    """The first notes; a prompt may hold any number of wrong tokens."""
    return notes[:NAMED]


def _and_more(count: int) -> str:
    return f", and {count - NAMED} more" if count > NAMED else ""
