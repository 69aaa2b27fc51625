"""NVIDIA's random numbers on any machine: the normal distribution of CUDA's Philox-4x32-10.

Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), counted and
transformed as CUDA does it; A1111's random source "NV". Plain numpy.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
KEY_STEPS = np.array([0x9E3779B9, 0xBB67AE85], dtype=np.uint32)
ROUNDS = 10

Words = NDArray[np.uint32]
Counter = tuple[Words, Words, Words, Words]


class Philox:
    """A stream of standard normal numbers; each call of `randn` moves on by one offset."""

    def __init__(self, seed: int) -> None:
        self._key = seed & 0xFFFFFFFFFFFFFFFF
        self._offset = 0

    def randn(self, shape: Sequence[int]) -> NDArray[np.float32]:
        """Normal numbers of `shape`; the n-th depends on the seed, the calls before and n."""
        count = int(np.prod(shape))
        words = _philox(self._key, self._offset, np.arange(count, dtype=np.uint32))
        self._offset += 1
        return _box_muller(words[0], words[1]).reshape(tuple(shape)).astype(np.float32)


def _philox(key: int, offset: int, index: Words) -> Counter:
    """Ten rounds on the counters [offset, 0, index, 0] under a 64-bit key."""
    counter = (
        np.full_like(index, offset),
        np.zeros_like(index),
        index,
        np.zeros_like(index),
    )
    keys = np.array([key & 0xFFFFFFFF, key >> 32], dtype=np.uint32)
    for _ in range(ROUNDS):
        counter = _round(counter, keys)
        keys = keys + KEY_STEPS
    return counter


def _round(counter: Counter, keys: Words) -> Counter:
    """One round: two 32x32-bit products, their halves crossed and mixed with the key."""
    first = counter[0].astype(np.uint64) * MULTIPLIERS[0]
    second = counter[2].astype(np.uint64) * MULTIPLIERS[1]
    shift = np.uint64(32)
    return (
        (second >> shift).astype(np.uint32) ^ counter[1] ^ keys[0],
        second.astype(np.uint32),
        (first >> shift).astype(np.uint32) ^ counter[3] ^ keys[1],
        first.astype(np.uint32),
    )


def _box_muller(first: Words, second: Words) -> NDArray[np.float64]:
    """One normal number from two words, by CUDA's constants."""
    radius = first * 2.0**-32 + 2.0**-33
    angle = (second * 2.0**-32 + 2.0**-33) * (2 * np.pi)
    return np.sqrt(-2 * np.log(radius)) * np.sin(angle)
