"""The user's styles: named pairs of prompt texts in A1111's `styles.csv`."""

import csv
import io
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import InvalidRequest, StorageFailed
from pipelines.files import write_atomically
from pipelines.requests import Prompt

PLACEHOLDER = "{prompt}"
COLUMNS = ("name", "prompt", "negative_prompt")


@dataclass(frozen=True, kw_only=True, slots=True)
class Style:
    """One row of the file. A text that contains `{prompt}` is wrapped around the prompt."""

    name: str
    positive: str = ""  # column "prompt"
    negative: str = ""  # column "negative_prompt"


class StyleBook:
    """The styles in one file, read again whenever the file changed; safe in several threads.

    A file that cannot be understood makes an empty book whose `problem` says why in a sentence;
    it is then never written to.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        self._seen: tuple[int, int] | None = None
        self._rows: tuple[Style, ...] = ()
        self._problem: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every style's name, in the order of the file; rows named `#…` are comments."""
        return tuple(self._styles())

    @property
    def problem(self) -> str | None:
        """One sentence on why the file could not be read; None when all is well."""
        with self._lock:
            self._refresh()
            return self._problem

    def get(self, name: str) -> Style:
        """The style of this name; InvalidRequest, listing what there is, when there is none."""
        styles = self._styles()
        if name in styles:
            return styles[name]
        if self.problem:
            raise InvalidRequest(f"Style {name!r} is not known. {self.problem}")
        known = ", ".join(styles) or "none yet"
        raise InvalidRequest(f"Style {name!r} is not known; there are: {known}.")

    def apply(self, prompt: Prompt) -> Prompt:
        """The prompt with its styles worked in, one after the other, and none left to apply."""
        positive, negative = prompt.positive, prompt.negative
        for style in map(self.get, prompt.styles):
            positive = _apply(style.positive, positive)
            negative = _apply(style.negative, negative)
        return Prompt(positive=positive, negative=negative)

    def extract(self, positive: str, negative: str) -> tuple[str, str, tuple[str, ...]]:
        """Undo `apply`: both texts without the styles found in both, and those styles' names.

        A style is found once at most, and only where it cuts something.
        """
        found: list[str] = []
        styles = self._styles()
        while True:
            for name, style in styles.items():
                shorter = _extract(style.positive, positive), _extract(style.negative, negative)
                if None not in shorter and shorter != (positive, negative):
                    positive, negative = shorter[0] or "", shorter[1] or ""
                    found.append(name)
                    break
            else:
                return positive, negative, tuple(reversed(found))
            del styles[found[-1]]

    def save(self, style: Style) -> None:
        """Add `style`, or replace the one of the same name in its place, and write the file.

        InvalidRequest for a name that is empty or begins with "#"; StorageFailed when the file
        cannot be written or could not be read.
        """
        if not style.name.strip() or style.name.startswith("#"):
            raise InvalidRequest(
                f"A style needs a name that does not begin with '#', got {style.name!r}."
            )
        with self._lock:
            self._refresh()
            rows = [style if row.name == style.name else row for row in self._rows]
            self._write(rows if style in rows else [*rows, style])

    def delete(self, name: str) -> None:
        """Remove a style; InvalidRequest when there is none, StorageFailed as for `save`."""
        with self._lock:
            self.get(name)
            self._write([row for row in self._rows if row.name != name])

    def _styles(self) -> dict[str, Style]:
        with self._lock:
            self._refresh()
            return {row.name: row for row in self._rows if not row.name.startswith("#")}

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._rows, self._problem = None, (), None
            return
        except OSError as error:
            self._seen, self._rows = None, ()
            self._problem = f"Styles file {self._path.name} cannot be read: {error.strerror}."
            return
        seen = status.st_mtime_ns, status.st_size
        if seen == self._seen:
            return
        self._seen, self._rows, self._problem = seen, (), None
        try:
            self._rows = _read(self._path)
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            self._problem = f"Styles file {self._path.name} cannot be read: {error}."

    def _write(self, rows: Sequence[Style]) -> None:
        if self._problem:
            raise StorageFailed(f"Styles were not saved. {self._problem}")
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(COLUMNS)
        writer.writerows((row.name, row.positive, row.negative) for row in rows)
        try:
            write_atomically(self._path, text.getvalue().encode("utf-8-sig"))
        except OSError as error:
            raise StorageFailed(
                f"Styles could not be saved to {self._path}: {error.strerror}."
            ) from error
        self._seen = None


def _read(path: Path) -> tuple[Style, ...]:
    """Rows in order; the oldest files call the prompt column "text"; rows without a name go."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ()
        if columns and "name" not in columns:
            raise csv.Error(f"its first line must be {','.join(COLUMNS)}")
        return tuple(
            Style(
                name=row["name"],
                positive=row.get("prompt") or row.get("text") or "",
                negative=row.get("negative_prompt") or "",
            )
            for row in reader
            if row["name"]
        )


def _apply(style: str, prompt: str) -> str:
    if PLACEHOLDER in style:
        return style.replace(PLACEHOLDER, prompt)
    return ", ".join(part for part in (prompt.strip(), style.strip()) if part)


def _extract(style: str, prompt: str) -> str | None:
    """`prompt` before `style` was applied to it; None when the style is not in it."""
    style, stripped = style.strip(), prompt.strip()
    if not style:
        return prompt
    before, placeholder, after = style.partition(PLACEHOLDER)
    if stripped == f"{before}{after}".strip():
        return ""
    if placeholder:
        long_enough = len(stripped) >= len(before) + len(after)
        if long_enough and stripped.startswith(before) and stripped.endswith(after):
            return stripped[len(before) : len(stripped) - len(after)]
        return None
    joined = f", {style}"
    return stripped.removesuffix(joined) if stripped.endswith(joined) else None
