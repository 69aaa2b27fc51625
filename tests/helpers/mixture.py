"""A denoiser known in closed form: what is left of latents drawn from a mixture of Gaussians."""

import math

import numpy as np

from pipelines.diffusion.sigmas import ModelNoise

SPREAD = 0.4
"""Standard deviation of each of the Gaussians, in every number."""

SHARES = np.array([0.5, 0.3, 0.2])
MODEL = ModelNoise.from_config({})


def centres(size: int) -> np.ndarray:
    """Where the three Gaussians lie among latents of so many numbers."""
    return np.random.default_rng(3).normal(size=(len(SHARES), size)) * 1.2


def expected_clean(noisy: np.ndarray, sigma: float) -> np.ndarray:
    """The mean of all clean latents that noise of `sigma` may have made `noisy`; both BxCxHxW.

    Each Gaussian's own mean, by Bayes, weighed by how likely the latents are to come from it.
    """
    flat = noisy.reshape(len(noisy), -1)
    middles = centres(flat.shape[1])
    variance = SPREAD**2 + sigma**2
    distances = ((flat[:, None] - middles) ** 2).sum(axis=2)
    exponents = np.log(SHARES) - distances / (2 * variance)
    weights = np.exp(exponents - exponents.max(axis=1, keepdims=True))
    weights /= weights.sum(axis=1, keepdims=True)
    means = middles + SPREAD**2 / variance * (flat[:, None] - middles)
    return (weights[:, :, None] * means).sum(axis=1).reshape(noisy.shape)


def mixture_network(x: np.ndarray, timestep: float) -> np.ndarray:
    """The noise that a perfect network predicts in latents of variance 1 at a timestep."""
    sigma = float(MODEL.to_sigma(np.array(timestep)))
    alpha = 1 / (1 + sigma**2)
    clean = expected_clean(x / math.sqrt(alpha), sigma)
    return (x - math.sqrt(alpha) * clean) / math.sqrt(1 - alpha)
