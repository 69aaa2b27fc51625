"""A second network takes over in the middle of a job, at the call that A1111 chooses."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.run import Diffusion
from pipelines.errors import InvalidRequest
from pipelines.plan import Plan, PlannedRefiner
from pipelines.requests import Batch, Prompt, Sampling
from tests.helpers.large import save_large
from tests.helpers.runs import loaded, pictures
from tests.helpers.tiny import EXACT, save_tiny_model
from tests.pipelines.diffusion.conftest import MakePlan


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    """A model like the first with other weights."""
    return save_tiny_model(tmp_path_factory.mktemp("others") / "other", seed=7)


@contextmanager
def watched(diffusion: Diffusion, plan: Plan) -> Iterator[list[tuple[str, float]]]:
    """Which of the two networks is asked at which timestep."""
    calls: list[tuple[str, float]] = []
    assert plan.refiner is not None
    second = replace(plan, checkpoint=plan.refiner.checkpoint)
    with ExitStack() as hooks:
        for name, one in (("first", plan), ("second", second)):

            def note(module: object, args: tuple[Any, ...], name: str = name) -> None:
                calls.append((name, float(args[1])))

            unet = loaded(diffusion, one).components.unet
            hooks.callback(unet.register_forward_pre_hook(note).remove)
        yield calls


def refined(plan: Plan, other: Checkpoint, switch_at: float) -> Plan:
    return replace(plan, refiner=PlannedRefiner(checkpoint=other, switch_at=switch_at))


@pytest.mark.parametrize("sampler", ["Euler", "Heun", "DDIM", "PLMS", "DPM fast", "DPM++ 2M SDE"])
@pytest.mark.parametrize("switch_at", [0.01, 0.45, 0.8])
def test_the_second_network_answers_from_the_share_of_the_trainings_timesteps_on(
    diffusion: Diffusion, make_plan: MakePlan, other: Checkpoint, sampler: str, switch_at: float
):
    sampling = Sampling(sampler=sampler, steps=8, denoising_strength=1)
    plan = refined(make_plan(sampling=sampling), other, switch_at)
    with watched(diffusion, plan) as calls:
        pictures(diffusion, plan)
    names = [name for name, _ in calls]
    assert names == sorted(names)  # it never goes back
    for name, timestep in calls[: names.index("second") + 1]:
        # The nearest of the training's noise levels counts, which a step to fractions may not be.
        share = (999 - timestep) / 1000
        assert (name == "second") == (share >= switch_at - 0.0005), (name, timestep)


def test_sampling_steps_may_decide_instead(
    diffusion: Diffusion, make_plan: MakePlan, other: Checkpoint
):
    settings = {"refiner_switch_by_sample_steps": True}
    sampling = Sampling(sampler="Euler", steps=8, denoising_strength=1)
    plan = refined(make_plan(sampling=sampling, settings=settings), other, 0.5)
    with watched(diffusion, plan) as calls:
        pictures(diffusion, plan)
    assert [name for name, _ in calls] == ["first"] * 4 + ["second"] * 4


def test_a_job_that_begins_late_is_the_second_networks_alone(
    diffusion: Diffusion, make_plan: MakePlan, other: Checkpoint
):
    sampling = Sampling(steps=10, denoising_strength=0.1)
    plan = refined(make_plan(sampling=sampling), other, 0.5)
    with watched(diffusion, plan) as calls:
        refined_pictures = pictures(diffusion, plan)
    assert {name for name, _ in calls} == {"second"}
    assert refined_pictures != pictures(diffusion, replace(plan, refiner=None))


def test_a_second_network_that_is_like_the_first_changes_nothing(
    tmp_path: Path, diffusion: Diffusion, make_plan: MakePlan
):
    words = Prompt(positive="[cat|dog] AND red:0.5", negative="sea")
    plan = make_plan(prompt=words, batch=Batch(size=2, count=2), sampling=Sampling(steps=8))
    alone = pictures(diffusion, plan)
    twin = save_tiny_model(tmp_path / "twin")
    assert pictures(diffusion, refined(plan, twin, 0.5)) == alone
    assert pictures(diffusion, plan) == alone


@pytest.mark.parametrize("strength", [1, 0.1], ids=["in the middle", "at once"])
def test_sdxl_hands_over_to_its_refiner_which_is_told_scores(
    tmp_path: Path, make_plan: MakePlan, strength: float
):
    base = save_large(tmp_path / "base")
    refiner = save_large(tmp_path / "refiner", ModelFamily.sdxl_refiner)
    sampling = Sampling(sampler="Euler a", steps=6, denoising_strength=strength)
    plan = replace(make_plan(sampling=sampling, batch=Batch(size=2)), checkpoint=base)
    diffusion = Diffusion(EXACT)
    plan = refined(plan, refiner, 0.6)
    told: list[list[float]] = []

    def note(module: object, args: object, kwargs: dict[str, Any]) -> None:
        told.append(kwargs["added_cond_kwargs"]["time_ids"][:, -1].tolist())

    unet = loaded(diffusion, replace(plan, checkpoint=refiner)).components.unet
    hook = unet.register_forward_pre_hook(note, with_kwargs=True)
    with watched(diffusion, plan) as calls:
        made = pictures(diffusion, plan)
    hook.remove()
    assert {name for name, _ in calls} == ({"first", "second"} if strength == 1 else {"second"})
    assert told == [[2.5, 2.5, 6.0, 6.0]] * len(told)
    assert all(np.asarray(picture).std() > 0 for picture in made)


def test_two_models_that_predict_otherwise_are_refused(
    tmp_path: Path, diffusion: Diffusion, make_plan: MakePlan
):
    velocity = save_tiny_model(tmp_path / "velocity", prediction_type="v_prediction")
    with pytest.raises(InvalidRequest, match=r"predicts v_prediction and checkpoint .* epsilon"):
        pictures(diffusion, refined(make_plan(), velocity, 0.5))
