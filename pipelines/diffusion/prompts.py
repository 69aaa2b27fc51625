"""The prompts of a job, read: every text of every step to what the network is told.

Texts are encoded before sampling begins, and what was made of them is kept for the next job. A
prompt may say something else at each of many steps, at any length: what of that does not fit into
the memory set aside for it is encoded when its step has come, again and again if need be.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.networks import NetworkFile
from pipelines.diffusion.cache import BoundedCache
from pipelines.diffusion.embedding_store import (
    EmbeddingStore,
    JobEmbeddings,
    stated_widths,
    widths_of,
)
from pipelines.diffusion.encoded import Encoded
from pipelines.diffusion.guidance import Guidance, Skips, Told
from pipelines.diffusion.load import load_tokenizer
from pipelines.diffusion.models import fingerprint_of
from pipelines.diffusion.parts import Components, Network, Tokenizer
from pipelines.diffusion.text_chunks import TextOptions, count_tokens, split_into_chunks
from pipelines.diffusion.text_sdxl import encode_prompt, says_nothing, size_numbers
from pipelines.monitor import Monitor
from pipelines.plan import Plan
from pipelines.prompting.reading import Part
from pipelines.settings import Settings

MEGABYTE = 1024**2

HELD = 256 * MEGABYTE
"""Bytes of a job's encoded texts that are held until it ends: 500 prompts for SDXL in 16 bits."""

COUNTED = 300_000
"""Characters whose tokens are counted at once, which takes seconds: of more, the longest texts."""


@dataclass(frozen=True, kw_only=True)
class ReadPrompts:
    """What the network is told in a job, and which embeddings were found in its texts."""

    guidance: Guidance
    embeddings: JobEmbeddings


