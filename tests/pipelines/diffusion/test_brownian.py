"""Brownian paths: torchsde's numbers, the same path whatever is asked, from every random source."""

import itertools
import math

import numpy as np
import pytest
import torch

from pipelines.diffusion.brownian import BrownianPath
from pipelines.diffusion.noise import noise_source, planned_noise
from pipelines.requests import Batch, Seeds
from tests.helpers.plans import plan_for
from tests.helpers.trajectories import CPU, SHAPE, brownian

LEVELS = [14.6146, 9.0, 5.25, 2.0, 0.5, 0.1, 0.0292]


def path(seed: int = 1, low: float = 0.0292, high: float = 14.6146) -> BrownianPath:
    return BrownianPath(seed, low, high, lambda seed: noise_source("CPU", seed, CPU).draw(SHAPE))


@pytest.mark.parametrize("seed", [0, 7, 2**32 + 5])
def test_every_increment_is_the_one_of_torchsde(seed):
    image = plan_for(seeds=Seeds(seed=seed)).images[0]
    low, high = float(np.float32(LEVELS[-1])), float(np.float32(LEVELS[0]))
    ours, theirs = path(seed, low, high), brownian([image], low, high)
    for sigma, following in itertools.pairwise(LEVELS):
        expected = theirs(sigma, following)[0]
        np.testing.assert_allclose(ours.between(sigma, following), expected, atol=2e-6)


def test_increments_add_up_whatever_the_steps_and_their_order():
    asked, other = path(), path()
    steps = [
        other.between(sigma, following) * math.sqrt(sigma - following)
        for sigma, following in reversed([*itertools.pairwise(LEVELS)])
    ]
    whole = asked.between(LEVELS[0], LEVELS[-1]) * math.sqrt(LEVELS[0] - LEVELS[-1])
    assert torch.allclose(torch.stack(steps).sum(dim=0), whole, atol=1e-4)


def test_levels_beyond_the_range_count_as_its_ends():
    inside, beyond = path().between(14.6146, 2.0), path().between(14.6146004, 2.0)
    assert torch.allclose(inside, beyond, atol=1e-5)


def test_levels_too_near_to_tell_apart_have_no_noise_between_them():
    assert not path().between(2.0000002, 2.0).any()


def test_noise_is_of_standard_deviation_1_over_short_and_long_steps():
    for sigma, following in ((14.0, 0.5), (2.0, 1.9)):
        drawn = torch.stack([path(seed).between(sigma, following) for seed in range(100)])
        assert drawn.std() == pytest.approx(1, abs=0.06)
        assert drawn.mean() == pytest.approx(0, abs=0.06)


@pytest.mark.parametrize("kind", ["CPU", "NV"])
def test_a_picture_has_its_own_path_from_the_job_s_random_source(kind):
    plan = plan_for(batch=Batch(size=2), settings={"randn_source": kind})
    _, sources = planned_noise(plan, plan.images, SHAPE, CPU)
    first, second = (source.path(SHAPE, 0.1, 10.0).between(9.0, 1.0) for source in sources)
    again = sources[0].path(SHAPE, 0.1, 10.0).between(9.0, 1.0)
    assert torch.equal(first, again)
    assert not torch.allclose(first, second, atol=0.1)


def test_the_random_sources_differ():
    first, second = (
        planned_noise(plan, plan.images, SHAPE, CPU)[1][0].path(SHAPE, 0.1, 10.0).between(9.0, 1.0)
        for plan in (plan_for(settings={"randn_source": kind}) for kind in ("CPU", "NV"))
    )
    assert not torch.allclose(first, second, atol=0.1)
