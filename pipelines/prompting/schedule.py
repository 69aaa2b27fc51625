"""Prompt editing `[from:to:when]` and alternation `[a|b]`: the text that is read at each step.

`[from:to:when]` is `from` through step `when` and `to` after it; `[to:when]` begins with nothing,
and `[from::when]` ends with nothing. With a point in it `when` is a share of the steps, otherwise
a step. `[a|b|c]` takes turns: `a` at step 1, `b` at step 2. Both may stand inside each other, and
inside round brackets.

Brackets belong together only if all between them are closed as well; any other is an ordinary
character, as are square brackets that are neither of the two (attention reads those later). A
backslash takes the meaning from the character after it, and stays for attention to drop. All of it
takes time in proportion to the length of the text, however its brackets are nested.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

_TOKEN = re.compile(r"\\.|[()\[\]:|\\]|[^()\[\]:|\\]+", re.DOTALL)
_WHEN = re.compile(r"\s*([+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)\s*")
_CLOSED_BY = {"(": ")", "[": "]"}


@dataclass(frozen=True, slots=True)
class _Edit:
    before: "_Node"
    after: "_Node"
    when: int  # the last step of `before`


@dataclass(frozen=True, slots=True)
class _Alternation:
    options: "tuple[_Node, ...]"


_Node: TypeAlias = str | tuple["_Node", ...] | _Edit | _Alternation
"""A tuple is its members in order. Nesting may be deep, so that nothing here may recurse."""


def texts_by_step(text: str, steps: int, *, old_rule: bool = False) -> tuple[str, ...]:
    """What `text` says at steps 1 to `steps`; a single text if it says the same at all of them.

    By the `old_rule` a number below 1 is a share of the steps, and any other a step (A1111:
    use_old_scheduling). Never fails: what cannot be read is text.
    """
    reader = _Reader(steps, old_rule=old_rule)
    tree = reader.read(text)
    if not reader.changes:
        return (text,)
    seen: dict[str, str] = {}
    texts: list[str] = []
    shown = ""
    for step in range(1, steps + 1):
        if step == 1 or reader.alternates or step in reader.changes:
            shown = _text_at(tree, step)
            shown = seen.setdefault(shown, shown)
        texts.append(shown)
    return tuple(texts) if len(seen) > 1 else (shown,)


def position_at(call: int, count: int) -> int:
    """Which of the `count` texts of `texts_by_step` is read at a model call, counted from 0.

    A1111 looks for the first text whose last step is not below the call's number, so that the first
    two calls read step 1. Calls beyond the last step read that.
    """
    return min(max(call, 1), count) - 1


def _text_at(tree: _Node, step: int) -> str:
    found: list[str] = []
    left: list[_Node] = [tree]
    while left:
        node = left.pop()
        match node:
            case str():
                found.append(node)
            case _Edit():
                left.append(node.before if step <= node.when else node.after)
            case _Alternation():
                left.append(node.options[(step - 1) % len(node.options)])
            case _:
                left.extend(reversed(node))
    return "".join(found)


@dataclass(slots=True)
class _Open:
    """A bracket that is not closed yet: what has come since, and where the marks in that are."""

    bracket: str
    nodes: list[_Node] = field(default_factory=list[_Node])
    marks: list[int] = field(default_factory=list[int])

    def parts(self) -> list[tuple[_Node, ...]]:
        """What lies between the marks."""
        starts = [0, *(mark + 1 for mark in self.marks)]
        ends = [*self.marks, len(self.nodes)]
        return [tuple(self.nodes[start:end]) for start, end in zip(starts, ends, strict=True)]


class _Reader:
    """Reads one text; knows then at which steps it begins to say something else."""

    def __init__(self, steps: int, *, old_rule: bool) -> None:
        self._steps = steps
        self._old_rule = old_rule
        self.alternates = False
        self.changes: set[int] = set()

    def read(self, text: str) -> _Node:
        """The tree of `text`."""
        opened = [_Open("")]
        for token in _TOKEN.findall(text):
            if token in ("(", "["):
                opened.append(_Open(token))
            elif token in (")", "]"):
                if _CLOSED_BY.get(opened[-1].bracket) == token:
                    group = opened.pop()
                    opened[-1].nodes.append(self._closed(group, token))
                else:
                    _give_up(opened)
                    opened[0].nodes.append(token)
            else:
                if token in (":", "|"):
                    opened[-1].marks.append(len(opened[-1].nodes))
                opened[-1].nodes.append(token)
        _give_up(opened)
        return tuple(opened[0].nodes)

    def _closed(self, group: _Open, closer: str) -> _Node:
        marks = {group.nodes[mark] for mark in group.marks}
        if group.bracket == "[" and marks == {"|"}:
            self.alternates = True
            self.changes.update((1, 2))
            return _Alternation(tuple(group.parts()))
        if group.bracket == "[" and marks == {":"} and len(group.marks) <= 2:
            *texts, when = group.parts()
            last = self._last_step(when)
            if last is not None:
                self.changes.add(last + 1)
                return _Edit(texts[0] if len(texts) == 2 else (), texts[-1], last)
        return (group.bracket, *group.nodes, closer)

    def _last_step(self, when: Sequence[_Node]) -> int | None:
        """From 0 (never) to all steps; None if that is no number."""
        written = when[0] if len(when) == 1 else None
        match = _WHEN.fullmatch(written) if isinstance(written, str) else None
        if match is None:
            return None
        number = float(match.group(1))
        share = number < 1 if self._old_rule else "." in match.group(1)
        return int(min(max(number * self._steps if share else number, 0), self._steps))


def _give_up(opened: list[_Open]) -> None:
    """Make every open bracket an ordinary character, as none of them can be closed any more."""
    base = opened[0].nodes
    for group in opened[1:]:
        base.append(group.bracket)
        base.extend(group.nodes)
    del opened[1:]
