"""Textual inversion: vectors that stand in a prompt where their name is written.

A1111 looks for names among the token ids of a text, so that capitals and spaces do not matter, and
takes the longest name that begins at a place.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch

CLIP_L, CLIP_G = "clip_l", "clip_g"
"""The two text encoders an embedding may have vectors for, named as in SDXL's files.

A model with a single encoder counts as having the first, but for SDXL's refiner.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Embedding:
    """One embedding, read; equal to another if their files are.

    `vectors` are float32, `count` x width, by the encoder that they are for. `sha256` is of the
    file, in hexadecimal digits.
    """

    name: str
    sha256: str
    vectors: Mapping[str, torch.Tensor] = field(compare=False, repr=False)

    @property
    def count(self) -> int:
        """Vectors, each of which takes the place of a token."""
        return len(next(iter(self.vectors.values())))

    @property
    def widths(self) -> dict[str, int]:
        """The length of a vector, by encoder."""
        return {encoder: vectors.shape[1] for encoder, vectors in self.vectors.items()}

    @property
    def nbytes(self) -> int:
        """Bytes of all vectors."""
        return sum(vectors.nbytes for vectors in self.vectors.values())

    @property
    def short_hash(self) -> str:
        """As A1111 writes it into the infotext: 12 digits."""
        return self.sha256[:12]


class NameIndex:
    """The names of embeddings as a tokenizer has them, to be found at a place in a text."""

    def __init__(self, names: Iterable[tuple[Sequence[int], str]] = ()) -> None:
        """`names` are the token ids of each name."""
        self._by_first: defaultdict[int, list[tuple[tuple[int, ...], str]]] = defaultdict(list)
        for ids, name in names:
            if ids:
                self._by_first[ids[0]].append((tuple(ids), name))
        for found in self._by_first.values():
            found.sort(key=lambda pair: len(pair[0]), reverse=True)

    def at(self, ids: Sequence[int], place: int) -> Iterator[tuple[str, int]]:
        """The names that begin at `place`, the longest first, each with its length in tokens."""
        for wanted, name in self._by_first.get(ids[place], ()):
            if tuple(ids[place : place + len(wanted)]) == wanted:
                yield name, len(wanted)


class EmbeddingWords:
    """The embeddings that may stand in the texts of one job."""

    def __init__(
        self,
        index: NameIndex | None = None,
        load: Callable[[str], Embedding | None] = lambda name: None,
    ) -> None:
        """`load` gives the embedding of a name, or None where it is of no use."""
        self._index = index or NameIndex()
        self._load = load

    def at(self, ids: Sequence[int], place: int) -> tuple[Embedding, int] | None:
        """The embedding with the longest name that begins at `place`, and that name's length."""
        for name, length in self._index.at(ids, place):
            embedding = self._load(name)
            if embedding is not None:
                return embedding, length
        return None


NO_EMBEDDINGS = EmbeddingWords()
