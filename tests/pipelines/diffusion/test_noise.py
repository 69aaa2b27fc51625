"""The planned noise: which generator is asked when, variations, resized seeds, batches."""

import math

import numpy as np
import pytest
import torch

from pipelines.diffusion.noise import noise_source, paste_centred, planned_noise, slerp
from pipelines.imaging.geometry import Size
from pipelines.plan import Plan
from pipelines.requests import Batch, Seeds
from tests.helpers.plans import plan_for

SHAPE = (4, 8, 6)
CPU = torch.device("cpu")
SOURCES = ["CPU", "GPU", "NV"]


def plan_with(seeds: Seeds, *, size: int = 1, count: int = 1, **settings: object) -> Plan:
    batch = Batch(size=size, count=count)
    return plan_for(seeds=seeds, batch=batch, settings={"randn_source": "CPU", **settings})


def noise_of(plan: Plan) -> torch.Tensor:
    return torch.cat([planned_noise(plan, batch, SHAPE, CPU)[0] for batch in plan.batches])


def torch_noise(seed: int, shape: tuple[int, ...] = SHAPE) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def slow_slerp(strength: float, low: torch.Tensor, high: torch.Tensor) -> np.ndarray:
    """Column by column along the height, as the rule says, in double precision."""
    a, b = low.double().numpy(), high.double().numpy()
    channels, height, width = a.shape
    cosines = np.empty((channels, width))
    for c in range(channels):
        for x in range(width):
            lengths = math.hypot(*a[c, :, x]) * math.hypot(*b[c, :, x])
            cosines[c, x] = sum(a[c, y, x] * b[c, y, x] for y in range(height)) / lengths
    if cosines.mean() > 0.9995:
        return a * strength + b * (1 - strength)
    result = np.empty_like(a)
    for c in range(channels):
        for x in range(width):
            angle = math.acos(cosines[c, x])
            low_part = math.sin((1 - strength) * angle) / math.sin(angle)
            high_part = math.sin(strength * angle) / math.sin(angle)
            result[c, :, x] = low_part * a[c, :, x] + high_part * b[c, :, x]
    return result


def slow_paste(noise: torch.Tensor, onto: torch.Tensor) -> torch.Tensor:
    """Pixel by pixel, for any margins, by A1111's arithmetic of centring."""
    result = onto.clone()
    across = math.floor((onto.shape[2] - noise.shape[2]) / 2)
    down = math.floor((onto.shape[1] - noise.shape[1]) / 2)
    for y in range(onto.shape[1]):
        for x in range(onto.shape[2]):
            inside_x = 0 <= x - across < noise.shape[2] - max(-across, 0)
            inside_y = 0 <= y - down < noise.shape[1] - max(-down, 0)
            if inside_x and inside_y:
                result[:, y, x] = noise[:, y - down, x - across]
    return result


def test_the_noise_is_the_first_draw_of_the_pictures_seed():
    assert torch.equal(noise_of(plan_with(Seeds(seed=5)))[0], torch_noise(5))


def test_each_picture_of_a_job_has_the_next_seed():
    noise = noise_of(plan_with(Seeds(seed=5), size=2, count=2))
    assert torch.equal(noise, torch.stack([torch_noise(seed) for seed in (5, 6, 7, 8)]))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    "extra",
    [
        {},
        {"variation_strength": 0.3, "variation_seed": 50},
        {"resize_from": Size(24, 100)},
        {"variation_strength": 0.3, "variation_seed": 50, "resize_from": Size(24, 100)},
    ],
    ids=["plain", "variation", "resized", "both"],
)
def test_a_batch_equals_single_runs(extra, source):
    together = plan_with(Seeds(seed=5, **extra), size=3, randn_source=source)
    noise, sources = planned_noise(together, together.images, SHAPE, CPU)
    for index, image in enumerate(together.images):
        seeds = {**extra, "seed": image.seed, "variation_seed": image.variation_seed}
        alone = plan_with(Seeds(**seeds), randn_source=source)
        single, single_sources = planned_noise(alone, alone.images, SHAPE, CPU)
        assert torch.equal(noise[index], single[0])
        assert torch.equal(sources[index].draw(SHAPE), single_sources[0].draw(SHAPE))


def test_variation_strength_0_is_the_plain_noise():
    varied = plan_with(Seeds(seed=5, variation_seed=50, variation_strength=0))
    assert torch.equal(noise_of(varied)[0], torch_noise(5))


