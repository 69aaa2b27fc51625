"""What a prompt says at one step, from the description of the language: slow, step by step.

Innermost brackets first: a pair without other brackets inside is replaced by what it says at this
step, until no pair is left. What is replaced hides behind a private character.
"""

import re

_PAIR = re.compile(r"\[[^()\[\]]*\]|\([^()\[\]]*\)")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_FIRST_PRIVATE = 0xF0000


def slow_text_at(text: str, step: int, steps: int, *, old_rule: bool = False) -> str:
    """The text at a step, counted from 1, of so many."""
    hidden: list[str] = []

    def hide(meant: str) -> str:
        hidden.append(meant)
        return chr(_FIRST_PRIVATE + len(hidden) - 1)

    text = re.sub(r"\\.", lambda match: hide(match.group()), text, flags=re.DOTALL)
    while pair := _PAIR.search(text):
        said = says(pair.group(), step, steps, old_rule=old_rule)
        text = text[: pair.start()] + hide(said) + text[pair.end() :]
    while any(_is_hidden(character) for character in text):
        text = "".join(
            hidden[ord(character) - _FIRST_PRIVATE] if _is_hidden(character) else character
            for character in text
        )
    return text


def _is_hidden(character: str) -> bool:
    return ord(character) >= _FIRST_PRIVATE


def says(pair: str, step: int, steps: int, *, old_rule: bool) -> str:
    """What a pair of brackets with nothing but plain text inside says at a step."""
    inside = pair[1:-1]
    if pair[0] == "(":
        return pair
    if "|" in inside and ":" not in inside:
        options = inside.split("|")
        return options[(step - 1) % len(options)]
    fields = inside.split(":")
    number = _NUMBER.fullmatch(fields[-1].strip())
    if len(fields) not in (2, 3) or "|" in inside or number is None:
        return pair
    when = float(number.group())
    if (when < 1) if old_rule else ("." in number.group()):
        when *= steps
    before, after = fields[-3:-1] if len(fields) == 3 else ("", fields[0])
    # A whole step, and never more than there are: the last step shows `before` at the latest.
    return before if step <= when // 1 or (step == steps and when >= steps) else after
