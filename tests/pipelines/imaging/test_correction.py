"""Colour correction against slow implementations of its description, at tolerance 0."""

import cv2
import numpy as np
import pytest
from PIL import Image

from pipelines.imaging.correction import correct_colours, lab
from tests.helpers.images import assert_same_picture, gradient, noise, plain
from tests.pipelines.imaging.slow_inpaint import slow_with_luminosity


def slow_match(values: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Per channel: the target's level of the same rank, interpolated in a straight line."""
    matched = np.zeros_like(values)
    for channel in range(3):
        wanted = sorted(target[..., channel].ravel().tolist())
        levels = sorted(set(wanted))
        ranks = [sum(w <= level for w in wanted) / len(wanted) for level in levels]
        given = values[..., channel].ravel().tolist()
        for place in np.ndindex(values.shape[:2]):
            rank = sum(g <= values[(*place, channel)] for g in given) / len(given)
            matched[(*place, channel)] = int(np.interp(rank, ranks, levels))
    return matched


@pytest.mark.parametrize(
    ("image", "target"),
    [
        (noise(12, 10), gradient(14, 9)),
        (gradient(12, 10), noise(14, 9, seed=3)),
        (gradient(12, 10), plain("#336699", 5, 5)),
        (plain("#000000", 6, 6), plain("#ffffff", 5, 5)),
        (plain("#ffffff", 6, 6), noise(8, 8)),
        (noise(12, 10, seed=5), Image.new("RGB", (9, 9))),
    ],
    ids=["noise", "gradient", "one colour", "black", "white", "towards black"],
)
def test_the_correction_gives_exactly_the_described_pixels(image: Image.Image, target: Image.Image):
    matched = slow_match(lab(image), lab(target))
    colours = cv2.cvtColor(matched, cv2.COLOR_LAB2RGB)
    expected = Image.fromarray(slow_with_luminosity(colours, np.asarray(image)))
    assert_same_picture(correct_colours(image, lab(target)), expected)


def test_a_tint_is_taken_off_and_the_shading_stays():
    original = gradient(64, 64).point([60 + value // 3 for value in range(256)] * 3)
    tinted = Image.merge(
        "RGB",
        [
            band.point(lambda v, s=shift: v + s)
            for band, shift in zip(original.split(), (30, 0, 0), strict=True)
        ],
    )
    corrected, before, wanted = (
        np.asarray(image, np.float64)
        for image in (correct_colours(tinted, lab(original)), tinted, original)
    )

    def redness(picture: np.ndarray) -> float:
        return float((picture[..., 0] - picture[..., 1]).mean())

    assert redness(before) - redness(wanted) > 25
    assert abs(redness(corrected) - redness(wanted)) < 3
    weights = np.array([0.299, 0.587, 0.114])
    assert np.abs(corrected @ weights - before @ weights).max() < 2


def test_the_pictures_given_are_left_as_they_were():
    image, target = noise(), gradient()
    before = image.tobytes(), target.tobytes()
    correct_colours(image, lab(target))
    assert (image.tobytes(), target.tobytes()) == before
