"""Which folders of this machine a text from the network may name: those allowed at the start."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors import InvalidRequest

LONGEST_SHOWN = 200
"""Characters of a refused text that are repeated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AllowedFolders:
    """The roots, and what to make of the texts that people type; by default nothing is allowed.

    `roots` are absolute paths of folders; they and all below them are allowed, as far as no link
    leads out. A relative text starts at `base`. Whether something outside exists is never told.
    """

    roots: tuple[Path, ...] = ()
    base: Path = Path(os.sep)

    def find(self, label: str, text: str) -> Path:
        """The folder that `text` names, links resolved; InvalidRequest if it is outside or none."""
        folder = self._place(label, text)
        if not folder.is_dir():
            raise InvalidRequest(
                f"{label} must name a folder, and there is none at {_shown(text)}."
            )
        return folder

    def find_or_new(self, label: str, text: str) -> Path:
        """As `find`, for a folder that need not exist yet; nothing is made."""
        folder = self._place(label, text)
        if folder.exists() and not folder.is_dir():
            raise InvalidRequest(f"{label} must name a folder, and {_shown(text)} is a file.")
        return folder

    def contains(self, path: Path) -> bool:
        """Whether the absolute `path`, all links followed, is a root or lies below one."""
        try:
            real = path.resolve()
        except (OSError, ValueError, RuntimeError):  # loops of links, names that cannot be
            return False
        return any(real.is_relative_to(root.resolve()) for root in self.roots)

    def _place(self, label: str, text: str) -> Path:
        if not self.roots:
            raise InvalidRequest(
                f"{label}: no folder of the server is open to this page; "
                "start Redraw with --allow-dir FOLDER to open one."
            )
        if not text.strip():
            raise InvalidRequest(f"{label} is empty; type a folder below {self._names()}.")
        path = self._named(text)
        if path is None or not self.contains(path):
            raise InvalidRequest(
                f"{label} must lie below a folder that was allowed at the start, "
                f"which are {self._names()}; got {_shown(text)}."
            )
        return path.resolve()

    def _named(self, text: str) -> Path | None:
        """The absolute path that `text` is, if by its letters alone it lies below a root.

        This comes before any look at the disk: on Windows a look at a path of another machine
        would send that machine the user's credentials.
        """
        if "\0" in text:
            return None
        path = self.base / text.strip()
        plain = Path(os.path.abspath(path))  # noqa: PTH100 - resolves ".." without looking
        forms = (form for root in self.roots for form in (root, root.resolve()))
        return path if any(plain.is_relative_to(form) for form in forms) else None

    def _names(self) -> str:
        return ", ".join(str(root) for root in self.roots)


def _shown(text: str) -> str:
    return repr(text[:LONGEST_SHOWN])
