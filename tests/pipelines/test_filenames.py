"""File and folder names: every token, and prompts that would like to be elsewhere."""

import hashlib
from dataclasses import replace
from pathlib import PurePosixPath, PureWindowsPath

import pytest

from pipelines.filenames import TOKENS, Named, clean, expand, file_stem, folder_parts, shorten
from pipelines.requests import Batch, Prompt, Sampling, Seeds
from tests.helpers.images import noise
from tests.helpers.jobs import plan_for

HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows\\system32",
    "/etc/passwd",
    "C:\\con",
    "\\\\server\\share",
    "~root",
    "a\0b",
    "a\nb\tc\rd",
    "...",
    ". . .",
    "CON",
    "nul.png",
    ".hidden",
    "\ud800 half a pair",
    "<img src=x onerror=alert(1)>",
    "[seed][date][datetime<%Y>]",
    "x" * 5000,
    "貓" * 5000,
    "\x1b[31m\x7f\x85\u2028",
]


def named(prompt="a cat, on a red sofa", negative="blurry", index=0, settings=None, **parts):
    parts = {"prompt": Prompt(positive=prompt, negative=negative), "seeds": Seeds(seed=7)} | parts
    plan = plan_for(settings=settings, **parts)
    return Named(plan=plan, image_plan=plan.images[index], image=noise(48, 32))


def sha(text):
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[seed]", "7"),
        ("[seed]-[prompt_spaces]", "7-a cat, on a red sofa"),
        ("[steps]_[cfg]_[denoising]", "20_7_0.75"),
        ("[width]x[height]", "48x32"),
        ("[styles]", "None"),
        ("[sampler]", "DPM++ 2M"),
        ("[scheduler]", "Karras"),
        ("[sampler_scheduler]", "DPM++ 2M Karras"),
        ("[model_hash] [model_name]", "0123456789 demo"),
        ("[date]", "2024-05-06"),
        ("[datetime]", "20240506070809"),
        ("[datetime<%d.%m.%y %H:%M>]", "06.05.24 07_08"),
        ("[datetime<%Y><Nowhere/At all>]", "2024"),
        ("[job_timestamp]", "20240506070809"),
        ("[prompt]", "a_cat,_on_a_red_sofa"),
        ("[prompt_no_styles]", "a_cat,_on_a_red_sofa"),
        ("[prompt_words]", "a cat on a red sofa"),
        ("[prompt_hash]", sha("a cat, on a red sofa")[:8]),
        ("[prompt_hash<3>]", sha("a cat, on a red sofa")[:3]),
        ("[negative_prompt_hash]", sha("blurry")[:8]),
        ("[full_prompt_hash<12>]", sha("a cat, on a red sofa blurry")[:12]),
        ("[image_hash]", hashlib.sha256(noise(48, 32).tobytes()).hexdigest()),
        ("[hasprompt<cat><dog|none><Red>]", "catnoneRed"),
        ("[clip_skip]", "1"),
        ("[batch_size]", "1"),
        ("[none]", ""),
        ("[SEED]", "7"),
        ("[seed_first]", "7"),
        ("[what is this]-[seed]", "[what is this]-7"),
        ("plain", "plain"),
    ],
)
def test_a_pattern_becomes_a_name(pattern, expected):
    assert file_stem(pattern, named()) == expected


def test_every_token_gives_something():
    for token in TOKENS:
        file_stem(f"[{token}]", named())


def test_a_token_that_does_not_apply_takes_the_text_before_it_along():
    pattern = "[seed]-batch [batch_number]-of [generation_number]-to [seed_last]-by [user]!"
    assert file_stem(pattern, named()) == "7!"


def test_numbers_of_a_batch_count_from_one():
    third = named(index=2, batch=Batch(count=2, size=2))
    pattern = "[batch_number] of [batch_size], [generation_number] [seed_first] [seed_last]"
    assert file_stem(pattern, third) == "1 of 2, 3 9 10"


def test_a_seed_keeps_all_its_digits():
    assert file_stem("[seed]", named(seeds=Seeds(seed=2**53 - 1))) == str(2**53 - 1)


def test_numbers_are_written_short():
    wide = named(sampling=Sampling(cfg_scale=7.5, denoising_strength=0.3))
    assert file_stem("[cfg] [denoising]", wide) == "7.5 0.3"


def test_only_eight_words_of_the_prompt_are_taken():
    many = named(" ".join(f"word{n}" for n in range(20)))
    assert file_stem("[prompt_words]", many) == "word0 word1 word2 word3 word4 word5 word6 word7"
    assert file_stem("[prompt_words]", named("!!!")) == "empty"


def test_a_text_is_cut_to_128_characters():
    assert len(file_stem("[prompt]", named("x" * 500))) == 128


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize(
    "pattern", ["[prompt]", "[prompt_spaces]", "[prompt_words]", "a [prompt]."]
)
def test_no_prompt_makes_a_dangerous_file_name(prompt, pattern):
    stem = file_stem(pattern, named(prompt))
    assert not set(stem) & set('<>:"/\\|?*\0\n\r\t\x1b')
    stem.encode("utf-8")
    assert PurePosixPath(f"{stem}.png").name == PureWindowsPath(f"{stem}.png").name
    assert stem == stem.rstrip(" .")


@pytest.mark.parametrize("prompt", HOSTILE)
@pytest.mark.parametrize("pattern", ["[prompt]", "[prompt_words]/[prompt_spaces]", "../[prompt]"])
def test_no_prompt_makes_a_dangerous_folder(prompt, pattern):
    for part in folder_parts(pattern, named(prompt)):
        assert part
        assert not part.startswith(".")
        assert not set(part) & set('<>:"/\\|?*\0\n')
        assert part.partition(".")[0].upper() not in ("CON", "NUL", "COM1")
        assert len(part.encode("utf-8")) <= 200


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("[date]", ("2024-05-06",)),
        ("[date]/[seed]", ("2024-05-06", "7")),
        ("[date]\\[seed]", ("2024-05-06", "7")),
        ("/etc/../[seed]/", ("etc", "7")),
        ("../..", ()),
        ("", ()),
        ("[user]", ()),
        ("Con/aux.d", ("Con_", "aux_.d")),
        ("/".join("abcdefghijkl"), tuple("abcdefgh")),
    ],
)
def test_a_pattern_becomes_folders(pattern, expected):
    assert folder_parts(pattern, named()) == expected


def test_a_prompt_that_looks_like_a_pattern_is_not_expanded():
    assert expand("[prompt]", named("[seed] [date]")) == "[seed]_[date]"


def test_cleaning_follows_a1111():
    assert clean("  a#b<c>d:e  . ") == "a_b_c_d_e"


def test_a_character_is_never_cut_in_half():
    assert shorten("貓貓貓", 7) == "貓貓"


def test_a_strange_date_format_does_no_harm():
    for pattern in ("[datetime<%>]", "[datetime<%Q%!>]", "[datetime<><../../etc/passwd>]"):
        assert "/" not in file_stem(pattern, named())


def test_styles_are_named():
    job = named()
    request = replace(job.plan.request, prompt=Prompt(styles=("oil", "ink/wash")))
    styled = replace(job, plan=replace(job.plan, request=request))
    assert file_stem("[styles]", styled) == "oil, ink_wash"
