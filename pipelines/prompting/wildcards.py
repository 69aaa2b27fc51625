"""Wildcards: `__name__` in a prompt becomes a line of the text file of that name, by the seed.

A file has a line for each choice; empty lines and those that begin with # are passed over, and what
follows " #" is a comment. `__folder/name__` names a file in a sub-folder, and `__colour*__` takes
all files whose names match. Lines may hold wildcards themselves. Upper and lower case are alike.

The same seed and files give the same words: every picture of a job is drawn for by its own seed,
one `__name__` after the other. The negative prompt is drawn for by itself, so that a change of one
prompt changes nothing in the other.
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from random import Random

from pipelines.catalog.folders import Place
from pipelines.catalog.walk import walk
from pipelines.requests import Prompt

PLACE = Place(
    folders=(
        "wildcards",
        # A1111 and its extensions keep these beside its models folder rather than in it.
        "../wildcards",
        "../extensions/sd-dynamic-prompts/wildcards",
        "../extensions/stable-diffusion-webui-wildcards/wildcards",
    ),
    extensions=(".txt",),
)

MAX_DEPTH = 8
"""Wildcards within lines of wildcards that are filled in; one that names itself ends there."""

MAX_FILLED, MAX_ADDED = 1000, 50_000
"""Wildcards of one prompt that are filled in, and characters that they may add to it."""

MAX_BYTES, MAX_LINE = 16 * 1024**2, 5000
"""Bytes that are read of a file, and characters of a line; longer lines are passed over."""

NAMED = 5
"""Wildcards that a note lists by name."""

_WILDCARD = re.compile(r"__(?![_ ])((?:(?!__)[\w/.*\- ]){1,200})(?<! )__")
_COMMENT = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """A prompt for each seed, and what the user is told, a sentence each."""

    prompts: tuple[Prompt, ...]
    notes: tuple[str, ...] = ()


class WildcardFolders:
    """The text files below several folders, of which the first wins; safe in several threads.

    They are listed when first asked for, and again once a folder has changed. `within`: links may
    lead into these folders and `dirs`; None lets them lead anywhere. What a prompt says never
    becomes a path: names are looked up among those of the files that are there.
    """

    def __init__(self, dirs: Iterable[Path], *, within: Sequence[Path] | None = None) -> None:
        self._dirs = tuple(dirs)
        self._within = None if within is None else (*within, *self._dirs)
        self._lock = threading.Lock()
        self._files: Mapping[str, Path] = {}
        self._seen: Mapping[Path, int] | None = None  # folders and their times of change, in ns

    def names(self) -> tuple[str, ...]:
        """Every name that a prompt may use, without its underscores, sorted."""
        return tuple(sorted(self._current()))

    def fill(self, prompt: Prompt, seeds: Sequence[int]) -> Filled:
        """`prompt` with its wildcards filled in, for each of `seeds`.

        A name that no file has is left in the prompt, and told of.
        """
        if not (_WILDCARD.search(prompt.positive) or _WILDCARD.search(prompt.negative)):
            return Filled(prompts=(prompt,) * len(seeds))
        lines = _Lines(self._current())
        prompts = tuple(
            Prompt(
                positive=_Filling(Random(seed), lines.of).fill(prompt.positive),
                negative=_Filling(Random(f"negative {seed}"), lines.of).fill(prompt.negative),
                styles=prompt.styles,
            )
            for seed in seeds
        )
        return Filled(prompts=prompts, notes=tuple(lines.notes()))

    def _current(self) -> Mapping[str, Path]:
        with self._lock:
            if self._seen is None or any(
                _changed_at(path) != at for path, at in self._seen.items()
            ):
                self._list()
            return self._files

    def _list(self) -> None:
        files: dict[str, Path] = {}
        folders = dict.fromkeys(self._dirs, 0)
        allowed = None if self._within is None else [path.resolve() for path in self._within]
        for root in self._dirs:
            for path in walk(root, PLACE):
                real = path.resolve() if allowed is not None else path
                if allowed is not None and not any(map(real.is_relative_to, allowed)):
                    continue
                inside = path.relative_to(root)
                folders |= {root / parent: 0 for parent in inside.parents}
                files.setdefault(inside.with_suffix("").as_posix().lower(), path)
        self._files = files
        self._seen = {path: _changed_at(path) for path in folders}


class _Lines:
    """The lines of files, each read once for a job."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = files
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, name: str) -> tuple[str, ...]:
        """Those of the file or files of this name; none if there is none."""
        name = name.lower()
        if name not in self._known:
            self._known[name] = tuple(self._read(name))
        return self._known[name]

    def notes(self) -> Iterator[str]:
        """One sentence, if names were asked for in vain."""
        missing = [f"__{name}__" for name, lines in self._known.items() if not lines]
        if missing:
            more = [f"and {len(missing) - NAMED} more"] if len(missing) > NAMED else []
            listed = ", ".join([*missing[:NAMED], *more])
            yield f"Wildcards that are not there, or have no lines, stay as they are: {listed}."

    def _read(self, name: str) -> Iterator[str]:
        if "*" in name:
            found = [key for key in sorted(self._files) if fnmatchcase(key, name)]
        else:
            found = [name] if name in self._files else []
        for key in found:
            yield from _lines_of(self._files[key])


def _lines_of(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES)
    except OSError:  # it was there a moment ago; its name is then told of
        return
    for line in data.decode("utf-8-sig", "replace").splitlines():
        choice = _COMMENT.sub("", line).strip()
        if choice and len(choice) <= MAX_LINE:
            yield choice


@dataclass(slots=True)
class _Filling:
    """Fills in the wildcards of one text."""

    random: Random
    lines: Callable[[str], Sequence[str]]
    left: int = field(default=MAX_FILLED)
    room: int = field(default=MAX_ADDED)

    def fill(self, text: str, depth: int = 0) -> str:
        """`text`, itself `depth` wildcards deep."""

        def choose(match: re.Match[str]) -> str:
            options = self.lines(match.group(1)) if self.left else ()
            if not options:
                return match.group()
            self.left -= 1
            # `random` is the only method whose numbers Python promises never to change.
            chosen = options[int(self.random.random() * len(options))]
            self.room -= len(chosen)
            if self.room < 0:
                self.left = 0
                return match.group()
            return self.fill(chosen, depth + 1)

        return _WILDCARD.sub(choose, text) if depth < MAX_DEPTH else text


def _changed_at(folder: Path) -> int:
    try:
        return folder.stat().st_mtime_ns
    except OSError:
        return 0
