"""Names that come from the network: which of them may become names of files here."""

import re
import unicodedata

LONGEST_NAME = 200
"""Bytes of UTF-8; file systems allow 255, and something is put before the name at times."""

_FORBIDDEN = frozenset('<>:"/\\|?*')
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9_][\w.-]{0,95})?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


def is_safe_name(name: str) -> bool:
    """Whether a file may be called so on Linux, macOS and Windows, visible and in one place."""
    return (
        bool(name)
        and len(name.encode(errors="replace")) <= LONGEST_NAME
        and not _FORBIDDEN.intersection(name)
        and not any(unicodedata.category(letter).startswith("C") for letter in name)
        and name == name.strip()
        and not name.startswith(".")
        and not name.endswith(".")
        and _RESERVED.fullmatch(name) is None
    )


def is_plain_path(path: str) -> bool:
    """Whether "/"-separated names lead downwards only; each is what `is_safe_name` allows."""
    return all(is_safe_name(name) for name in path.split("/"))


def is_repository(name: str) -> bool:
    """Whether the hub would have a repository of this name, "owner/name" or an old "name"."""
    return (
        _REPOSITORY.fullmatch(name) is not None
        and ".." not in name
        and "--" not in name
        and not name.endswith((".", "-"))
    )


def is_commit(text: object) -> bool:
    """Whether a text is the full name of a commit."""
    return isinstance(text, str) and _COMMIT.fullmatch(text) is not None
