"""How alike two pictures, segmentations, line drawings or depths are, each in one number."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy import ndimage, stats

from tools.demo_model.canvas import Bytes

Mask = npt.NDArray[np.bool_]
_SIGMA, _RADIUS = 1.5, 5  # of the Gaussian window of 11×11 pixels
_K1, _K2 = 0.01, 0.03


def psnr(first: Bytes, second: Bytes) -> float:
    """The peak signal-to-noise ratio of two pictures (any equal shape, 0 to 255) in dB."""
    error = np.square(first.astype(np.float64) - second).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def ssim(first: Bytes, second: Bytes) -> float:
    """The mean structural similarity of two height×width×3 pictures, averaged over the channels.

    Formula 13 of Wang et al. 2004 with its constants, wherever the whole window fits.
    """
    x, y = first.astype(np.float64), second.astype(np.float64)
    mean_x, mean_y = _windowed(x), _windowed(y)
    # The weights sum to 1: these are the variances and the covariance of the paper.
    variance_x, variance_y = _windowed(x * x) - mean_x**2, _windowed(y * y) - mean_y**2
    covariance = _windowed(x * y) - mean_x * mean_y
    c1, c2 = (_K1 * 255) ** 2, (_K2 * 255) ** 2
    likeness = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    )
    inner = slice(_RADIUS, -_RADIUS)
    return float(likeness[inner, inner].mean())


def mean_iou(found: Bytes, true: Bytes, classes: Sequence[Sequence[int]]) -> float:
    """Intersection over union of each class, over all pictures together; the mean, 0 to 1.

    Each class is a group of labels. One that is in neither segmentation does not count.
    """
    shares: list[float] = []
    for labels in classes:
        here, there = np.isin(found, labels), np.isin(true, labels)
        union = np.count_nonzero(here | there)
        if union:
            shares.append(np.count_nonzero(here & there) / union)
    return float(np.mean(shares)) if shares else 0.0


def edge_f1(found: Mask, true: Mask, tolerance: float = 2) -> float:
    """How well two line drawings agree, 0 to 1: the harmonic mean of precision and recall.

    A pixel of a line is right where the other drawing has one at most `tolerance` pixels off.
    Two empty drawings agree.
    """
    if not found.any() or not true.any():
        return float(found.any() == true.any())
    precision = _share_near(found, true, tolerance)
    recall = _share_near(true, found, tolerance)
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def rank_correlation(first: npt.NDArray[np.generic], second: npt.NDArray[np.generic]) -> float:
    """Spearman's rank correlation, -1 to 1; 0 where one of the two is constant."""
    if np.ptp(first.astype(np.float64)) == 0 or np.ptp(second.astype(np.float64)) == 0:
        return 0.0
    ranks = stats.rankdata(first), stats.rankdata(second)
    return float(np.corrcoef(*ranks)[0, 1])


def _windowed(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return ndimage.gaussian_filter(values, (_SIGMA, _SIGMA, 0), radius=(_RADIUS, _RADIUS, 0))


def _share_near(lines: Mask, others: Mask, tolerance: float) -> float:
    distances = np.asarray(ndimage.distance_transform_edt(~others))
    return float(np.count_nonzero(distances[lines] <= tolerance) / np.count_nonzero(lines))
