"""NVIDIA's random numbers: the published check value, and the algorithm one number at a time."""

import math

import numpy as np
import pytest

from pipelines.diffusion.philox import Philox


def one_number(seed: int, offset: int, index: int) -> float:
    """Philox-4x32-10 and Box-Muller for a single number, in Python's own integers."""
    counter = [offset, 0, index, 0]
    keys = [seed % 2**32, seed // 2**32]
    for _ in range(10):
        first, second = counter[0] * 0xD2511F53, counter[2] * 0xCD9E8D57
        counter = [
            (second >> 32) ^ counter[1] ^ keys[0],
            second % 2**32,
            (first >> 32) ^ counter[3] ^ keys[1],
            first % 2**32,
        ]
        keys = [(keys[0] + 0x9E3779B9) % 2**32, (keys[1] + 0xBB67AE85) % 2**32]
    radius = counter[0] / 2**32 + 1 / 2**33
    angle = (counter[1] / 2**32 + 1 / 2**33) * 2 * math.pi
    return math.sqrt(-2 * math.log(radius)) * math.sin(angle)


def test_seed_0_gives_the_published_numbers():
    row = Philox(0).randn((3, 4))[0]
    np.testing.assert_allclose(row, [-0.92466259, -0.42534415, -2.6438457, 0.14518388], rtol=1e-6)


@pytest.mark.parametrize("seed", [1, 4294967293, 2**53 - 1])
def test_every_number_equals_the_slow_algorithm(seed):
    philox = Philox(seed)
    for offset in range(3):
        expected = [one_number(seed, offset, index) for index in range(24)]
        drawn = philox.randn((2, 3, 4))
        assert drawn.dtype == np.float32
        np.testing.assert_allclose(drawn.ravel(), expected, rtol=1e-6, atol=1e-7)


def test_numbers_do_not_depend_on_how_many_follow_them():
    assert np.array_equal(Philox(7).randn((5,)), Philox(7).randn((4, 8))[0, :5])


def test_the_numbers_are_normal():
    numbers = Philox(3).randn((4, 128, 128))
    assert abs(numbers.mean()) < 0.01
    assert abs(numbers.std() - 1) < 0.01
