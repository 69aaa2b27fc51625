"""Attention syntax, compared with a slow reading of its description."""

import random
import time

import pytest

from pipelines.prompting.attention import BREAK, MAX_DEPTH, parse_attention, uses_attention


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("", [("", 1.0)]),
        ("a cat", [("a cat", 1.0)]),
        ("a (cat)", [("a ", 1.0), ("cat", 1.1)]),
        ("a [cat]", [("a ", 1.0), ("cat", 1 / 1.1)]),
        ("(a:1.3)b", [("a", 1.3), ("b", 1.0)]),
        ("(a: 1.3 )", [("a", 1.3)]),
        ("(a:-.5)", [("a", -0.5)]),
        ("(a:+2)", [("a", 2.0)]),
        ("((a))", [("a", 1.1 * 1.1)]),
        ("(a (b:2) c)", [("a ", 1.1), ("b", 2 * 1.1), (" c", 1.1)]),
        ("(a", [("a", 1.1)]),
        ("[(a", [("a", 1.1 / 1.1)]),
        ("a)", [("a)", 1.0)]),
        ("a]", [("a]", 1.0)]),
        ("a:1.3)", [("a:1.3)", 1.0)]),
        ("[a:1.3]", [("a:1.3", 1 / 1.1)]),
        (r"\(a\) \[b\] \\", [("(a) [b] \\", 1.0)]),
        (r"(a\))", [("a)", 1.1)]),
        (r"a\b", [("ab", 1.0)]),
        ("(a:1.2.3)", [("a:1.2.3", 1.1)]),
        ("a (b) (c)", [("a ", 1.0), ("b", 1.1), (" ", 1.0), ("c", 1.1)]),
        ("(a)(b)", [("ab", 1.1)]),
        ("8:30 in the morning", [("8:30 in the morning", 1.0)]),
        ("a BREAK b", [("a", 1.0), BREAK, ("b", 1.0)]),
        ("a\nBREAK\nb", [("a", 1.0), BREAK, ("b", 1.0)]),
        ("BREAK", [("", 1.0), BREAK, ("", 1.0)]),
        ("BREAK BREAK", [("", 1.0), BREAK, ("", 1.0), BREAK, ("", 1.0)]),
        ("(a BREAK b:2)", [("a", 2.0), BREAK, ("b", 2.0)]),
        ("BREAKS unBREAKable break", [("BREAKS unBREAKable break", 1.0)]),
    ],
)
def test_a_prompt_is_read_as_a1111_reads_it(text: str, pieces: list[tuple[str, float]]):
    assert parse_attention(text) == [
        (piece, pytest.approx(weight, rel=1e-12)) for piece, weight in pieces
    ]


def slow_parse(text: str) -> list[tuple[str, float]]:
    """A weight for every character, from the list of brackets around it; BREAKs are None."""
    characters: list[tuple[str | None, list[float]]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}

    def close(bracket: str, factor: float) -> None:
        for _, factors in characters[opened[bracket].pop() :]:
            factors.append(factor)

    index = 0
    while index < len(text):
        character, following = text[index], text[index + 1 : index + 2]
        weight = explicit_weight(text, index)
        index += 1
        if character == "\\":
            if following and following in "()[]\\":
                characters.append((following, []))
                index += 1
            else:
                characters.append(("", []))
        elif character in opened:
            opened[character].append(len(characters))
        elif weight and opened["("]:
            close("(", weight[0])
            index = weight[1]
        elif weight:
            characters.extend((plain, []) for plain in text[index - 1 : weight[1]])
            index = weight[1]
        elif character == ")" and opened["("]:
            close("(", 1.1)
        elif character == "]" and opened["["]:
            close("[", 1 / 1.1)
        else:
            characters.append((character, []))
    while opened["("]:
        close("(", 1.1)
    while opened["["]:
        close("[", 1 / 1.1)
    pieces: list[tuple[str, float]] = []
    for character, factors in characters:
        product = 1.0
        for factor in factors:
            product *= factor
        if pieces and pieces[-1][1] == product:
            pieces[-1] = pieces[-1][0] + (character or ""), product
        else:
            pieces.append((character or "", product))
    return pieces or [("", 1.0)]


def explicit_weight(text: str, start: int) -> tuple[float, int] | None:
    """The number in ":1.3)" if that stands at `start`, and the place after it."""
    if text[start] != ":":
        return None
    close = text.find(")", start)
    number = text[start + 1 : close].strip()
    if close < 0 or not number.lstrip("+-").replace(".", "").isdecimal():
        return None
    try:
        return float(number), close + 1
    except ValueError:
        return None


def test_random_prompts_read_as_a_slow_reader_reads_them():
    generator = random.Random(3)
    for _ in range(5000):
        pieces = generator.choices("()[]\\:.ab 1", k=generator.randrange(24))
        text = "".join(pieces)
        expected = [(piece, weight) for piece, weight in slow_parse(text) if piece]
        actual = [(piece, weight) for piece, weight in parse_attention(text) if piece]
        assert rejoined(actual) == rejoined(expected), repr(text)


def rejoined(pieces: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Neighbours of one weight joined again, once the empty pieces between them are gone."""
    joined: list[tuple[str, float]] = []
    for piece, weight in pieces:
        if joined and joined[-1][1] == weight:
            joined[-1] = joined[-1][0] + piece, weight
        else:
            joined.append((piece, weight))
    return joined


def test_brackets_beyond_any_use_are_ordinary_characters():
    pieces = parse_attention("(" * (MAX_DEPTH + 2) + "a")
    assert len(pieces) == 1
    assert pieces[0][0] == "((a"
    assert pieces[0][1] == pytest.approx(1.1**MAX_DEPTH)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a cat, 8:30", False),
        ("", False),
        ("a (cat)", True),
        ("[cat]", True),
        (r"\(cat\)", True),
        ("a BREAK b", True),
        ("(cat:1)", True),
    ],
)
def test_a_prompt_uses_attention_when_the_syntax_changes_it(text: str, expected: bool):
    assert uses_attention(text) is expected


@pytest.mark.parametrize(
    "part", ["(a", "(a)", "[(", "a:", "\\", " ", ":1", "(a:1.1)", "BREAK ", "1"]
)
def test_a_long_prompt_made_to_confuse_is_read_in_linear_time(part: str):
    began = time.process_time()
    parse_attention("(a:1" + part * (100_000 // len(part)))
    # Linear reading takes a second at most; anything quadratic would take minutes.
    assert time.process_time() - began < 20
