"""Whole trajectories of every sampler, against slow implementations, given the same noise."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipelines.diffusion.noise import noise_source, planned_noise
from pipelines.diffusion.samplers import make_scheduler
from pipelines.errors import InvalidRequest
from pipelines.plan import Plan
from pipelines.requests import Batch, Sampling, Seeds
from pipelines.samplers import SAMPLERS, Family, Sampler, allowed_schedules
from tests.helpers.kdiffusion import SIGMA_SAMPLERS, Knobs, SlowModel, slow_sigmas
from tests.helpers.mixture import mixture_network
from tests.helpers.plans import plan_for
from tests.helpers.trajectories import (
    ALPHAS,
    CPU,
    SHAPE,
    clean_latents,
    scheduler_for,
    slow_job,
    walk,
    walk_job,
)

LABELS = [sampler.label for sampler in SAMPLERS]
WALKING_SIGMAS = [sampler.label for sampler in SAMPLERS if sampler.family is Family.k_diffusion]
BROWNIAN = [sampler.label for sampler in SAMPLERS if sampler.brownian_noise]
KNOBS = {
    "as they are": Knobs(),
    "no ancestral noise": Knobs(eta_ancestral=0.0),
    "half the ancestral noise": Knobs(eta_ancestral=0.5, eta_ddim=0.7, s_noise=0.9),
    "churned in the middle": Knobs(s_churn=3.0, s_tmin=0.1, s_tmax=5.0, s_noise=0.95),
    "churned throughout": Knobs(s_churn=20.0),
}


def network(x: np.ndarray, timestep: float) -> np.ndarray:
    """A small fixed network over each picture's numbers, bent enough to tell solvers apart."""
    random = np.random.default_rng(5)
    inward, outward = random.normal(size=(2, 24, 24)) / 24**0.5
    shift = random.normal(size=24) * (1 + timestep / 300)
    hidden = np.tanh(1.5 * x.reshape(len(x), 24) @ inward + shift)
    return (hidden @ outward).reshape(x.shape) + 0.3 * x


@pytest.mark.parametrize(
    ("predicts", "knobs"),
    [("v_prediction", KNOBS["half the ancestral noise"])]
    + [("epsilon", knobs) for knobs in KNOBS.values()],
    ids=["velocity", *KNOBS],
)
@pytest.mark.parametrize("label", LABELS)
def test_a_trajectory_ends_where_the_slow_one_does(label, knobs, predicts):
    settings = {name: getattr(knobs, name) for name in Knobs.__dataclass_fields__}
    plan = plan_for(
        sampling=Sampling(sampler=label, steps=12, denoising_strength=0.8),
        batch=Batch(size=2),
        settings={**settings, "randn_source": "CPU"},
    )
    clean = clean_latents(2)
    end = walk_job(plan, clean, network, predicts)
    expected = slow_job(plan, clean, network, knobs, predicts)
    # Float32 against float64; any two solvers end more than 0.1 apart.
    np.testing.assert_allclose(end, expected, atol=2e-5)


@pytest.mark.parametrize("schedule", ["KL Optimal", "DDIM"])
@pytest.mark.parametrize("label", WALKING_SIGMAS)
def test_a_trajectory_is_exact_on_unusual_schedules(label, schedule):
    """KL Optimal ends above 0; DDIM has 33 levels where 31 are asked for."""
    plan = plan_for(
        sampling=Sampling(sampler=label, schedule=schedule, steps=31, denoising_strength=0.5),
        settings={"randn_source": "CPU"},
    )
    clean = clean_latents(1)
    end = walk_job(plan, clean, network)
    np.testing.assert_allclose(end, slow_job(plan, clean, network, Knobs()), atol=2e-5)


@pytest.mark.parametrize("strength", [0.0, 0.04, 0.1, 1.0])
@pytest.mark.parametrize("label", LABELS)
def test_a_trajectory_is_exact_at_both_ends_of_the_strength(label, strength):
    plan = plan_for(
        sampling=Sampling(sampler=label, steps=20, denoising_strength=strength),
        settings={"randn_source": "CPU"},
    )
    clean = clean_latents(1)
    end = walk_job(plan, clean, network)
    np.testing.assert_allclose(end, slow_job(plan, clean, network, Knobs()), atol=3e-5)


@pytest.mark.parametrize("label", LABELS)
def test_a_perfect_network_is_walked_exactly_on_every_schedule_from_every_start(label):
    """The network knows in closed form what is left of a mixture of Gaussians."""
    clean = clean_latents(1)
    for schedule in allowed_schedules(next(s for s in SAMPLERS if s.label == label)):
        for strength in (0.3, 0.75, 1.0):
            plan = plan_for(
                sampling=Sampling(
                    sampler=label, schedule=schedule, steps=6, denoising_strength=strength
                ),
                settings={"randn_source": "CPU"},
            )
            end = walk_job(plan, clean, mixture_network)
            expected = slow_job(plan, clean, mixture_network, Knobs())
            np.testing.assert_allclose(
                end, expected, atol=1e-4, rtol=0, err_msg=f"{schedule} from {strength}"
            )


