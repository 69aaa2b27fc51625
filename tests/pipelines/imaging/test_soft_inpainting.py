"""Soft inpainting's overlay mask against the slow filter of its description, at tolerance 0."""

from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFilter

from pipelines.imaging.crops import lay_back
from pipelines.imaging.geometry import Box, Size
from pipelines.imaging.resize import resize_and_fill
from pipelines.imaging.soft_inpainting import (
    histogram_filter,
    opacity_of_change,
    soft_overlay_mask,
)
from pipelines.requests import SoftInpainting
from tests.helpers.examples import examples
from tests.helpers.images import assert_same_picture
from tests.pipelines.imaging.slow_inpaint import slow_histogram_filter, slow_opacity

SIDES = st.integers(1, 9)


def changes(height: int, width: int, seed: int) -> np.ndarray:
    """Mostly still, moved in places; some values are equal."""
    rng = np.random.default_rng(seed)
    values = rng.gamma(0.5, 2.0, (height, width)) * (rng.random((height, width)) < 0.6)
    return np.round(values, 1).astype(np.float32)


@examples(80)
@given(SIDES, SIDES, st.integers(0, 999), st.sampled_from([(0.9, 1.0), (0.25, 0.75), (0.0, 0.1)]))
def test_the_filter_gives_exactly_the_described_means(
    height: int, width: int, seed: int, percentiles: tuple[float, float]
):
    values = changes(height, width, seed)
    expected = slow_histogram_filter(values, *percentiles)
    actual = histogram_filter(values, *percentiles)
    assert actual.dtype == np.float32
    assert actual.tolist() == expected.tolist()


@examples(80)
@given(
    SIDES,
    SIDES,
    st.integers(0, 999),
    st.integers(0, 160).map(lambda steps: steps / 20),
    st.integers(0, 20).map(lambda steps: steps / 20),
    st.integers(0, 32).map(lambda steps: steps / 4),
    st.integers(0, 32).map(lambda steps: steps / 4),
)
def test_the_opacity_is_exactly_the_described_one(
    height: int, width: int, seed: int, scale: float, influence: float, step: float, contrast: float
):
    change = changes(height, width, seed)
    mask = np.random.default_rng(seed + 1).random((height, width)).astype(np.float32)
    mask[mask < 0.2], mask[mask > 0.8] = 0, 1
    soft = SoftInpainting(
        preservation_strength=scale,
        mask_influence=influence,
        difference_threshold=step,
        difference_contrast=contrast,
    )
    expected = slow_opacity(
        change, mask, scale=scale, influence=influence, threshold=step, contrast=contrast
    )
    assert_same_picture(opacity_of_change(change, mask, soft), Image.fromarray(expected))


def test_what_did_not_change_stays_the_original_and_what_changed_much_is_replaced():
    change = np.zeros((16, 16), np.float32)
    change[:, 8:] = 50
    shown = np.asarray(opacity_of_change(change, np.ones_like(change), SoftInpainting()))
    assert shown[:, :4].max() == 0
    assert shown[:, 12:].min() >= 254


@pytest.mark.parametrize("field", asdict(SoftInpainting()))
@pytest.mark.parametrize("extreme", ["low", "high"])
def test_every_setting_may_be_at_its_limit(field: str, extreme: str):
    limits = {
        "schedule_bias": (0, 8),
        "preservation_strength": (0, 8),
        "transition_contrast_boost": (1, 32),
        "mask_influence": (0, 1),
        "difference_threshold": (0, 8),
        "difference_contrast": (0, 8),
    }
    soft = SoftInpainting(**{field: limits[field][extreme == "high"]})
    change = changes(6, 7, 3)
    opacity_of_change(change, np.linspace(0, 1, 42, dtype=np.float32).reshape(6, 7), soft)


def test_the_mask_is_enlarged_smoothed_and_laid_into_the_canvas():
    change = changes(8, 6, 5) * 10
    mask = np.ones_like(change)
    soft = SoftInpainting()
    size, box, canvas = Size(48, 64), Box(5, 7, 35, 47), Size(60, 50)
    small = opacity_of_change(change, mask, soft)
    smooth = resize_and_fill(small, size).filter(ImageFilter.GaussianBlur(4))
    whole = soft_overlay_mask(change, mask, soft, size=size, crop=None, canvas=size)
    assert_same_picture(whole, smooth)
    within = soft_overlay_mask(change, mask, soft, size=size, crop=box, canvas=canvas)
    assert_same_picture(within, lay_back(smooth, box, canvas))
