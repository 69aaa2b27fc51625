"""Noise tables of models that were trained to the very end, where nothing but noise is left."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipelines.diffusion.sigmas import ModelNoise

LAST_SHARE = 4.8973451890853435e-08
"""What is left of the picture in the last step: A1111's way around none, which has no logarithm."""


def with_zero_snr(config: Mapping[str, Any]) -> dict[str, Any]:
    """A scheduler config whose table is stretched to a terminal signal-to-noise ratio of zero.

    By https://arxiv.org/abs/2305.08891, algorithm 1: the square roots of the shares of the picture
    are shifted and scaled so that the first stays and the last becomes 0.
    """
    roots = np.sqrt(ModelNoise.from_config(config).alphas_cumprod)
    stretched = (roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])
    shares = stretched**2
    shares[-1] = LAST_SHARE
    before = np.concatenate([[1.0], shares[:-1]])
    return {**config, "trained_betas": (1 - shares / before).tolist()}
