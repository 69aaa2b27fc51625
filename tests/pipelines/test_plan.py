"""Planning: step counts, seeds, sizes and models, decided as A1111 decides them."""

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.errors import InvalidRequest, ModelBroken, ModelNotFound
from pipelines.imaging.geometry import Size
from pipelines.plan import MAX_RANDOM_SEED, Plan, StepPlan, make_plan, plan_steps
from pipelines.requests import Batch, Prompt, Refiner, ResizeBy, ResizeTo, Sampling, Seeds
from pipelines.samplers import SAMPLERS, Family, allowed_schedules
from pipelines.settings import Settings
from pipelines.styles import Style, StyleBook
from tests.helpers.plans import CHECKPOINT, OneCheckpoint, plan_for, request_for

SIGMAS, TIMESTEPS = Family.k_diffusion, Family.timesteps


@pytest.mark.parametrize(
    ("steps", "strength", "sigmas", "timesteps"),
    [
        (20, 0.75, 16, 15),
        (20, 0.0, 1, 0),
        (20, 1.0, 20, 19),
        (20, 0.999, 20, 19),
        (20, 0.5, 11, 10),
        (50, 0.6, 31, 30),
        (1, 0.75, 1, 0),
        (1, 1.0, 1, 0),
        (1000, 1.0, 1000, 999),
        (150, 0.01, 2, 1),
    ],
)
def test_step_counts_are_a1111s(steps: int, strength: float, sigmas: int, timesteps: int):
    assert plan_steps(steps, strength, SIGMAS, exact=False) == StepPlan(
        total=steps, executed=sigmas
    )
    assert plan_steps(steps, strength, TIMESTEPS, exact=False) == StepPlan(
        total=steps, executed=timesteps
    )


def slow_steps(steps: int, strength: float, family: Family) -> int:
    """Walk the schedule down from its top: levels above the starting one are passed over."""
    capped = strength if strength < 0.999 else 0.999
    below_start = 0
    while Fraction(below_start + 1) <= Fraction(capped * steps):
        below_start += 1
    if family is TIMESTEPS:
        return below_start
    sigmas = list(range(steps, -1, -1))  # steps levels and the final zero
    start = steps - below_start - 1
    return len(sigmas[start:]) - 1


@pytest.mark.parametrize("family", Family)
def test_step_counts_agree_with_walking_the_schedule(family: Family):
    for steps in (1, 2, 3, 7, 20, 28, 50, 99, 150):
        for percent in range(101):
            strength = percent / 100
            planned = plan_steps(steps, strength, family, exact=False)
            assert planned.executed == slow_steps(steps, strength, family), (steps, strength)
            assert 0 <= planned.executed <= planned.total == steps


@pytest.mark.parametrize(
    ("steps", "strength", "total"),
    [(20, 0.75, 26), (20, 0.5, 40), (20, 1.0, 20), (20, 0.1, 200), (1, 0.3, 3)],
)
def test_exact_steps_lengthen_the_schedule_instead(steps: int, strength: float, total: int):
    assert plan_steps(steps, strength, SIGMAS, exact=True) == StepPlan(total=total, executed=steps)
    assert plan_steps(steps, strength, TIMESTEPS, exact=True) == StepPlan(
        total=total, executed=steps - 1
    )


def test_exact_steps_without_strength_are_refused():
    with pytest.raises(InvalidRequest, match="above 0"):
        plan_for(sampling=Sampling(denoising_strength=0.0), settings={"img2img_fix_steps": True})


def test_more_timesteps_than_there_are_is_refused():
    with pytest.raises(InvalidRequest, match="at most 1000"):
        plan_for(
            sampling=Sampling(sampler="DDIM", steps=500, denoising_strength=0.1),
            settings={"img2img_fix_steps": True},
        )


def seeds_of(**seeds: Any) -> list[tuple[int, int]]:
    plan = plan_for(batch=Batch(count=2, size=2), seeds=Seeds(**seeds))
    return [(image.seed, image.variation_seed) for image in plan.images]


def test_seeds_count_up_over_all_batches():
    assert seeds_of(seed=7, variation_seed=100) == [(7, 100), (8, 101), (9, 102), (10, 103)]


def test_a_variation_keeps_the_seed_and_counts_its_own():
    assert seeds_of(seed=7, variation_seed=100, variation_strength=0.1) == [
        (7, 100),
        (7, 101),
        (7, 102),
        (7, 103),
    ]


def test_random_seeds_are_drawn_once_and_then_count():
    assert seeds_of(seed=-1)[1] == (4001, 4001)


def test_pictures_are_grouped_and_numbered_over_batches():
    plan = plan_for(batch=Batch(count=3, size=2))
    assert [[image.index for image in batch] for batch in plan.batches] == [[0, 1], [2, 3], [4, 5]]


def test_random_seeds_lie_where_a1111s_lie():
    plans = [
        make_plan(
            request_for(seeds=Seeds()), Settings(), OneCheckpoint(), StyleBook(Path("none.csv"))
        )
        for _ in range(50)
    ]
    drawn = {plan.images[0].seed for plan in plans}
    assert len(drawn) > 45
    assert all(0 <= seed <= MAX_RANDOM_SEED == 4294967293 for seed in drawn)


