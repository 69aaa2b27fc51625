"""Reading a parameter text character by character, from the words of its description; slow."""

import json


def is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def read_pair(line: str, start: int) -> tuple[str, str, int] | None:
    """A "name: value" that begins at `start` exactly, and where the search goes on."""
    if start == len(line) or not is_word(line[start]):
        return None
    end = start + 1
    while end < len(line) and (is_word(line[end]) or line[end] in " -/"):
        end += 1
    if end - start < 2 or end == len(line) or line[end] != ":":
        return None
    name, begin = line[start:end], end + 1
    while begin < len(line) and line[begin].isspace():
        begin += 1
    close = closing_quote(line, begin)
    if close is not None and (close == len(line) or line[close] == ","):
        return name, line[begin:close], close + 1
    stop = begin
    while stop < len(line) and line[stop] != ",":
        stop += 1
    return name, line[begin:stop], stop + 1


def closing_quote(line: str, begin: int) -> int | None:
    """The place after a quoted text of one character or more that begins at `begin`."""
    if begin >= len(line) or line[begin] != '"':
        return None
    index = begin + 1
    while index < len(line) and line[index] != '"':
        index += 2 if line[index] == "\\" else 1
    if index >= len(line) or index == begin + 1:
        return None
    return index + 1


def pairs(line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    start = 0
    while start < len(line):
        pair = read_pair(line, start)
        if pair is None:
            start += 1
        else:
            found.append(pair[:2])
            start = pair[2]
    return found


def value_of(raw: str) -> str:
    if len(raw) > 1 and raw[0] == '"' and raw[-1] == '"':
        try:
            text = json.loads(raw)
        except ValueError:
            return raw
        return text if isinstance(text, str) else raw
    return raw


def slow_parse(text: str) -> tuple[str, str, dict[str, str]]:
    """Prompt, negative prompt, and the names that the text really holds."""
    lines = text.strip().split("\n")
    found = pairs(lines[-1])
    if len(found) >= 3:
        lines.pop()
    else:
        found = []
    positive, negative, in_negative = "", "", False
    for line in lines:
        line = line.strip()
        if line.startswith("Negative prompt:"):
            in_negative = True
            line = line[len("Negative prompt:") :].strip()
        if in_negative:
            negative = negative + "\n" + line if negative else line
        else:
            positive = positive + "\n" + line if positive else line
    fields: dict[str, str] = {}
    for name, raw in found:
        value = value_of(raw)
        width, cross, height = value.partition("x")
        digits = width.isdecimal() and height.isdecimal() and (width + height).isascii()
        if cross and digits:
            fields[f"{name}-1"], fields[f"{name}-2"] = width, height
        elif value:
            fields[name] = value
    return positive, negative, fields
