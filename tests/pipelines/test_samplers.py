"""The tables of samplers and schedules, and which of them go together."""

import pytest

from pipelines.errors import InvalidRequest
from pipelines.requests import Batch, Sampling, Seeds
from pipelines.samplers import (
    AUTOMATIC,
    SAMPLERS,
    SCHEDULES,
    Family,
    allowed_schedules,
    check_combination,
    find_sampler,
    find_schedule,
)
from tests.helpers.plans import plan_for

A1111_ORDER = [
    "DPM++ 2M",
    "DPM++ SDE",
    "DPM++ 2M SDE",
    "DPM++ 2M SDE Heun",
    "DPM++ 2S a",
    "DPM++ 3M SDE",
    "Euler a",
    "Euler",
    "LMS",
    "Heun",
    "DPM2",
    "DPM2 a",
    "DPM fast",
    "DPM adaptive",
    "Restart",
    "DDIM",
    "DDIM CFG++",
    "PLMS",
    "UniPC",
    "LCM",
]
TIMESTEP_SAMPLERS = [sampler for sampler in SAMPLERS if sampler.family is Family.timesteps]


def test_samplers_stand_in_a1111s_order_under_its_names():
    assert [sampler.label for sampler in SAMPLERS] == A1111_ORDER


def test_no_two_rows_share_a_name():
    for table in (SAMPLERS, SCHEDULES):
        names = [{name.lower() for name in (row.label, *row.aliases)} for row in table]
        assert sum(map(len, names)) == len(set().union(*names))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.label)
def test_a_sampler_is_found_by_every_name(sampler):
    for name in (sampler.label, sampler.label.upper(), *sampler.aliases):
        assert find_sampler(f" {name} ") is sampler


@pytest.mark.parametrize("schedule", SCHEDULES, ids=lambda schedule: schedule.label)
def test_a_schedule_is_found_by_every_name(schedule):
    for name in (schedule.label, schedule.label.lower(), *schedule.aliases):
        assert find_schedule(name) is schedule


def test_unknown_names_are_refused_with_the_choices():
    with pytest.raises(InvalidRequest, match=r"'Eular' is not known; choose one of DPM\+\+ 2M"):
        find_sampler("Eular")
    with pytest.raises(InvalidRequest, match="'Karas' is not known; choose one of Automatic"):
        find_schedule("Karas")


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.label)
def test_automatic_means_a_schedule_that_the_sampler_may_follow(sampler):
    assert sampler.automatic_schedule in allowed_schedules(sampler)
    check_combination(sampler, AUTOMATIC)


@pytest.mark.parametrize("sampler", TIMESTEP_SAMPLERS, ids=lambda sampler: sampler.label)
def test_a_timestep_sampler_refuses_any_schedule_but_automatic(sampler):
    assert allowed_schedules(sampler) == (AUTOMATIC,)
    with pytest.raises(InvalidRequest, match="cannot follow schedule type Karras; choose Auto"):
        plan_for(sampling=Sampling(sampler=sampler.label, schedule="Karras"))


def test_automatic_is_resolved_in_the_plan():
    assert plan_for(sampling=Sampling(sampler="DPM++ 2M")).schedule == "Karras"
    assert plan_for(sampling=Sampling(sampler="Euler")).schedule == "Uniform"
    assert plan_for(sampling=Sampling(sampler="DPM++ 3M SDE")).schedule == "Exponential"
    assert plan_for(sampling=Sampling(sampler="LCM")).schedule == "Uniform"
    assert plan_for(sampling=Sampling(sampler="DDIM")).schedule == AUTOMATIC


@pytest.mark.parametrize(
    ("sampler", "steps"),
    [("Euler", 16), ("DPM2", 16), ("DPM fast", 16), ("DDIM", 15), ("PLMS", 15), ("DDIM CFG++", 15)],
)
def test_three_quarters_of_twenty_steps(sampler, steps):
    assert plan_for(sampling=Sampling(sampler=sampler)).steps.executed == steps


def test_the_ddim_schedule_is_walked_to_its_end():
    """30 levels asked for: every 33rd of 1000 from the first makes 31, all below the start kept."""
    plan = plan_for(sampling=Sampling(sampler="Euler", schedule="DDIM", steps=30))
    assert plan.steps.executed == 24
    assert plan_for(sampling=Sampling(sampler="Euler", steps=30)).steps.executed == 23


def test_a_sampler_that_chooses_its_steps_gets_one_picture_at_a_time():
    """Else a picture would depend on the others of its batch."""
    batch, seeds = Batch(count=2, size=2), Seeds(seed=5)
    plan = plan_for(sampling=Sampling(sampler="DPM adaptive"), batch=batch, seeds=seeds)
    assert [[image.seed for image in images] for images in plan.batches] == [[5], [6], [7], [8]]
    aligned = plan_for(
        sampling=Sampling(sampler="DPM adaptive"), batch=batch, seeds=seeds, style_align=True
    )
    assert [len(images) for images in aligned.batches] == [2, 2]


@pytest.mark.parametrize(
    ("sampler", "schedule", "allowed"),
    [
        ("DDIM", AUTOMATIC, 1000),
        ("DDIM CFG++", AUTOMATIC, 1000),
        ("Euler", "Simple", 1000),
        ("Euler", "DDIM", 999),
        ("LCM", "Simple", 50),
        ("LCM", "DDIM", 49),
    ],
)
def test_more_steps_than_the_model_has_levels_are_refused(sampler, schedule, allowed):
    sampling = Sampling(sampler=sampler, schedule=schedule, steps=1000)
    with pytest.raises(InvalidRequest, match=f"at most {allowed} steps"):
        plan_for(sampling=sampling, settings={"img2img_fix_steps": True})