@pytest.mark.parametrize(
    ("source", "scale", "expected"),
    [
        ((512, 768), 1.0, Size(512, 768)),
        ((500, 333), 1.5, Size(750, 499)),
        ((101, 99), 0.7, Size(70, 69)),
        ((64, 64), 4.0, Size(256, 256)),
    ],
)
def test_resize_by_truncates(source: tuple[int, int], scale: float, expected: Size):
    plan = plan_for(init_image=Image.new("L", source), size=ResizeBy(scale=scale))
    assert plan.size == expected
    assert plan.latent_size == Size(expected.width // 8, expected.height // 8)


@pytest.mark.parametrize(
    ("source", "scale"), [((64, 64), 0.5), ((2049, 64), 4.0), ((64, 2049), 4.0), ((640, 63), 1.0)]
)
def test_resize_by_is_bounded_like_a_size_given_outright(source: tuple[int, int], scale: float):
    with pytest.raises(InvalidRequest, match="between 64 and 8192"):
        plan_for(init_image=Image.new("L", source), size=ResizeBy(scale=scale))


def test_resize_to_is_taken_as_it_is():
    assert plan_for(size=ResizeTo(width=640, height=384)).size == Size(640, 384)


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda sampler: sampler.label)
def test_automatic_is_resolved_and_every_allowed_schedule_kept(sampler):
    for schedule in allowed_schedules(sampler):
        plan = plan_for(sampling=Sampling(sampler=sampler.label, schedule=schedule))
        expected = sampler.automatic_schedule if schedule == "Automatic" else schedule
        assert plan.schedule == expected


@pytest.mark.parametrize(
    ("sampling", "message"),
    [
        (Sampling(sampler="Magic"), "Sampling method 'Magic' is not known"),
        (Sampling(schedule="Magic"), "Schedule type 'Magic' is not known"),
    ],
)
def test_what_is_not_in_a_menu_is_refused(sampling: Sampling, message: str):
    with pytest.raises(InvalidRequest, match=message):
        plan_for(sampling=sampling)


def test_an_unknown_model_is_refused():
    with pytest.raises(ModelNotFound, match="dreams"):
        plan_for(model="dreams")


def test_the_requests_model_wins_over_the_settings():
    assert plan_for(model="demo", settings={"sd_model_checkpoint": "dreams"}).checkpoint
    with pytest.raises(ModelNotFound, match="dreams"):
        plan_for(settings={"sd_model_checkpoint": "dreams"})


class TwoCheckpoints(OneCheckpoint):
    """The usual one, and "polish" of a family."""

    def __init__(self, family: ModelFamily, channels: int = 4) -> None:
        self._polish = replace(
            CHECKPOINT,
            name="polish",
            path=Path("models/polish"),
            family=family,
            input_channels=channels,
        )

    def find(self, name: str) -> Checkpoint:
        return self._polish if name == "polish" else super().find(name)


def refined(catalog: OneCheckpoint, refiner: Refiner) -> Plan:
    request = request_for(refiner=refiner)
    return make_plan(request, Settings(), catalog, StyleBook(Path("there/are/no/styles.csv")))


def test_a_refiner_is_found_and_one_that_never_takes_over_left_out():
    catalog = TwoCheckpoints(ModelFamily.sd1)
    plan = refined(catalog, Refiner(checkpoint="polish", switch_at=0.7))
    assert plan.refiner is not None
    assert (plan.refiner.checkpoint.name, plan.refiner.switch_at) == ("polish", 0.7)
    assert refined(catalog, Refiner(checkpoint="polish", switch_at=1)).refiner is None
    assert refined(catalog, Refiner(checkpoint=CHECKPOINT.name)).refiner is None
    with pytest.raises(ModelNotFound, match="'gloss'"):
        refined(catalog, Refiner(checkpoint="gloss"))


def test_a_refiner_of_other_latents_or_for_another_task_is_refused():
    class OfSd1(TwoCheckpoints):
        def find(self, name: str) -> Checkpoint:
            found = super().find(name)
            return found if name == "polish" else replace(found, family=ModelFamily.sd1)

    with pytest.raises(InvalidRequest, match="SDXL refiner and checkpoint"):
        refined(OfSd1(ModelFamily.sdxl_refiner), Refiner(checkpoint="polish"))
    with pytest.raises(ModelBroken, match="'polish' is made for depth-to-image"):
        refined(TwoCheckpoints(ModelFamily.sd1, channels=5), Refiner(checkpoint="polish"))


def test_a_refiner_without_a_name_or_with_a_share_out_of_range_is_refused():
    with pytest.raises(InvalidRequest, match="no checkpoint is chosen for it"):
        Refiner(checkpoint=" ")
    with pytest.raises(InvalidRequest, match=r"Switch at must lie between 0\.01 and 1"):
        Refiner(checkpoint="polish", switch_at=0)


def test_overrides_hold_for_the_job():
    plan = plan_for(override_settings={"CLIP_stop_at_last_layers": 2})
    assert plan.settings.CLIP_stop_at_last_layers == 2


@pytest.mark.parametrize("key", ["outdir_img2img_samples", "max_queued_jobs", "nonsense"])
def test_a_setting_that_is_not_for_jobs_is_refused(key: str):
    with pytest.raises(InvalidRequest, match=key):
        plan_for(override_settings={key: 1})


def test_styles_are_applied_and_none_are_left(tmp_path: Path):
    book = StyleBook(tmp_path / "styles.csv")
    book.save(Style(name="soft", positive="soft light", negative="hard"))
    prompt = Prompt(positive="a cat", negative="ugly", styles=("soft",))
    assert plan_for(prompt=prompt, styles=book).prompt == Prompt(
        positive="a cat, soft light", negative="ugly, hard"
    )


def test_the_time_is_written_down():
    assert plan_for().created == datetime(2026, 1, 2, 3, 4, 5)
