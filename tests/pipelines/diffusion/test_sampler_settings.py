"""Settings of single samplers and schedules: what they change, and what is written of them."""

from typing import Any

import numpy as np
import pytest
import torch
import torchsde
from scipy.special import betainc

from pipelines import infotext
from pipelines.diffusion.sigmas import FORMULAS, ModelNoise, schedule_sigmas
from pipelines.plan import Plan
from pipelines.requests import Batch, Sampling, Seeds
from tests.helpers.kdiffusion import Knobs, SlowModel, slow_sigmas, spread
from tests.helpers.plans import plan_for
from tests.helpers.trajectories import (
    SHAPE,
    clean_latents,
    scheduler_for,
    slow_job,
    walk_job,
)
from tests.pipelines.diffusion.test_schedulers import network

MODEL = ModelNoise.from_config({})
SLOW = SlowModel(lambda x, t: x, MODEL.alphas_cumprod.tolist(), "epsilon")
BROWNIAN = "DPM++ 2M SDE"


def job(sampler: str, batch: int = 1, seed: int = 1, schedule: str = "", **settings: Any) -> Plan:
    sampling = Sampling(
        sampler=sampler, schedule=schedule or "Automatic", steps=12, denoising_strength=0.8
    )
    return plan_for(
        sampling=sampling,
        batch=Batch(size=batch),
        seeds=Seeds(seed=seed),
        settings={"randn_source": "CPU", **settings},
    )


@pytest.mark.parametrize("final", [True, False])
@pytest.mark.parametrize("variant", ["bh1", "bh2"])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("skip_type", ["time_uniform", "time_quadratic", "logSNR"])
def test_unipc_obeys_its_settings(skip_type: str, order: int, variant: str, final: bool):
    chosen: dict[str, Any] = {
        "uni_pc_order": order,
        "uni_pc_variant": variant,
        "uni_pc_skip_type": skip_type,
        "uni_pc_lower_order_final": final,
    }
    plan, clean = job("UniPC", **chosen), clean_latents(1)
    end = walk_job(plan, clean, network)
    expected = slow_job(plan, clean, network, Knobs(**chosen))
    # Orders of 4 and more amplify what float32 rounds off.
    np.testing.assert_allclose(end, expected, atol=3e-5 if order < 4 else 1e-3)


def slow_quantile(share: float, alpha: float, beta: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if betainc(alpha, beta, middle) < share else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize(("alpha", "beta"), [(0.6, 0.6), (0.3, 1.0), (1.0, 0.5)])
def test_the_beta_schedule_has_its_shape(alpha: float, beta: float):
    plan = job("Euler", schedule="Beta", beta_dist_alpha=alpha, beta_dist_beta=beta)
    low, high = SLOW.sigma_at(0), SLOW.sigma_at(999)
    shares = [slow_quantile(value, alpha, beta) for value in spread(1, 0, 12)]
    expected = [low + share * (high - low) for share in shares]
    whole: Any = scheduler_for(plan)
    np.testing.assert_allclose(whole._whole, [*expected, 0.0], rtol=1e-6)


@pytest.mark.parametrize("label", FORMULAS)
def test_old_sigmas_run_from_10_to_a_tenth(label: str):
    scheduler: Any = scheduler_for(
        job("Euler", schedule=label, use_old_karras_scheduler_sigmas=True)
    )
    np.testing.assert_allclose(
        scheduler._whole, slow_sigmas(label, 12, SLOW, 0.1, 10.0, 0), rtol=1e-6
    )


def test_sigmas_that_are_set_come_before_the_old_ones():
    settings: dict[str, Any] = {"use_old_karras_scheduler_sigmas": True, "sigma_min": 0.5}
    scheduler: Any = scheduler_for(job("Euler", schedule="Karras", **settings))
    expected = schedule_sigmas("Karras", 12, MODEL, sigma_min=0.5, sigma_max=10.0)
    assert scheduler._whole == expected.tolist()


def test_one_path_for_a_batch_is_the_firsts_and_leaves_a_picture_alone_as_it_is():
    shared: dict[str, Any] = {"no_dpmpp_sde_batch_determinism": True}
    single = walk_job(job(BROWNIAN, seed=3), clean_latents(1), network)
    np.testing.assert_array_equal(
        walk_job(job(BROWNIAN, seed=3, **shared), clean_latents(1), network), single
    )
    scheduler: Any = scheduler_for(job(BROWNIAN, batch=2, seed=3, **shared))
    whole = [float(np.float32(sigma)) for sigma in scheduler._whole]
    low, high = torch.tensor(min(filter(None, whole))), torch.tensor(max(whole))
    tree: Any = torchsde.BrownianTree(low, torch.zeros(2, *SHAPE), high, entropy=3)
    first, last = torch.tensor(whole[3]), torch.tensor(whole[5])
    noise = scheduler._noise_between(torch.zeros(2, *SHAPE), float(first), float(last))
    expected = tree(last, first) / -(first - last).sqrt()
    torch.testing.assert_close(noise, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("setting", "value", "name", "matters"),
    [
        ("uni_pc_variant", "bh2", "UniPC variant", {"sampler": "UniPC"}),
        ("uni_pc_skip_type", "logSNR", "UniPC skip type", {"sampler": "UniPC"}),
        ("uni_pc_order", 2, "UniPC order", {"sampler": "UniPC"}),
        ("uni_pc_lower_order_final", False, "UniPC lower order final", {"sampler": "UniPC"}),
        ("beta_dist_alpha", 0.5, "Beta schedule alpha", {"sampler": "Euler", "schedule": "Beta"}),
        ("beta_dist_beta", 0.5, "Beta schedule beta", {"sampler": "Euler", "schedule": "Beta"}),
    ],
)
def test_a_setting_is_written_where_it_matters(
    setting: str, value: Any, name: str, matters: dict[str, Any]
):
    plan = job(**matters, **{setting: value})
    assert infotext.parse(infotext.write(plan, plan.images[0])).fields[name] == str(value)
    elsewhere = job("Heun", **{setting: value})
    assert f"{name}:" not in infotext.write(elsewhere, elsewhere.images[0])
