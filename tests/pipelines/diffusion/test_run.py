"""A plan in, pictures out, through diffusers' own pipeline on a tiny model."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.run import Diffusion, LoadedModel
from pipelines.diffusion.sample import sample_batch
from pipelines.diffusion.samplers import OWN
from pipelines.diffusion.vae import decode, encode
from pipelines.monitor import Unwatched
from pipelines.requests import Batch, Prompt, ResizeBy, ResizeMode, ResizeTo, Sampling, Seeds
from pipelines.samplers import SAMPLERS
from pipelines.settings import Settings
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.runs import inputs_of, loaded, pictures
from tests.helpers.tiny import EXACT, save_tiny_model
from tests.pipelines.diffusion.conftest import MakePlan, Watcher

CPU = torch.device("cpu")


@contextmanager
def counted(model: LoadedModel) -> Iterator[dict[str, int]]:
    """How often each part is called meanwhile."""
    counts = {"unet": 0, "texts": 0, "encode": 0, "decode": 0}

    def count(name: str) -> Any:
        def hook(*_: Any) -> None:
            counts[name] += 1

        return hook

    parts = model.components
    hooks = [
        parts.unet.register_forward_pre_hook(count("unet")),
        parts.text_encoder.register_forward_pre_hook(count("texts")),
        parts.vae.encoder.register_forward_pre_hook(count("encode")),
        parts.vae.decoder.register_forward_pre_hook(count("decode")),
    ]
    try:
        yield counts
    finally:
        for hook in hooks:
            hook.remove()


def test_a_plan_gives_its_pictures_in_order(diffusion: Diffusion, make_plan: MakePlan):
    plan = make_plan(batch=Batch(count=2, size=2))
    batches = list(diffusion.denoise(plan, Unwatched()))
    assert [tuple(p for p, _ in batch.images) for batch in batches] == list(plan.batches)
    assert all(batch.complete for batch in batches)
    images = [image for batch in batches for _, image in batch.images]
    assert {(image.mode, image.size) for image in images} == {("RGB", (64, 64))}
    assert len({image.tobytes() for image in images}) == 4
    assert_same_picture(batches[0].init_image, gradient())


def test_a_seed_gives_the_same_picture_again(make_plan: MakePlan):
    plan = make_plan(seeds=Seeds(seed=7))
    assert pictures(Diffusion(EXACT), plan) == pictures(Diffusion(EXACT), plan)


def test_the_global_generator_is_left_alone(diffusion: Diffusion, make_plan: MakePlan):
    before = torch.random.get_rng_state()
    pictures(diffusion, make_plan())
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    "sampler",
    ["DPM++ 2M", "Euler a", "Euler", "DDIM", "DPM++ 2M SDE", "DPM fast", "DDIM CFG++", "LCM"],
)
def test_a_batch_gives_the_pictures_of_single_runs(
    diffusion: Diffusion, make_plan: MakePlan, sampler: str
):
    sampling = Sampling(sampler=sampler, steps=5)
    together = pictures(
        diffusion, make_plan(sampling=sampling, seeds=Seeds(seed=5), batch=Batch(size=3))
    )
    for index, picture in enumerate(together):
        single = make_plan(sampling=sampling, seeds=Seeds(seed=5 + index))
        # Convolutions over a batch add in another order, which may tip a level.
        assert_same_picture(picture, pictures(diffusion, single)[0], tolerance=1)


@pytest.mark.parametrize(
    ("sampler", "calls", "steps"),
    [
        ("DPM++ 2M", 16, 16),
        ("Euler a", 16, 16),
        ("DDIM", 15, 15),
        ("DPM++ SDE", 31, 16),
        ("DPM++ 3M SDE", 16, 16),
        ("DPM fast", 16, 16),
        ("Restart", 31, 16),
        ("DDIM CFG++", 15, 15),
        ("LCM", 16, 16),
    ],
)
def test_twenty_steps_at_three_quarters_ask_the_network_as_often_as_in_a1111(
    diffusion: Diffusion, make_plan: MakePlan, sampler: str, calls: int, steps: int
):
    plan = make_plan(sampling=Sampling(sampler=sampler, steps=20, denoising_strength=0.75))
    watcher = Watcher()
    with counted(loaded(diffusion, plan)) as counts:
        pictures(diffusion, plan, watcher)
    assert counts["unet"] == calls
    assert watcher.steps == [list(range(1, steps + 1))]


def test_dpm_adaptive_asks_as_often_as_it_needs_to_and_reports_the_planned_steps(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(
        sampling=Sampling(sampler="DPM adaptive", steps=20, denoising_strength=0.75),
        batch=Batch(size=2),
    )
    watcher = Watcher()
    with counted(loaded(diffusion, plan)) as counts:
        made = pictures(diffusion, plan, watcher)
    assert len(made) == 2
    assert counts["unet"] % 3 == 0
    assert counts["unet"] > 2 * 16
    for reported in watcher.steps:
        assert reported == sorted(set(reported))
        assert reported[-1] == 16
    # One preview for every step that is reported, but the last of each picture.
    assert len(watcher.previews) == sum(map(len, watcher.steps)) - 2


@pytest.mark.parametrize("cfg_scale", [1.0, 7.0])
def test_ddim_cfg_plus_plus_hears_the_negative_prompt_at_every_scale(
    diffusion: Diffusion, make_plan: MakePlan, cfg_scale: float
):
    def picture(negative: str) -> Image.Image:
        sampling = Sampling(sampler="DDIM CFG++", steps=5, cfg_scale=cfg_scale)
        prompt = Prompt(positive="a cat", negative=negative)
        return pictures(diffusion, make_plan(sampling=sampling, prompt=prompt))[0]

    assert picture("dog") != picture("sea")
    assert picture("dog") == picture("dog")


# DDIM at strength 0: no step, and from A1111's first noise level on only this share of the source.
NO_STEPS = Sampling(sampler="DDIM", steps=5, denoising_strength=0)
WITHOUT_NOISE = {"initial_noise_multiplier": 0.0}
SHARE = ((1 - 0.00085) * (1 - (0.00085**0.5 + (0.012**0.5 - 0.00085**0.5) / 999) ** 2)) ** 0.5


def test_zero_steps_of_ddim_give_the_start_that_no_step_has_changed(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(sampling=NO_STEPS, settings=WITHOUT_NOISE)
    model = loaded(diffusion, plan)
    with counted(model) as counts:
        picture = pictures(diffusion, plan)[0]
    assert counts["unet"] == 0
    vae = model.components.vae
    expected = decode(vae, encode(vae, gradient(), CPU)[0] * SHARE)
    assert_same_picture(picture, expected, tolerance=1)


def test_without_guidance_the_network_sees_the_prompt_only(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(sampling=Sampling(steps=5, cfg_scale=1))
    sizes: set[int] = set()
    unet = loaded(diffusion, plan).components.unet
    hook = unet.register_forward_pre_hook(lambda _, args: sizes.add(len(args[0])))
    pictures(diffusion, plan)
    hook.remove()
    assert sizes == {1}


def test_prompts_of_unequal_length_run_together(diffusion: Diffusion, make_plan: MakePlan):
    plan = make_plan(prompt=Prompt(positive="red cat " * 60, negative="dog"))
    assert len(pictures(diffusion, plan)) == 1


# Stopping


def test_an_interrupted_batch_gives_the_last_predicted_clean_picture(
    diffusion: Diffusion, make_plan: MakePlan
):
    sampling = Sampling(sampler="DDIM", steps=10, cfg_scale=3)
    plan = make_plan(sampling=sampling, batch=Batch(count=2))
    model = loaded(diffusion, plan)
    calls: list[tuple[torch.Tensor, int, torch.Tensor]] = []

    def remember(_: object, args: tuple[Any, ...], output: tuple[torch.Tensor]) -> None:
        calls.append((args[0], int(args[1]), output[0]))

    hook = model.components.unet.register_forward_hook(remember)
    batches = list(diffusion.denoise(plan, Watcher(stop=((0, 3),), end_job=True)))
    hook.remove()

    assert len(calls) == 3
    assert [batch.complete for batch in batches] == [False]
    noisy, timestep, (without, with_prompt) = calls[-1]
    # Song et al. 2020, eq. 12, from diffusers' own table.
    table: Any = DDIMScheduler.from_config(dict(model.components.scheduler_config))
    alpha = table.alphas_cumprod[timestep]
    predicted_noise = without + 3 * (with_prompt - without)
    clean = (noisy[0] - (1 - alpha).sqrt() * predicted_noise) / alpha.sqrt()
    expected = decode(model.components.vae, clean)
    assert_same_picture(batches[0].images[0][1], expected, tolerance=1)


WRITTEN_OUT = [sampler.label for sampler in SAMPLERS if sampler.scheduler in OWN]


@pytest.mark.parametrize("label", WRITTEN_OUT)
def test_a_sampler_of_ours_stops_at_the_next_call_with_its_last_prediction(
    diffusion: Diffusion, make_plan: MakePlan, label: str
):
    """For DPM adaptive, too, whose calls no list ends."""
    plan = make_plan(sampling=Sampling(sampler=label, steps=8, denoising_strength=0.9))
    model = loaded(diffusion, plan)
    inputs = inputs_of(diffusion, plan, model)
    watcher = Watcher(stop=((0, 2), (0, 3), (0, 4)))
    watcher.begin_batch(0, 1, plan.steps.executed)
    with counted(model) as counts:
        sampled = sample_batch(plan, model, plan.batches[0], inputs, watcher)
    scheduler: Any = model.pipeline.scheduler
    assert not sampled.complete
    # DPM adaptive may jump over a step.
    assert 2 <= watcher.steps[0][-1] < plan.steps.executed
    assert torch.equal(sampled.end, scheduler.denoised)
    assert counts["unet"] == scheduler._calls_done


def test_a_skipped_batch_is_followed_by_the_next(diffusion: Diffusion, make_plan: MakePlan):
    plan = make_plan(sampling=Sampling(steps=8), batch=Batch(count=2))
    watcher = Watcher(stop=((0, 2),))
    batches = list(diffusion.denoise(plan, watcher))
    assert [batch.complete for batch in batches] == [False, True]
    assert [steps[-1] for steps in watcher.steps] == [2, 7]
    alone = make_plan(sampling=Sampling(steps=8), seeds=Seeds(seed=2))
    assert_same_picture(batches[1].images[0][1], pictures(diffusion, alone)[0])


def test_a_stop_after_the_last_step_leaves_the_batch_complete(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(batch=Batch(count=2))
    batches = list(diffusion.denoise(plan, Watcher(stop=((0, 4),), end_job=True)))
    assert [batch.complete for batch in batches] == [True]


def test_previews_are_offered_after_every_step_but_the_last(
    diffusion: Diffusion, make_plan: MakePlan
):
    watcher = Watcher()
    pictures(diffusion, make_plan(batch=Batch(size=2)), watcher)
    assert [preview.size for preview in watcher.previews] == [(128, 64)] * 3


# What is kept between jobs


def test_a_second_click_with_another_seed_encodes_nothing(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(seeds=Seeds(seed=1))
    first = pictures(diffusion, plan)
    # The same picture uploaded again is another object.
    again = make_plan(seeds=Seeds(seed=2), init_image=gradient())
    watcher = Watcher()
    with counted(loaded(diffusion, plan)) as counts:
        second = pictures(diffusion, again, watcher)
    assert counts == {"unet": 4, "texts": 0, "encode": 0, "decode": 1}
    assert watcher.stages == []
    assert first != second


@pytest.mark.parametrize(
    ("changes", "texts", "encodes"),
    [
        ({"prompt": Prompt(positive="a dog", negative="blurry")}, 1, 0),
        ({"settings": {"CLIP_stop_at_last_layers": 2}}, 3, 0),
        ({"settings": {"emphasis": "No norm"}}, 3, 0),
        ({"init_image": noise()}, 0, 1),
        ({"size": ResizeTo(width=72, height=64)}, 0, 1),
        ({"sampling": Sampling(steps=6, sampler="DDIM")}, 0, 0),
    ],
)
def test_what_changed_is_encoded_anew_and_nothing_else(
    diffusion: Diffusion, make_plan: MakePlan, changes: dict[str, Any], texts: int, encodes: int
):
    plan = make_plan()
    pictures(diffusion, plan)
    with counted(loaded(diffusion, plan)) as counts:
        pictures(diffusion, make_plan(**changes))
    assert (counts["texts"], counts["encode"]) == (texts, encodes)


def test_a_model_whose_files_changed_is_loaded_again(
    diffusion: Diffusion, make_plan: MakePlan, own_checkpoint: Checkpoint
):
    plan = replace(make_plan(), checkpoint=own_checkpoint)
    first = pictures(diffusion, plan)
    save_tiny_model(own_checkpoint.path, seed=1)
    watcher = Watcher()
    assert pictures(diffusion, plan, watcher) != first
    assert watcher.stages[0] == "Loading own"


def test_a_model_is_loaded_once_and_said_to_be(diffusion: Diffusion, make_plan: MakePlan):
    watcher = Watcher()
    for _ in range(2):
        pictures(diffusion, make_plan(), watcher)
    assert watcher.stages.count("Loading tiny") == 1


def test_a_preloaded_model_is_not_loaded_by_the_first_job(
    diffusion: Diffusion, make_plan: MakePlan, checkpoint: Checkpoint
):
    diffusion.preload(checkpoint)
    watcher = Watcher()
    pictures(diffusion, make_plan(), watcher)
    assert "Loading tiny" not in watcher.stages


def test_tokens_are_counted_without_loading_the_model(
    diffusion: Diffusion, own_checkpoint: Checkpoint
):
    (own_checkpoint.path / "unet" / "config.json").unlink()
    assert diffusion.count_tokens(["a", "a red cat", ""], own_checkpoint) == (3, 75)
    settings = Settings().with_changes({"emphasis": "None"})
    assert diffusion.count_tokens(["(cat)"], own_checkpoint, settings) == (3, 75)


# Sizes


def test_a_size_that_is_no_multiple_of_8_is_cut_in_latents(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(init_image=noise(101, 75), size=ResizeBy(scale=1.5))
    assert (plan.size.width, plan.size.height) == (151, 112)
    assert pictures(diffusion, plan)[0].size == (144, 112)


def test_latent_upscale_encodes_the_picture_at_its_own_size(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan(
        init_image=noise(48, 40),
        size=ResizeTo(width=96, height=72),
        resize_mode=ResizeMode.latent_upscale,
        sampling=NO_STEPS,
        settings=WITHOUT_NOISE,
    )
    batch = next(iter(diffusion.denoise(plan, Unwatched())))
    vae = loaded(diffusion, plan).components.vae
    small = encode(vae, noise(48, 40), CPU)
    large = torch.nn.functional.interpolate(small, (9, 12), mode="bilinear")
    assert batch.init_image.size == (48, 40)
    assert_same_picture(batch.images[0][1], decode(vae, large[0] * SHARE), tolerance=1)


def test_a_network_in_bf16_keeps_latents_and_guidance_in_float32(make_plan: MakePlan):
    plan = make_plan()
    exact = pictures(Diffusion(EXACT), plan)[0]
    half = Diffusion(replace(EXACT, dtype=torch.bfloat16))
    unet = loaded(half, plan).components.unet
    outputs: list[torch.dtype] = []
    unet.register_forward_hook(lambda _, args, output: outputs.append(output[0].dtype))
    assert_same_picture(pictures(half, plan)[0], exact, tolerance=12)
    assert set(outputs) == {torch.float32}
