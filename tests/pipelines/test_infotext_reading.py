"""The parameter text is read as A1111 reads it, from whomever it comes."""

import json
import random
import time

import pytest

from pipelines import infotext
from pipelines.infotext import parse, quote, write
from tests.helpers.plans import plan_for
from tests.helpers.slow_infotext import slow_parse


def test_an_a1111_text_is_read():
    parameters = parse(
        "a cat,\n in a hat\nNegative prompt: blurry\nugly\n"
        "Steps: 20, Sampler: DPM++ 2M, Schedule type: Karras, CFG scale: 7.0, Seed: 1, "
        'Size: 512x768, Model hash: 0123456789, Lora hashes: "a: 1, b: 2", Version: v1.10.1'
    )
    assert parameters.positive == "a cat,\nin a hat"
    assert parameters.negative == "blurry\nugly"
    assert parameters.fields["Size-1"] == "512"
    assert parameters.fields["Size-2"] == "768"
    assert parameters.fields["Lora hashes"] == "a: 1, b: 2"
    assert parameters.fields["Version"] == "v1.10.1"


def test_names_left_out_get_what_their_absence_means():
    fields = parse("a (cat)\nSteps: 20, Sampler: Euler, Seed: 1").fields
    assert fields["Clip skip"] == "1"
    assert fields["RNG"] == "GPU"
    assert fields["Schedule type"] == "Automatic"
    assert fields["Schedule rho"] == "0"
    assert fields["Emphasis"] == "Original"
    assert "Denoising strength" not in fields
    assert "Resize mode" not in fields


@pytest.mark.parametrize(
    ("prompt", "version", "expected"),
    [
        ("[a:b:1.0]", "v1.5.2", True),
        ("[a:b:1.0]", "1.5.2-3-gabc", True),
        ("[a:b:1.0]", "v1.6.0", False),
        ("[a:b:1.0]", "v1.10.1", False),
        ("[a:b:1.0]", "", False),
        ("[a:b:1.0]", "f0.0.17v1.8.0", False),
        ("[a:b:1.0]", "Redraw 0.1.0", False),
        ("a (b)", "v1.5.2", False),
    ],
)
def test_older_versions_of_a1111_edited_prompts_by_another_rule(
    prompt: str, version: str, expected: bool
):
    last = "Steps: 20, Sampler: Euler, Seed: 1" + (f", Version: {version}" if version else "")
    fields = parse(f"{prompt}\n{last}").fields
    assert (fields.get("Old prompt editing timelines") == "True") == expected


def test_a_mere_prompt_has_no_fields():
    parameters = parse("a cat: tabby, eyes: green\nNegative prompt: dogs")
    assert parameters.positive == "a cat: tabby, eyes: green"
    assert parameters.negative == "dogs"
    assert parameters.fields == {}


def test_a_last_line_with_fewer_than_three_pairs_is_prompt():
    assert parse("one\nSteps: 20, Seed: 1").positive == "one\nSteps: 20, Seed: 1"


def test_quotes_that_do_not_reach_a_comma_are_taken_as_they_are():
    fields = parse('Steps: 1, Name: "a" b, Other: "c, Seed: 3').fields
    assert fields["Name"] == '"a" b'
    assert fields["Other"] == '"c'


def test_nothing_makes_an_empty_prompt():
    assert parse("") == infotext.Parameters(fields={})


def random_text(generator: random.Random) -> str:
    pieces = [
        "Steps", "CFG scale", "a-b/c", "x", "é1", ":", ": ", ",", ", ", '"', "\\", '\\"', "\n",
        "Negative prompt: ", " ", "512x768", "7.5", "(cat)", "\t", "\0", '"a: b, c"', '"\\u00e9"',
        "Seed: 1, Steps: 2, Size: 64x64", "\r\n", "_", "-", "/", "12x", "x12", "[]", "{", "\u3000",
    ]  # fmt: skip
    return "".join(generator.choices(pieces, k=generator.randrange(40)))


def test_random_texts_read_as_an_independent_slow_reader_reads_them():
    generator = random.Random(20)
    with_fields = 0
    for _ in range(5000):
        text = random_text(generator)
        positive, negative, expected = slow_parse(text)
        actual = parse(text)
        assert (actual.positive, actual.negative) == (positive, negative), repr(text)
        assert {**actual.fields, **expected} == actual.fields, repr(text)
        implied = actual.fields.keys() - expected.keys()
        assert "Steps" not in implied, repr(text)
        with_fields += bool(expected)
    assert with_fields > 1000


def test_random_values_survive_being_written_and_read():
    generator = random.Random(21)
    plan = plan_for()
    alphabet = 'ab ,:"\\\n\t\0éx\u30001'
    for _ in range(500):
        value = "".join(generator.choices(alphabet, k=generator.randrange(1, 12)))
        text = write(plan, plan.images[0], extra=[("Some key", value)])
        got = parse(text).fields.get("Some key", "")
        # A1111 quotes for commas, colons and newlines only: white space beside an unquoted value
        # goes, and a value in quotes of its own loses them.
        bare = not any(character in value for character in ",:\n")
        expected = value.lstrip() if bare else value
        if bare and len(expected) > 1 and expected[0] == '"' == expected[-1]:
            continue
        assert got == expected, repr(value)


HOSTILE = {
    "commas": "," * 10**6,
    "one word": "a" * 10**6,
    "names without end": "ab " * 350_000,
    "names and colons": "ab:" * 350_000,
    "open quotes": 'ab: "' * 200_000,
    "nested quotes": 'ab: "\\"' * 150_000,
    "escapes": 'ab: "' + "\\" * 10**6,
    "spaces": "ab:" + " " * 10**6,
    "NUL": "\0" * 10**6,
    "lines": "\n" * 10**6 + "a",
    "deep JSON": "a1: " + "[" * 10**6,
    "digits": "Steps: 1, Seed: 2, Size: " + "1" * 10**6 + "x",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_megabyte_made_to_confuse_is_read_at_once(name: str):
    began = time.process_time()
    parse(HOSTILE[name])
    # Linear reading takes well under a second; anything quadratic would take hours.
    assert time.process_time() - began < 20


def test_quoted_values_are_json():
    value = 'a, "b": \\ é'
    assert json.loads(quote(value)) == value
