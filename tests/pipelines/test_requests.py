"""Requests refuse what makes no sense, and say what would."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from pipelines.errors import InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.requests import (
    MAX_MASK_BLUR,
    MAX_SEED,
    MAX_SIDE,
    Batch,
    Img2ImgRequest,
    Inpaint,
    ResizeBy,
    ResizeMode,
    ResizeTo,
    Sampling,
    Seeds,
    SoftInpainting,
)


def masked(**fields: Any) -> Inpaint:
    return Inpaint(mask=Image.new("L", (8, 8)), **fields)


FIELDS = [
    (Sampling, "steps", "Sampling steps", 1, 1000),
    (Sampling, "cfg_scale", "CFG Scale", 1.0, 30.0),
    (Sampling, "denoising_strength", "Denoising strength", 0.0, 1.0),
    (ResizeBy, "scale", "Scale", 0.05, 4.0),
    (Seeds, "seed", "Seed", -1, MAX_SEED),
    (Seeds, "variation_seed", "Variation seed", -1, MAX_SEED),
    (Seeds, "variation_strength", "Variation strength", 0.0, 1.0),
    (Batch, "count", "Batch count", 1, 100),
    (Batch, "size", "Batch size", 1, 8),
    (SoftInpainting, "schedule_bias", "Schedule bias", 0.0, 8.0),
    (SoftInpainting, "preservation_strength", "Preservation strength", 0.0, 8.0),
    (SoftInpainting, "transition_contrast_boost", "Transition contrast boost", 1.0, 32.0),
    (SoftInpainting, "mask_influence", "Mask influence", 0.0, 1.0),
    (SoftInpainting, "difference_threshold", "Difference threshold", 0.0, 8.0),
    (SoftInpainting, "difference_contrast", "Difference contrast", 0.0, 8.0),
    (masked, "blur_x", "Mask blur", 0, MAX_MASK_BLUR),
    (masked, "blur_y", "Mask blur", 0, MAX_MASK_BLUR),
    (masked, "padding", "Only masked padding", 0, MAX_SIDE),
    (masked, "transparency", "Mask transparency", 0.0, 100.0),
]


@pytest.mark.parametrize(("part", "field", "label", "low", "high"), FIELDS)
def test_a_number_may_reach_its_limits_and_no_further(
    part: Callable[..., object], field: str, label: str, low: float, high: float
):
    for value in (low, high):
        assert getattr(part(**{field: value}), field) == value
    for value in (low - 1, high + 1):
        with pytest.raises(InvalidRequest, match=f"^{label} must"):
            part(**{field: value})


@pytest.mark.parametrize(("part", "field", "label", "low", "high"), FIELDS)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "5", True, [1]])
def test_what_is_no_number_is_refused(
    part: Callable[..., object], field: str, label: str, low: float, high: float, value: object
):
    with pytest.raises(InvalidRequest, match=f"^{label} must be a number from"):
        part(**{field: value})


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Sampling, "steps"),
        (Seeds, "seed"),
        (Batch, "count"),
        (Batch, "size"),
        (masked, "blur_x"),
        (masked, "padding"),
    ],
)
def test_a_fraction_of_something_whole_is_refused(part: Callable[..., object], field: str):
    with pytest.raises(InvalidRequest, match=r"must be a whole number, got 5\.5\."):
        part(**{field: 5.5})


def test_the_exact_ends_of_the_seeds_fit_a_browsers_numbers():
    assert MAX_SEED == 2**53 - 1
    assert float(MAX_SEED) == MAX_SEED


@pytest.mark.parametrize("width", [63, 56, 8200, 0, -8])
def test_a_size_out_of_range_is_refused(width: int):
    with pytest.raises(InvalidRequest, match="Width must lie between 64 and 8192"):
        ResizeTo(width=width, height=64)


def test_a_size_between_latents_names_its_neighbours():
    with pytest.raises(
        InvalidRequest, match="Height must be a multiple of 8, got 515; the nearest are 512 and 520"
    ):
        ResizeTo(width=512, height=515)


@pytest.mark.parametrize("size", [Size(0, 64), Size(64, 7), Size(8193, 64)])
def test_a_seed_size_out_of_range_is_refused(size: Size):
    with pytest.raises(InvalidRequest, match="Resize seed from"):
        Seeds(resize_from=size)


def test_resize_modes_carry_a1111s_labels_in_its_order():
    assert [mode.value for mode in ResizeMode] == [
        "Just resize",
        "Crop and resize",
        "Resize and fill",
        "Just resize (latent upscale)",
    ]


def test_a_request_cannot_be_changed_but_copied():
    request = Img2ImgRequest(init_image=Image.new("RGB", (8, 8)), size=ResizeBy())
    with pytest.raises(dataclasses.FrozenInstanceError):
        request.model = "other"  # pyright: ignore[reportAttributeAccessIssue]  (what is tested)
    assert dataclasses.replace(request, model="other").model == "other"


def test_two_requests_do_not_share_their_overrides():
    first = Img2ImgRequest(init_image=Image.new("RGB", (8, 8)), size=ResizeBy())
    second = dataclasses.replace(first)
    assert first.override_settings == {}
    assert first == second


def test_a_mask_is_grayscale_and_a_painted_picture_is_in_colour():
    with pytest.raises(InvalidRequest, match=r"^A mask must be in mode L \(grayscale\), got RGBA"):
        Inpaint(mask=Image.new("RGBA", (8, 8)))
    with pytest.raises(InvalidRequest, match=r"^A painted picture must be in mode RGB, got L"):
        masked(painted=Image.new("L", (8, 8)))


def test_inpainting_starts_with_a1111s_defaults():
    inpaint = masked()
    assert (inpaint.blur_x, inpaint.blur_y, inpaint.padding, inpaint.transparency) == (4, 4, 32, 0)
    assert inpaint.mode.value == "Inpaint masked"
    assert inpaint.content.value == "original"
    assert inpaint.area.value == "Whole picture"
    assert inpaint.soft is None
    assert dataclasses.astuple(SoftInpainting()) == (1, 0.5, 4, 0, 0.5, 2)
