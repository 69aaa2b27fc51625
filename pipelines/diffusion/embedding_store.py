"""The embeddings of a job: names found in its texts, files read when they are, and what came of it.

An embedding that cannot be used is no reason to refuse a job: its name is read as words, as in
A1111, and the user is told.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.headers import read_json
from pipelines.catalog.networks import NetworkFile
from pipelines.diffusion.cache import BoundedCache
from pipelines.diffusion.embedding_files import read_embedding
from pipelines.diffusion.embeddings import (
    CLIP_G,
    CLIP_L,
    Embedding,
    EmbeddingWords,
    NameIndex,
)
from pipelines.diffusion.parts import Components, Tokenizer
from pipelines.diffusion.text_chunks import Chunk
from pipelines.errors import ModelBroken

Widths = Mapping[str, int]
"""Numbers of a token's vector by text encoder: CLIP_L, CLIP_G or both."""

_WIDTHS: Mapping[ModelFamily, Widths] = {
    ModelFamily.sd1: {CLIP_L: 768},
    ModelFamily.sd2: {CLIP_L: 1024},
    ModelFamily.sdxl: {CLIP_L: 768, CLIP_G: 1280},
    ModelFamily.sdxl_refiner: {CLIP_G: 1280},
}
_FOLDERS: Mapping[str, str] = {CLIP_L: "text_encoder", CLIP_G: "text_encoder_2"}
_KEPT = 64 * 1024**2  # bytes of vectors


def widths_of(components: Components) -> Widths:
    """Those of a loaded model."""
    parts = (CLIP_G,) if components.is_refiner else (CLIP_L, CLIP_G)
    encoders = components.text_encoders
    return {
        part: encoder.config.hidden_size for part, encoder in zip(parts, encoders, strict=False)
    }


def stated_widths(checkpoint: Checkpoint) -> Widths | None:
    """Those of a model that may not be loaded, by what it says about itself; None if it does not.

    ModelBroken when a part of a folder cannot be read.
    """
    if checkpoint.layout is Layout.file:
        return _WIDTHS.get(checkpoint.family)
    configs = {part: checkpoint.path / folder / "config.json" for part, folder in _FOLDERS.items()}
    widths = {
        part: read_json(path).get("hidden_size") for part, path in configs.items() if path.is_file()
    }
    return {part: width for part, width in widths.items() if isinstance(width, int)} or None


class JobEmbeddings:
    """What one job may use: `words` finds it in texts, `used` and `notes` are what came of them."""

    def __init__(
        self,
        index: NameIndex,
        files: Mapping[str, NetworkFile],
        store: "EmbeddingStore",
        widths: Widths | None,
    ) -> None:
        self._files = files
        self._store = store
        self._widths = widths
        self._loaded: dict[str, Embedding | None] = {}
        self._used: dict[str, Embedding] = {}
        self._problems: list[str] = []
        self.words = EmbeddingWords(index, self._load)

    def note(self, chunks: Iterable[Chunk]) -> tuple[Embedding, ...]:
        """Take down which embeddings stand in the chunks of a text; these, in order."""
        found = tuple(embedding for chunk in chunks for _, embedding in chunk.embeddings)
        self._used.update((embedding.name, embedding) for embedding in found)
        return found

    @property
    def used(self) -> tuple[Embedding, ...]:
        """Those that stand in a text, in the order in which they were found."""
        return tuple(self._used.values())

    @property
    def hashes(self) -> Mapping[str, str]:
        """A1111's hash of each, by name."""
        return {one.name: one.short_hash for one in self.used}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user is told, one sentence each."""
        listed = ", ".join(f"{one.name} [{one.short_hash}]" for one in self.used)
        return (*((f"Used embeddings: {listed}.",) if listed else ()), *self._problems)

    def _load(self, name: str) -> Embedding | None:
        if name not in self._loaded:
            try:
                embedding = self._store.read(self._files[name])
                self._check(embedding)
            except ModelBroken as error:
                self._problems.append(
                    f"Embedding {name!r} is not used and its name read as words: {error}"
                )
                embedding = None
            self._loaded[name] = embedding
        return self._loaded[name]

    def _check(self, embedding: Embedding) -> None:
        """ModelBroken if it is for another model; the refiner takes its half of one for SDXL."""
        widths = self._widths
        if widths is None or embedding.widths == widths:
            return
        if set(widths) == {CLIP_G} and widths.items() <= embedding.widths.items():
            return
        raise ModelBroken(
            f"its vectors have {_shown(embedding.widths)} numbers where "
            f"those of this model have {_shown(widths)}."
        )


def _shown(widths: Widths) -> str:
    return " and ".join(map(str, widths.values()))


class EmbeddingStore:
    """Embeddings as they are named; those used last stay in memory. Safe in several threads."""

    def __init__(self) -> None:
        self._read: BoundedCache[Embedding] = BoundedCache(_KEPT, lambda one: one.nbytes)
        self._indices: BoundedCache[NameIndex] = BoundedCache(8, lambda _: 1)

    def for_job(
        self,
        files: Sequence[NetworkFile],
        tokenizer: Tokenizer,
        *,
        key: Hashable,
        widths: Widths | None,
    ) -> JobEmbeddings:
        """What texts of one job may name; `key` tells one tokenizer from another.

        `widths` are the model's; None lets all pass.
        """
        by_name = {file.name: file for file in files}
        names = tuple(by_name)
        index = self._indices.get((key, names), lambda: _index(tokenizer, names))
        return JobEmbeddings(index, by_name, self, widths)

    def read(self, file: NetworkFile) -> Embedding:
        """The embedding of a file, read again once it has changed; ModelBroken if no use."""
        try:
            status = file.path.stat()
        except OSError as error:
            raise ModelBroken(f"{file.path.name} cannot be read: {error.strerror}.") from error
        key = (file.path, file.refused, status.st_size, status.st_mtime_ns)
        return self._read.get(key, lambda: read_embedding(file))


def _index(tokenizer: Tokenizer, names: Sequence[str]) -> NameIndex:
    if not names:
        return NameIndex()
    ids = tokenizer(names, add_special_tokens=False, truncation=False, verbose=False)["input_ids"]
    return NameIndex(zip(ids, names, strict=True))
