"""The measures against slow versions that follow the definitions word by word."""

import math

import numpy as np
import pytest

from tools.demo_model.evaluation.measures import edge_f1, mean_iou, psnr, rank_correlation, ssim

CHANCE = np.random.default_rng(11)


def test_psnr_is_14_decibels_for_an_error_of_a_fifth_of_the_range():
    black = np.zeros((4, 4, 3), np.uint8)
    assert psnr(black + np.uint8(51), black) == pytest.approx(20 * math.log10(5), abs=1e-12)
    assert psnr(black, black) == math.inf


def slow_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Wang et al. 2004: an 11×11 circular-symmetric Gaussian of 1.5 pixels, normalised to 1."""
    window = [[math.exp(-(i * i + j * j) / 4.5) for i in range(-5, 6)] for j in range(-5, 6)]
    total = sum(map(sum, window))
    values: list[float] = []
    for top in range(x.shape[0] - 10):
        for left in range(x.shape[1] - 10):
            mean_x = mean_y = variance_x = variance_y = covariance = 0.0
            places = [(j, i) for j in range(11) for i in range(11)]
            for j, i in places:
                weight = window[j][i] / total
                mean_x += weight * x[top + j, left + i]
                mean_y += weight * y[top + j, left + i]
            for j, i in places:
                weight = window[j][i] / total
                off_x = x[top + j, left + i] - mean_x
                off_y = y[top + j, left + i] - mean_y
                variance_x += weight * off_x * off_x
                variance_y += weight * off_y * off_y
                covariance += weight * off_x * off_y
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            values.append(
                (2 * mean_x * mean_y + c1)
                * (2 * covariance + c2)
                / ((mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2))
            )
    return sum(values) / len(values)


def test_ssim_is_that_of_the_paper_averaged_over_the_channels():
    first = CHANCE.integers(0, 256, (15, 17, 3), np.uint8)
    second = np.clip(first.astype(int) + CHANCE.integers(-40, 40, first.shape), 0, 255)
    slow = [slow_ssim(first[..., c].astype(float), second[..., c].astype(float)) for c in range(3)]
    assert ssim(first, second.astype(np.uint8)) == pytest.approx(sum(slow) / 3, abs=1e-12)
    assert ssim(first, first) == pytest.approx(1, abs=1e-12)


def test_mean_iou_counts_the_pixels_of_all_pictures_together():
    found = CHANCE.integers(0, 5, (3, 6, 7)).astype(np.uint8)
    true = CHANCE.integers(0, 5, (3, 6, 7)).astype(np.uint8)
    classes = [(0, 3), (1,), (9,)]
    shares: list[float] = []
    for group in classes[:2]:
        both = either = 0
        for one, other in zip(found.flat, true.flat, strict=True):
            both += one in group and other in group
            either += one in group or other in group
        shares.append(both / either)
    assert mean_iou(found, true, classes) == sum(shares) / 2
    assert mean_iou(found, found, classes) == 1


def slow_f1(found: np.ndarray, true: np.ndarray) -> float:
    def share_near(lines: np.ndarray, others: np.ndarray) -> float:
        near = [
            any(math.dist(pixel, other) <= 2 for other in np.argwhere(others))
            for pixel in np.argwhere(lines)
        ]
        return sum(near) / len(near)

    precision, recall = share_near(found, true), share_near(true, found)
    return 2 * precision * recall / (precision + recall)


def test_edge_f1_forgives_two_pixels():
    for density in (0.02, 0.05, 0.1):
        found, true = (CHANCE.random((20, 23)) < density for _ in "ab")
        assert edge_f1(found, true) == pytest.approx(slow_f1(found, true), abs=1e-12)


@pytest.mark.parametrize(("off", "score"), [(0, 1), (2, 1), (3, 0)])
def test_a_line_that_is_moved_scores_all_or_nothing(off: int, score: float):
    lines = np.zeros((9, 20), bool)
    lines[:, 5] = True
    assert edge_f1(np.roll(lines, off, 1), lines) == score


def test_empty_drawings_agree_with_empty_ones_only():
    empty, full = np.zeros((5, 5), bool), np.ones((5, 5), bool)
    assert edge_f1(empty, empty) == 1
    assert edge_f1(empty, full) == edge_f1(full, empty) == 0


def slow_ranks(values: list[int]) -> list[float]:
    """1 for the smallest; equal ones share the mean of their places."""
    ordered = sorted(values)
    return [
        sum(place for place, other in enumerate(ordered, 1) if other == one) / ordered.count(one)
        for one in values
    ]


def test_rank_correlation_is_spearmans_with_shared_ranks():
    first, second = (CHANCE.integers(0, 9, 40) for _ in "ab")
    x, y = slow_ranks(first.tolist()), slow_ranks(second.tolist())
    mean = sum(x) / len(x)
    covariance = sum((a - mean) * (b - mean) for a, b in zip(x, y, strict=True))
    spread = math.prod(math.sqrt(sum((one - mean) ** 2 for one in ranks)) for ranks in (x, y))
    expected = pytest.approx(covariance / spread, abs=1e-12)
    assert rank_correlation(first.reshape(8, 5), second.reshape(8, 5)) == expected


def test_rank_correlation_minds_order_alone():
    values = CHANCE.random((4, 4))
    assert rank_correlation(values, np.exp(values)) == pytest.approx(1, abs=1e-12)
    assert rank_correlation(values, -values) == pytest.approx(-1, abs=1e-12)
    assert rank_correlation(values, np.ones((4, 4))) == 0
