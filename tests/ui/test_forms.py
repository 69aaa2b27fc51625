"""The form's raw values become a request, or one sentence that names the field."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.imaging.opening import open_picture
from pipelines.requests import Refiner, ResizeBy, ResizeMode, ResizeTo
from tests.helpers.images import assert_same_picture, gradient
from ui.forms import read_request
from ui.values import picture_path

open_file = partial(open_picture, max_pixels=1_000_000)


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    """What the browser sends when nothing but a picture and a prompt was given."""
    picture = tmp_path / "picture.png"
    gradient().save(picture)
    return {
        "checkpoint": "demo [0123456789]",
        "prompt": "a cat",
        "negative_prompt": "",
        "styles": [],
        "mode": 0,
        "image": {"path": str(picture), "meta": {"_type": "gradio.FileData"}},
        "resize_mode": "Just resize",
        "sampler": "DPM++ 2M",
        "schedule": "Automatic",
        "steps": 20,
        "size_tab": 0,
        "width": 64,
        "height": 64,
        "scale": 1,
        "batch_count": 1,
        "batch_size": 1,
        "cfg_scale": 7,
        "image_cfg_scale": 1.5,
        "refiner": False,
        "refiner_checkpoint": "",
        "refiner_switch_at": 0.8,
        "denoising_strength": 0.75,
        "seed": -1,
        "extra": False,
        "variation_seed": 5,
        "variation_strength": 0.5,
        "seed_resize_width": 64,
        "seed_resize_height": 64,
        "override_settings": [],
    }


def test_the_default_form_is_a_request(values: dict[str, Any]):
    request = read_request(values, open_file)
    assert_same_picture(request.init_image, gradient())
    assert request.prompt.positive == "a cat"
    assert request.model == "demo [0123456789]"
    assert request.size == ResizeTo(width=64, height=64)
    assert request.resize_mode is ResizeMode.just_resize


def test_extras_count_only_while_extra_is_ticked(values: dict[str, Any]):
    assert read_request(values, open_file).seeds.variation_strength == 0
    seeds = read_request({**values, "extra": True}, open_file).seeds
    assert (seeds.variation_seed, seeds.variation_strength) == (5, 0.5)
    assert seeds.resize_from == Size(64, 64)


def test_a_refiner_counts_only_while_it_is_ticked(values: dict[str, Any]):
    chosen = {**values, "refiner_checkpoint": "polish [0123456789]", "refiner_switch_at": 0.6}
    assert read_request(chosen, open_file).refiner is None
    refiner = read_request({**chosen, "refiner": True}, open_file).refiner
    assert refiner == Refiner(checkpoint="polish [0123456789]", switch_at=0.6)


def test_a_refiner_without_a_checkpoint_is_refused(values: dict[str, Any]):
    with pytest.raises(InvalidRequest, match="no checkpoint is chosen for it"):
        read_request({**values, "refiner": True}, open_file)


def test_a_seed_resize_needs_both_sides(values: dict[str, Any]):
    half = {**values, "extra": True, "seed_resize_height": 0}
    assert read_request(half, open_file).seeds.resize_from is None


def test_the_size_tab_in_front_decides(values: dict[str, Any]):
    by = read_request({**values, "size_tab": 1, "scale": 1.5}, open_file)
    assert by.size == ResizeBy(scale=1.5)


def test_whole_numbers_may_arrive_as_fractions(values: dict[str, Any]):
    request = read_request({**values, "steps": 12.0, "seed": 7.0}, open_file)
    assert (request.sampling.steps, request.seeds.seed) == (12, 7)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("steps", 0, "Sampling steps must lie between 1"),
        ("steps", 2.5, "Sampling steps must be a whole number, got 2.5"),
        ("steps", None, "Sampling steps is empty"),
        ("width", 333, "Width must be a multiple of 8, got 333"),
        ("width", 1e300, "Width must lie between"),
        ("cfg_scale", math.nan, "CFG Scale must be a number"),
        ("image_cfg_scale", 3.5, "Image CFG Scale must lie between 0 and 3"),
        ("denoising_strength", math.inf, "Denoising strength must be a number"),
        ("denoising_strength", "0.5", "Denoising strength must be a number"),
        ("seed", -2, "Seed must lie between -1 and 9007199254740991, got -2."),
        ("seed", True, "Seed must be a number"),
        ("resize_mode", "Stretch", "Resize mode 'Stretch' is not known"),
        ("resize_mode", ["Just resize"], "Resize mode"),
        ("styles", "ink", "Styles must be a list"),
        ("mode", 9, "Tab 9 is not known; there are 0 to 4"),
        ("mode", None, "Tab is empty"),
        ("prompt", 5, "Prompt must be a text"),
        ("override_settings", ["No such thing: 2"], "No such thing"),
        ("override_settings", ["Clip skip: many"], "Clip skip"),
        ("batch_count", 101, "Batch count must lie between 1 and 100"),
    ],
)
def test_a_bad_value_is_named(values: dict[str, Any], field: str, value: object, words: str):
    with pytest.raises(InvalidRequest, match=words):
        read_request({**values, field: value}, open_file)


def test_overrides_become_settings(values: dict[str, Any]):
    request = read_request({**values, "override_settings": ["Clip skip: 2"]}, open_file)
    assert request.override_settings == {"CLIP_stop_at_last_layers": 2}


def test_no_picture_is_refused(values: dict[str, Any]):
    with pytest.raises(InvalidPicture, match="no picture"):
        read_request({**values, "image": None}, open_file)


def test_a_picture_over_the_limit_is_refused(values: dict[str, Any]):
    with pytest.raises(InvalidPicture, match="64x64"):
        read_request(values, partial(open_picture, max_pixels=1000))


@pytest.mark.parametrize("value", [None, "", "path", {}, {"path": None}, {"path": ""}])
def test_a_field_without_a_file_has_no_path(value: object):
    assert picture_path(value) is None
