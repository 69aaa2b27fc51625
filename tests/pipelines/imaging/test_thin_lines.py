"""Thin lines: found, and thinned again, against the slow rules at tolerance 0."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.imaging.thin_lines import (
    PRUNING,
    THINNING,
    black_or_white,
    has_thin_lines,
    keep_ridges,
    thinned,
)
from tests.helpers.examples import examples
from tests.pipelines.imaging.slow_control_maps import (
    slow_has_thin_lines,
    slow_otsu,
    slow_ridges,
    slow_thinned,
)

SIDES = st.integers(1, 14)
SEEDS = st.integers(0, 999)


def lines(height: int, width: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random((height, width)) < rng.random(), 255, 0).astype(np.uint8)


@examples(40)
@given(SIDES, SIDES, SEEDS, st.booleans())
def test_lines_are_thinned_exactly_as_described(height: int, width: int, seed: int, prune: bool):
    drawn = lines(height, width, seed)
    before = drawn.copy()
    assert thinned(drawn, prune=prune).tolist() == slow_thinned(drawn.tolist(), prune=prune)
    assert (drawn == before).all()


@examples(40)
@given(SIDES, SIDES, SEEDS)
def test_thin_lines_are_told_exactly_as_described(height: int, width: int, seed: int):
    drawn = np.dstack([lines(height, width, seed)] * 3)
    assert has_thin_lines(drawn) is slow_has_thin_lines(drawn)


@examples(40)
@given(SIDES, SIDES, SEEDS, st.integers(1, 9))
def test_ridges_and_otsu_are_exactly_as_described(height: int, width: int, seed: int, levels: int):
    gray = np.random.default_rng(seed).integers(0, levels + 1, (height, width)) * (255 // levels)
    gray = gray.astype(np.uint8)
    assert keep_ridges(gray).tolist() == slow_ridges(gray).tolist()
    assert black_or_white(gray).tolist() == slow_otsu(gray)


def test_there_are_eight_elements_of_each_kind():
    for elements in (THINNING, PRUNING):
        assert len({element.tobytes() for element in elements}) == len(elements) == 8


@pytest.mark.parametrize("thickness", [2, 3, 5, 9])
def test_a_thick_line_becomes_one_of_a_pixel(thickness: int):
    drawn = np.zeros((40, 60), np.uint8)
    drawn[12 : 12 + thickness, 5:55] = 255
    assert np.count_nonzero(thinned(drawn, prune=False)[:, 30]) == 1


def test_a_line_along_the_edge_stays():
    drawn = np.zeros((20, 20), np.uint8)
    drawn[0, :15] = drawn[5:, -1] = 255
    assert (thinned(drawn, prune=False) == drawn).all()


def test_pruning_takes_lone_pixels_and_shortens_ends_by_little():
    drawn = np.zeros((20, 40), np.uint8)
    drawn[4, 4] = drawn[12, 5:35] = 255
    pruned = thinned(drawn, prune=True)
    assert pruned[4, 4] == 0
    assert np.count_nonzero(pruned[12]) >= 26