@pytest.mark.parametrize(("steps", "again"), [(23, 9), (39, 22)])
def test_restart_goes_down_again_where_there_are_steps_for_it(steps, again):
    """From 20 steps on 9 once, from 36 on a quarter of them twice; all are Heun's."""
    plan = plan_for(
        sampling=Sampling(sampler="Restart", steps=steps, denoising_strength=0.99),
        settings={"randn_source": "CPU"},
    )
    clean = clean_latents(1)
    scheduler, levels = scheduler_for(plan), []
    scheduler._job = replace(
        scheduler._job, blend=lambda denoised, sigma: levels.append(sigma) or denoised
    )
    end = walk(scheduler, plan, clean, network).numpy()
    np.testing.assert_allclose(end, slow_job(plan, clean, network, Knobs()), atol=3e-5)
    assert len(levels) == 2 * plan.steps.executed - 1
    rises = sum(1 for first, second in itertools.pairwise(levels) if second > first)
    assert rises == (1 if again == 9 else 2)


def test_restart_below_its_levels_makes_no_more_steps_than_it_can():
    """The steps that are kept for going down again are counted, though there is no going up."""
    plan = plan_for(
        sampling=Sampling(sampler="Restart", steps=150, denoising_strength=0.14),
        settings={"randn_source": "CPU", "sigma_max": 0.3},
    )
    assert plan.steps.executed == 22
    clean, scheduler = clean_latents(1), scheduler_for(plan)
    walk(scheduler, plan, clean, network)
    assert scheduler.steps_done == 22


def pairs() -> list[tuple[Sampler, str]]:
    return [(sampler, schedule) for sampler in SAMPLERS for schedule in allowed_schedules(sampler)]


@pytest.mark.parametrize(("sampler", "schedule"), pairs(), ids=lambda part: str(part)[:40])
def test_every_allowed_pair_walks_its_planned_steps_to_the_clean_prediction(sampler, schedule):
    plan = plan_for(sampling=Sampling(sampler=sampler.label, schedule=schedule, steps=12))
    scheduler, clean = scheduler_for(plan), clean_latents(1)
    end = walk(scheduler, plan, clean, network)
    assert scheduler.steps_done == plan.steps.executed
    assert torch.isfinite(end).all()
    assert scheduler.denoised is not None
    ends_early = sampler.label in ("DPM fast", "DPM adaptive")
    if ends_early or (plan.schedule == "KL Optimal" and sampler.label in (*BROWNIAN, "LCM")):
        # A level's worth of noise is left, which the last ones even drew anew.
        return
    # As in A1111, timestep samplers and KL Optimal leave the training's least noise (0.029) in the
    # picture, and LMS looks back over its last four slopes.
    walks_sigmas = sampler.family is Family.k_diffusion
    ends_clean = walks_sigmas and sampler.label != "LMS" and plan.schedule != "KL Optimal"
    assert (end - scheduler.denoised).abs().max() < (1e-5 if ends_clean else 0.2)


@pytest.mark.parametrize("label", LABELS)
def test_a_batch_equals_single_runs_bit_for_bit(label):
    sampling = Sampling(sampler=label, steps=8, denoising_strength=0.7)
    settings = {"s_churn": 2.0, "eta_ddim": 1.0}
    together = plan_for(sampling=sampling, batch=Batch(size=4), settings=settings)
    clean = clean_latents(4)
    ends = walk_job(together, clean, network)
    for index, image in enumerate(together.images):
        alone = plan_for(sampling=sampling, seeds=Seeds(seed=image.seed), settings=settings)
        end = walk_job(alone, clean[index : index + 1], network)
        assert np.array_equal(ends[index], end[0])


def ends_with(label: str, **settings: float) -> list[np.ndarray]:
    """Where a sampler ends under A1111's settings, and where under these."""
    plans = [
        plan_for(sampling=Sampling(sampler=label, steps=8), settings=chosen)
        for chosen in ({}, settings)
    ]
    return [walk_job(plan, clean_latents(1), network) for plan in plans]


@pytest.mark.parametrize(
    "label", ["Euler a", "DPM2 a", "DPM++ 2S a", "DPM fast", "DPM adaptive", "LCM"]
)
def test_a_later_seed_draws_other_ancestral_noise(label):
    first, other = ends_with(label, eta_noise_seed_delta=9)
    assert not np.allclose(first, other, atol=1e-3)


@pytest.mark.parametrize("label", BROWNIAN)
def test_a_later_seed_leaves_brownian_noise_as_it_is(label):
    """A1111 draws it from the pictures' own seeds."""
    first, other = ends_with(label, eta_noise_seed_delta=9)
    assert np.array_equal(first, other)


@pytest.mark.parametrize("label", WALKING_SIGMAS)
def test_the_next_to_last_sigma_can_always_be_discarded(label):
    first, other = ends_with(label, always_discard_next_to_last_sigma=True)
    always = label in ("DPM2", "DPM2 a", "DPM++ 3M SDE")
    assert np.array_equal(first, other) == always


