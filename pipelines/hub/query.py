"""What a person types to find a model: words, a repository, or a link to one or to a file in it."""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pipelines.errors import InvalidRequest
from pipelines.hub.names import is_plain_path, is_repository

HOSTS = ("huggingface.co", "www.huggingface.co", "hf.co")

LONGEST = 1000
"""Characters of a query."""

_OTHER_THINGS = ("datasets", "spaces", "papers", "collections", "docs", "buckets")
_VIEWS = ("blob", "resolve", "raw", "tree")
"""What stands between repository and revision in a link to one file or folder."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """What was meant: either `words` to search for, or a `repository`.

    `revision` is a branch, tag or commit, "" for the newest. `file` is the path within the
    repository that the link led to, or "".
    """

    words: str = ""
    repository: str = ""
    revision: str = ""
    file: str = ""


def read_query(text: str, hosts: Collection[str] = HOSTS) -> Query:
    """The meaning of what was typed; InvalidRequest for a link that leads elsewhere.

    `hosts` are those of the hub.
    """
    text = text.strip()
    if not text:
        raise InvalidRequest("Type a name, owner/repository, or a link to Hugging Face.")
    if len(text) > LONGEST:
        raise InvalidRequest(f"A search has at most {LONGEST} characters; {len(text)} were typed.")
    without_scheme = text.removeprefix("https://").removeprefix("http://")
    host = without_scheme.partition("/")[0].lower()
    if host in hosts:
        return _read_link(f"https://{without_scheme}")
    if "://" in text:
        raise InvalidRequest(
            f"Only links to {HOSTS[0]} can be followed, and {text[:200]!r} is none; from other "
            "sites, fetch the file with the browser and put it into its folder below."
        )
    if "/" in text and is_repository(text):
        return Query(repository=text)
    return Query(words=text)


def _read_link(link: str) -> Query:
    parts = [unquote(part) for part in urlsplit(link).path.split("/") if part]
    refusal = InvalidRequest(
        f"The link {link[:200]!r} leads to no model; it should look like "
        f"https://{HOSTS[0]}/owner/repository."
    )
    if parts and parts[0] == "models":
        parts = parts[1:]
    if not parts or parts[0] in _OTHER_THINGS:
        raise refusal
    old = len(parts) == 1 or parts[1] in _VIEWS  # a repository without owner
    repository, rest = "/".join(parts[: 1 if old else 2]), parts[1 if old else 2 :]
    if not is_repository(repository):
        raise refusal
    if len(rest) < 2 or rest[0] not in _VIEWS:
        return Query(repository=repository)
    file = "/".join(rest[2:])
    if file and not is_plain_path(file):
        raise refusal
    return Query(repository=repository, revision=rest[1], file="" if rest[0] == "tree" else file)