def test_variation_strength_1_is_the_noise_of_the_variation_seed():
    varied = plan_with(Seeds(seed=5, variation_seed=50, variation_strength=1))
    assert torch.allclose(noise_of(varied)[0], torch_noise(50), atol=1e-6)


def test_under_a_variation_the_seed_stays_and_the_variation_seed_counts():
    noise = noise_of(plan_with(Seeds(seed=5, variation_seed=50, variation_strength=0.4), size=2))
    for index in range(2):
        expected = slow_slerp(0.4, torch_noise(5), torch_noise(50 + index))
        np.testing.assert_allclose(noise[index].numpy(), expected, atol=2e-6)


@pytest.mark.parametrize("strength", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_slerp_equals_the_slow_rule(strength):
    low, high = torch_noise(1), torch_noise(2)
    given = slerp(strength, low, high).numpy()
    np.testing.assert_allclose(given, slow_slerp(strength, low, high), atol=2e-6)


def test_slerp_of_almost_parallel_noises_exchanges_the_weights():
    low = torch_noise(1)
    high = low * 1.5
    assert torch.allclose(slerp(0.25, low, high), low * 0.25 + high * 0.75)
    np.testing.assert_allclose(slerp(0.25, low, high), slow_slerp(0.25, low, high), atol=1e-6)


@pytest.mark.parametrize("width", [1, 3, 4, 6, 9, 12])
@pytest.mark.parametrize("height", [1, 5, 8, 11, 20])
def test_pasting_equals_the_slow_rule(width, height):
    noise, onto = torch_noise(1, (4, height, width)), torch_noise(2)
    assert torch.equal(paste_centred(noise, onto), slow_paste(noise, onto))


def test_a_resized_seed_lies_in_the_middle_of_the_pictures_own_noise():
    noise = noise_of(plan_with(Seeds(seed=5, resize_from=Size(32, 48))))[0]
    assert torch.equal(noise, slow_paste(torch_noise(5, (4, 6, 4)), torch_noise(5)))


def test_a_resized_variation_is_mixed_before_it_is_pasted():
    seeds = Seeds(seed=5, variation_seed=50, variation_strength=0.4, resize_from=Size(32, 48))
    mixed = slow_slerp(0.4, torch_noise(5, (4, 6, 4)), torch_noise(50, (4, 6, 4)))
    expected = slow_paste(torch.tensor(mixed), torch_noise(5).double())
    assert torch.allclose(noise_of(plan_with(seeds))[0].double(), expected, atol=2e-6)


def test_resizing_from_the_same_size_changes_nothing():
    resized = plan_with(Seeds(seed=5, resize_from=Size(48, 64)))
    assert torch.equal(noise_of(resized)[0], torch_noise(5))


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("resize_from", [None, Size(32, 48)])
def test_later_draws_continue_the_pictures_own_stream(resize_from, source):
    plan = plan_with(Seeds(seed=5, resize_from=resize_from), randn_source=source)
    _, sources = planned_noise(plan, plan.images, SHAPE, CPU)
    stream = noise_source(source, 5, CPU)
    stream.draw(SHAPE)
    for _ in range(2):
        assert torch.equal(sources[0].draw(SHAPE), stream.draw(SHAPE))


@pytest.mark.parametrize("source", SOURCES)
def test_ensd_starts_new_streams_for_the_later_draws_alone(source):
    plan = plan_with(Seeds(seed=5), size=2, randn_source=source, eta_noise_seed_delta=31337)
    noise, sources = planned_noise(plan, plan.images, SHAPE, CPU)
    for index, seed in enumerate((5, 6)):
        assert torch.equal(noise[index], noise_source(source, seed, CPU).draw(SHAPE))
        expected = noise_source(source, seed + 31337, CPU).draw(SHAPE)
        assert torch.equal(sources[index].draw(SHAPE), expected)


def test_without_a_card_gpu_numbers_are_the_processors():
    assert torch.equal(noise_source("GPU", 5, CPU).draw(SHAPE), torch_noise(5))


def test_nv_noise_is_nvidias():
    noise = noise_of(plan_with(Seeds(seed=0), randn_source="NV"))
    assert noise.dtype == torch.float32
    assert noise[0].ravel()[:2].tolist() == pytest.approx([-0.92466259, -0.42534415], abs=1e-6)


def test_torchs_global_generator_is_left_alone():
    before = torch.get_rng_state()
    noise_of(plan_with(Seeds(seed=5, variation_strength=0.5, resize_from=Size(32, 48))))
    assert torch.equal(torch.get_rng_state(), before)