class Prompts:
    """Reads the prompts of jobs; keeps tokenizers, embeddings and encoded texts used last.

    `read` is for one thread at a time; `count_tokens` may be called from others.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._tokenizers: BoundedCache[Tokenizer] = BoundedCache(8, lambda _: 1)
        self._embeddings = EmbeddingStore()
        self._texts: BoundedCache[Encoded] = BoundedCache(64 * MEGABYTE, lambda text: text.nbytes)

    def read(
        self, plan: Plan, components: Components, *, key: Hashable, monitor: Monitor
    ) -> ReadPrompts | None:
        """Everything the texts of `plan` say; None once no batch is to begin any more.

        `key` tells one state of the text encoders' weights from another. InvalidRequest for a clip
        skip beyond their layers.
        """
        embeddings = self._embeddings.for_job(
            plan.embeddings, components.tokenizer, key=key, widths=widths_of(components)
        )

        def encode(text: str) -> Encoded:
            return self._encode(plan, components, text, embeddings, key, monitor)

        texts = _Texts(encode, components, monitor)
        negative = plan.texts.negative
        said = [text for part in (*plan.texts.positive, negative) for text in part.texts]
        try:
            texts.prepare(dict.fromkeys(("", *said)))
        except _Stopped:
            return None

        def told(part: Part) -> Told:
            is_negative = part is negative
            sizes = size_numbers(components, plan.settings, plan.size, negative=is_negative)
            is_nothing = is_negative and says_nothing(components, part.texts)

            def at_step(text: str) -> Encoded:
                encoded = texts.get(text).sized(sizes)
                return encoded.zeroed() if is_nothing else encoded

            return Told(embeddings=_ByStep(part.texts, at_step), weight=part.weight)

        guidance = Guidance(
            parts=tuple(map(told, plan.texts.positive)),
            negative=told(negative),
            empty=texts.get(""),
            pad=plan.settings.pad_cond_uncond,
            skips=Skips.of(plan),
        )
        return ReadPrompts(guidance=guidance, embeddings=embeddings)

    def count_tokens(
        self,
        texts: Iterable[str],
        checkpoint: Checkpoint,
        settings: Settings,
        embeddings: Sequence[NetworkFile],
    ) -> tuple[int, int]:
        """Tokens in the longest of `texts`, and tokens its chunks hold (75, 150, ...).

        Of `embeddings`, those that fit the checkpoint count as many as they have vectors. Of more
        than COUNTED characters the texts with the most are looked at.
        """
        key = (checkpoint.path, fingerprint_of(checkpoint.path, f"Checkpoint {checkpoint.name!r}"))
        tokenizer = self._tokenizers.get(key, lambda: load_tokenizer(checkpoint))
        options = TextOptions.of(settings)
        widths = stated_widths(checkpoint) if embeddings else None
        found = self._embeddings.for_job(embeddings, tokenizer, key=key, widths=widths)
        return max(count_tokens(tokenizer, text, options, found.words) for text in _longest(texts))

    def clear(self) -> None:
        """Forget the encoded texts."""
        self._texts.clear()

    def _encode(
        self,
        plan: Plan,
        components: Components,
        text: str,
        embeddings: JobEmbeddings,
        key: Hashable,
        monitor: Monitor,
    ) -> Encoded:
        options = TextOptions.of(plan.settings)
        chunks, _ = split_into_chunks(components.tokenizer, text, options, embeddings.words)
        found = embeddings.note(chunks)

        def make() -> Encoded:
            monitor.stage("Reading the prompt")
            return encode_prompt(components, text, options, self._device, embeddings.words)

        return self._texts.get((key, text, options, found), make)


class _Stopped(Exception):
    """Reading a text was broken off, since nobody waits for it any more."""


class _Texts:
    """The texts of one job as they are asked for; those read first are held."""

    def __init__(
        self, encode: Callable[[str], Encoded], components: Components, monitor: Monitor
    ) -> None:
        self._encode = encode
        self._components = components
        self._monitor = monitor
        self._held: dict[str, Encoded] = {}
        self._room = HELD
        self._last: Encoded | None = None

    def prepare(self, texts: Iterable[str]) -> None:
        """Read `texts` in order as long as there is room; _Stopped once no batch is to begin."""
        for text in texts:
            self._read(text, lambda: self._monitor.stop_after_batch)
            if text not in self._held:
                return

    def get(self, text: str) -> Encoded:
        """One text. Where the batch is to end at this step, the last one stands for any other."""
        held = self._held.get(text)
        if held is not None:
            return held
        try:
            return self._read(text, lambda: self._monitor.stop_now)
        except _Stopped:
            assert self._last is not None  # the first is read before sampling
            return self._last

    def _read(self, text: str, is_stopped: Callable[[], bool]) -> Encoded:
        if is_stopped():
            raise _Stopped
        with _interrupted(self._components.text_encoders, is_stopped):
            encoded = self._encode(text)
        self._last = encoded
        if encoded.nbytes <= self._room:
            self._room -= encoded.nbytes
            self._held[text] = encoded
        return encoded


@contextmanager
def _interrupted(encoders: Sequence[Network], is_stopped: Callable[[], bool]) -> Iterator[None]:
    """_Stopped is raised before the next chunk that an encoder is given, once `is_stopped`."""

    def look(*call: object) -> None:
        if is_stopped():
            raise _Stopped

    with ExitStack() as hooks:
        for encoder in encoders:
            hooks.callback(encoder.register_forward_pre_hook(look).remove)
        yield


class _ByStep(Sequence[Encoded]):
    """A part's texts by step, each read when it is looked at."""

    def __init__(self, texts: Sequence[str], read: Callable[[str], Encoded]) -> None:
        self._texts = texts
        self._read = read

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401 a slice gives a list
        if isinstance(place, slice):
            return [self[number] for number in range(*place.indices(len(self)))]
        return self._read(self._texts[int(place)])


def _longest(texts: Iterable[str]) -> Iterator[str]:
    """The texts with the most characters, of which there are COUNTED at most but for the first."""
    left = COUNTED
    for number, text in enumerate(sorted(texts, key=len, reverse=True)):
        left -= len(text)
        if number and left < 0:
            return
        yield text
