"""Every schedule type against a slow version of its formula, and what the formulas stand on."""

import numpy as np
import pytest
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler

from pipelines.diffusion.sigmas import FORMULAS, ModelNoise, schedule_sigmas
from pipelines.errors import ModelBroken
from pipelines.samplers import AUTOMATIC, SCHEDULES
from tests.helpers.kdiffusion import SlowModel, slow_sigmas

MODEL = ModelNoise.from_config({})
SLOW = SlowModel(lambda x, t: x, MODEL.alphas_cumprod.tolist(), "epsilon")


def test_every_schedule_of_the_menu_has_a_formula():
    assert [schedule.label for schedule in SCHEDULES if schedule.label != AUTOMATIC] == [*FORMULAS]


@pytest.mark.parametrize("count", [1, 2, 7, 20, 30])
@pytest.mark.parametrize("label", FORMULAS)
def test_a_schedule_equals_its_slow_version(label, count):
    expected = slow_sigmas(label, count, SLOW, SLOW.sigma_at(0), SLOW.sigma_at(999), 0)
    np.testing.assert_allclose(schedule_sigmas(label, count, MODEL), expected, rtol=1e-9)


@pytest.mark.parametrize("label", FORMULAS)
def test_sigma_range_and_rho_can_be_overridden(label):
    expected = slow_sigmas(label, 12, SLOW, 0.1, 10.0, 3.0)
    given = schedule_sigmas(label, 12, MODEL, sigma_min=0.1, sigma_max=10.0, rho=3.0)
    np.testing.assert_allclose(given, expected, rtol=1e-9)


@pytest.mark.parametrize("label", FORMULAS)
def test_a_schedule_falls_from_step_to_step(label):
    assert np.all(np.diff(schedule_sigmas(label, 20, MODEL)) < 0)


@pytest.mark.parametrize("label", FORMULAS)
def test_discarding_drops_the_last_level_but_one_of_a_longer_schedule(label):
    longer = schedule_sigmas(label, 11, MODEL).tolist()
    del longer[-2]
    shorter = schedule_sigmas(label, 10, MODEL, discard_next_to_last=True)
    assert shorter.tolist() == longer


def test_sd1_sigmas_run_from_0_029_to_14_61():
    assert MODEL.sigmas[0] == pytest.approx(0.0292, abs=1e-4)
    assert MODEL.sigmas[-1] == pytest.approx(14.6146, abs=1e-4)


def test_fractional_timesteps_and_sigmas_are_each_others_inverse():
    timesteps = np.array([0.0, 0.5, 17.25, 998.9, 999.0])
    np.testing.assert_allclose(MODEL.to_timestep(MODEL.to_sigma(timesteps)), timesteps, atol=1e-9)


def test_sigmas_outside_the_table_keep_its_last_timestep():
    assert MODEL.to_timestep(np.array([1e-4, 100.0])).tolist() == [0.0, 999.0]


def test_align_your_steps_has_a_list_of_its_own_for_xl():
    xl = ModelNoise.from_config({}, sdxl=True)
    assert schedule_sigmas("Align Your Steps", 11, xl)[1] == pytest.approx(6.315)
    assert schedule_sigmas("Align Your Steps", 11, MODEL)[1] == pytest.approx(6.475)


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "squaredcos_cap_v2"])
def test_the_noise_table_is_the_one_diffusers_makes(kind):
    config = {"beta_schedule": kind, "beta_start": 0.001, "beta_end": 0.02}
    theirs = DDPMScheduler(**config).alphas_cumprod.numpy()
    ours = ModelNoise.from_config(config).alphas_cumprod
    np.testing.assert_allclose(ours, theirs, rtol=2e-3, atol=1e-7)


def test_trained_betas_are_taken_as_they_are():
    model = ModelNoise.from_config({"trained_betas": [0.1, 0.2]})
    np.testing.assert_allclose(model.alphas_cumprod, [0.9, 0.72])


@pytest.mark.parametrize("config", [{"prediction_type": "sample"}, {"beta_schedule": "sigmoid"}])
def test_a_model_of_an_unknown_kind_is_refused_in_a_sentence(config):
    with pytest.raises(ModelBroken, match="supported"):
        ModelNoise.from_config(config)