@pytest.mark.parametrize("label", ["Euler", "DPM++ 2M"])
def test_noise_multiplier_and_extra_noise_follow_a1111_for_sigmas(label):
    settings = {"initial_noise_multiplier": 0.5, "img2img_extra_noise": 0.25}
    plan = plan_for(sampling=Sampling(sampler=label, schedule="Uniform"), settings=settings)
    sigma = slow_model().sigma(999 - 4 * 999 / 19)
    clean, noise = clean_latents(1), first_noise(plan)
    start = scheduler_for(plan).add_noise(clean, noise, torch.tensor([0]))
    assert torch.allclose(start, clean + 0.5 * noise * (sigma + 0.25), atol=1e-5)


def test_noise_multiplier_and_extra_noise_follow_a1111_for_timesteps():
    settings = {"initial_noise_multiplier": 0.5, "img2img_extra_noise": 0.25}
    plan = plan_for(sampling=Sampling(sampler="DDIM"), settings=settings)
    alpha = slow_model().alphas_cumprod[751]
    clean, noise = clean_latents(1), first_noise(plan)
    start = scheduler_for(plan).add_noise(clean, noise, torch.tensor([0]))
    weight = 0.5 * ((1 - alpha) ** 0.5 + 0.25 * alpha**0.5)
    assert torch.allclose(start, clean * alpha**0.5 + noise * weight, atol=1e-6)


def slow_model() -> SlowModel:
    return SlowModel(network, ALPHAS, "epsilon")


def first_noise(plan: Plan) -> torch.Tensor:
    return planned_noise(plan, plan.images, SHAPE, CPU)[0]


@pytest.mark.parametrize(("label", "calls"), [("Euler", 16), ("Heun", 31), ("PLMS", 16)])
def test_second_order_samplers_call_the_network_more_often(label, calls):
    plan = plan_for(sampling=Sampling(sampler=label))
    assert len(scheduler_for(plan).timesteps) == calls


def test_the_network_gets_its_own_dtype_and_the_latents_stay_float32():
    plan = plan_for(sampling=Sampling(sampler="Euler a"))
    noise, sources = planned_noise(plan, plan.images, SHAPE, CPU)
    scheduler = make_scheduler(plan, {}, noise=noise, sources=sources, dtype=torch.bfloat16)
    x = scheduler.add_noise(clean_latents(1).bfloat16(), noise, scheduler.timesteps[:1])
    scaled = scheduler.scale_model_input(x, scheduler.timesteps[0])
    (after,) = scheduler.step(scaled, scheduler.timesteps[0], x)
    assert (x.dtype, scaled.dtype, after.dtype) == (torch.float32, torch.bfloat16, torch.float32)


def test_another_number_of_steps_than_planned_is_refused():
    plan = plan_for(sampling=Sampling(sampler="Euler"))
    with pytest.raises(ValueError, match="16 steps are planned, got 20"):
        scheduler_for(plan).set_timesteps(20)


@pytest.mark.parametrize("label", LABELS)
def test_an_option_that_the_class_does_not_know_is_an_error(label):
    plan = plan_for(sampling=Sampling(sampler=label))
    wrong = replace(plan.sampler, options={**plan.sampler.options, "use_karas_sigmas": True})
    with pytest.raises(TypeError, match="use_karas_sigmas"):
        scheduler_for(replace(plan, sampler=wrong))


def test_a_pair_that_cannot_be_combined_is_refused():
    plan = plan_for(sampling=Sampling(sampler="DDIM"))
    with pytest.raises(InvalidRequest, match="DDIM cannot follow schedule type Karras"):
        scheduler_for(replace(plan, schedule="Karras"))


def test_nvidia_numbers_reach_the_ancestral_noise():
    sampling = Sampling(sampler="Euler a", steps=2, denoising_strength=0.9)
    plan = plan_for(sampling=sampling, settings={"randn_source": "NV"})
    ends = walk_job(plan, clean_latents(1), network)
    source = noise_source("NV", 1, CPU)
    draws: list[np.ndarray] = []

    def draw() -> np.ndarray:
        draws.append(source.draw(SHAPE).double().numpy()[None])
        return draws[-1]

    model = slow_model()
    sigmas = slow_sigmas("Uniform", 2, model, model.sigma_at(0), model.sigma_at(999), 0)
    start = clean_latents(1).double().numpy() + draw() * sigmas[0]
    expected = SIGMA_SAMPLERS["Euler a"](model.denoise, start, sigmas, Knobs(), draw)
    assert len(draws) == 2
    np.testing.assert_allclose(ends, expected, atol=2e-5)


def test_torchs_global_generator_is_left_alone():
    plan = plan_for(sampling=Sampling(sampler="Euler a"))
    before = torch.get_rng_state()
    walk_job(plan, clean_latents(1), network)
    assert torch.equal(torch.get_rng_state(), before)
