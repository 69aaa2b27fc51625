"""Masks in the latents: exact outside for every sampler, and what the network is told within."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.inpainting import LatentInpaint
from pipelines.diffusion.noise import planned_noise
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import sample_batch
from pipelines.diffusion.samplers import OWN
from pipelines.diffusion.sigmas import ModelNoise
from pipelines.errors import InvalidRequest
from pipelines.imaging.prepare import prepare
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.requests import (
    Batch,
    Inpaint,
    InpaintArea,
    MaskedContent,
    ResizeMode,
    ResizeTo,
    Sampling,
    Seeds,
    SoftInpainting,
)
from pipelines.samplers import SAMPLERS, Family
from tests.helpers.images import assert_same_picture, noise
from tests.helpers.inpaint_jobs import batches, inpaint, mask_of, results, seen_by, source_latents
from tests.helpers.runs import inputs_of, loaded
from tests.helpers.tiny import EXACT
from tests.pipelines.diffusion.conftest import MakePlan, Watcher

CPU = torch.device("cpu")
LABELS = [sampler.label for sampler in SAMPLERS]
WRITTEN_OUT = [sampler.label for sampler in SAMPLERS if sampler.scheduler in OWN]


def overlay_mask(plan: Plan) -> np.ndarray:
    masked = prepare(plan).masked
    assert masked is not None
    return np.asarray(masked.overlay_mask)


def before_the_final_blend(
    diffusion: Diffusion, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> torch.Tensor:
    monkeypatch.setattr(LatentInpaint, "end", lambda self, latents, clean: latents)
    model = loaded(diffusion, plan)
    inputs = inputs_of(diffusion, plan, model)
    return sample_batch(plan, model, plan.batches[0], inputs, Unwatched()).end


def with_least_noise(diffusion: Diffusion, plan: Plan, clean: torch.Tensor) -> torch.Tensor:
    """Where timestep samplers end if the latents stay `clean`.

    A1111 lays on the noise of one level above the first that the network is asked at, so that what
    counts as noise from there on has a little of the source in it.
    """
    config = loaded(diffusion, plan).components.scheduler_config
    alphas = ModelNoise.from_config(config).alphas_cumprod
    start_noise, _ = planned_noise(plan, plan.batches[0], clean.shape[1:], CPU)
    stride, executed = 1000 // plan.steps.total, plan.steps.executed
    laid_on, asked = alphas[1 + stride * executed], alphas[1 + stride * (executed - 1)]
    start = clean * laid_on**0.5 + start_noise * (1 - laid_on) ** 0.5
    constant = (start - clean * asked**0.5) / (1 - asked) ** 0.5
    return clean * alphas[0] ** 0.5 + constant * (1 - alphas[0]) ** 0.5


# What holds outside the mask


# DPM adaptive asks a network again and again until it is content, so it is shown one of them alone.
# A trained network is slow and knows no more of the outside: it is shown to a sampler of each kind.
SAMPLERS_BY_MODEL = [
    *((label, "epsilon") for label in LABELS),
    *((label, "velocity") for label in LABELS if label != "DPM adaptive"),
    *((label, "demo") for label in ("Euler a", "DPM++ 2M SDE", "Heun", "Restart", "LCM", "DDIM")),
]


@pytest.mark.parametrize(("label", "model"), SAMPLERS_BY_MODEL)
def test_latents_outside_the_mask_end_where_they_began(
    shared: Diffusion,
    make_plan: MakePlan,
    checkpoints: dict[str, Checkpoint],
    monkeypatch: pytest.MonkeyPatch,
    label: str,
    model: str,
):
    """Samplers that end at sigma zero end on the source, others on the last level of its noise.

    DPM fast and DPM adaptive leave noise of sigma 0.03 that they drew themselves.
    """
    plan = make_plan(
        sampling=Sampling(sampler=label, steps=7, denoising_strength=0.9, cfg_scale=7.5),
        inpaint=inpaint(),
        batch=Batch(size=2),
    )
    plan = replace(plan, checkpoint=checkpoints[model])
    end = before_the_final_blend(shared, plan, monkeypatch)
    expected = source_latents(shared, plan).repeat(len(end), 1, 1, 1)
    if plan.sampler.family is Family.timesteps:
        expected = with_least_noise(shared, plan, expected)
    tolerance = 0.15 if label in ("DPM fast", "DPM adaptive") else 1e-3
    torch.testing.assert_close(end[..., 4:], expected[..., 4:], atol=tolerance, rtol=0)
    assert (end[..., :4] - expected[..., :4]).abs().mean() > 0.02


@pytest.mark.parametrize("settings", [{"s_churn": 20.0}, {"img2img_extra_noise": 0.5}], ids=str)
def test_noise_of_any_kind_leaves_the_outside_exact(
    shared: Diffusion,
    make_plan: MakePlan,
    monkeypatch: pytest.MonkeyPatch,
    settings: dict[str, float],
):
    plan = make_plan(
        sampling=Sampling(sampler="Heun", steps=7), inpaint=inpaint(), settings=settings
    )
    end = before_the_final_blend(shared, plan, monkeypatch)
    expected = source_latents(shared, plan)
    torch.testing.assert_close(end[..., 4:], expected[..., 4:], atol=1e-3, rtol=0)


def test_a_network_in_bf16_leaves_the_outside_exact(
    make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch
):
    half = Diffusion(replace(EXACT, dtype=torch.bfloat16))
    plan = make_plan(inpaint=inpaint())
    end = before_the_final_blend(half, plan, monkeypatch)
    torch.testing.assert_close(end[..., 4:], source_latents(half, plan)[..., 4:], atol=1e-3, rtol=0)


@pytest.mark.parametrize("label", LABELS)
def test_pixels_outside_the_mask_are_the_sources(
    shared: Diffusion, make_plan: MakePlan, label: str
):
    plan = make_plan(
        init_image=noise(),
        sampling=Sampling(sampler=label, steps=5),
        inpaint=inpaint(blur_x=4, blur_y=4),
    )
    (result,) = results(shared, plan)
    covered = overlay_mask(plan) > 0
    changed = (np.asarray(result) != np.asarray(noise())).any(axis=-1)
    assert not (changed & ~covered).any()
    assert changed[covered].mean() > 0.5


def test_ten_passes_leave_pixels_that_were_never_masked_as_they_were(
    shared: Diffusion, make_plan: MakePlan
):
    picture, never = noise(96, 80), np.ones((80, 96), bool)
    for number in range(10):
        left, top = 7 * number, 5 * number
        area = InpaintArea.only_masked if number % 2 else InpaintArea.whole_picture
        drawn = mask_of(left, top, left + 20, top + 16, size=(96, 80))
        plan = make_plan(
            init_image=picture,
            size=ResizeTo(width=96, height=80),
            sampling=Sampling(steps=3, sampler=LABELS[number]),
            inpaint=Inpaint(mask=drawn, blur_x=2, blur_y=2, area=area, padding=8),
            seeds=Seeds(seed=number),
        )
        (picture,) = results(shared, plan)
        never &= overlay_mask(plan) == 0
    changed = (np.asarray(picture) != np.asarray(noise(96, 80))).any(axis=-1)
    assert never.mean() > 0.4
    assert changed.mean() > 0.2
    assert not (changed & never).any()


def test_an_interrupted_job_keeps_the_outside_too(shared: Diffusion, make_plan: MakePlan):
    plan = make_plan(sampling=Sampling(sampler="DDIM", steps=10), inpaint=inpaint())
    model = loaded(shared, plan)
    inputs = inputs_of(shared, plan, model)
    watcher = Watcher(stop=((0, 2),), end_job=True)
    watcher.begin_batch(0, 1, plan.steps.executed)
    sampled = sample_batch(plan, model, plan.batches[0], inputs, watcher)
    assert not sampled.complete
    assert torch.equal(sampled.end[..., 4:], source_latents(shared, plan)[..., 4:])
    assert not torch.equal(sampled.end[..., :4], source_latents(shared, plan)[..., :4])


def test_a_batch_gives_the_pictures_of_single_runs(shared: Diffusion, make_plan: MakePlan):
    for content in MaskedContent:
        for soft in (None, SoftInpainting()):
            changes = {"inpaint": inpaint(content=content, soft=soft, blur_x=6, blur_y=6)}
            together = results(
                shared, make_plan(**changes, seeds=Seeds(seed=5), batch=Batch(size=2, count=2))
            )
            assert len(together) == 4
            for index in (1, 2):
                alone = results(shared, make_plan(**changes, seeds=Seeds(seed=5 + index)))
                assert_same_picture(together[index], alone[0], tolerance=2)


# What the masked area begins with


@pytest.mark.parametrize("content", MaskedContent)
def test_the_masked_area_begins_as_the_masked_content_says(content: MaskedContent):
    generator = torch.Generator().manual_seed(3)
    clean, first_noise = torch.randn((2, 2, 4, 3, 5), generator=generator)
    mask = torch.randint(0, 2, (1, 1, 3, 5), generator=generator).float()
    began = LatentInpaint(mask=mask, content=content).begin(clean, first_noise)
    for place in np.ndindex(*clean.shape):
        inside = mask[(0, 0, *place[2:])] == 1
        expected = clean[place]
        if inside and content is MaskedContent.latent_noise:
            expected = first_noise[place]
        if inside and content is MaskedContent.latent_nothing:
            expected = torch.tensor(0.0)
        assert began[place] == expected


def test_latent_noise_is_the_noise_that_sampling_starts_from(
    diffusion: Diffusion, make_plan: MakePlan
):
    """Without any further noise, DPM++ 2M's first level shows the network noise times its scale."""
    plan = make_plan(
        inpaint=inpaint(content=MaskedContent.latent_noise), settings={"randn_source": "CPU"}
    )
    with seen_by(loaded(diffusion, plan).components.unet) as seen:
        batches(diffusion, plan)
    first_noise, _ = planned_noise(plan, plan.batches[0], (4, 8, 8), CPU)
    # z0 = noise and x = z0 + sigma * noise, so that x / sqrt(1 + sigma^2) is a multiple of it.
    inside = seen[0][0, :, :, :4] / first_noise[0, :, :, :4]
    torch.testing.assert_close(inside, torch.full_like(inside, inside[0, 0, 0].item()))


@pytest.mark.parametrize("content", MaskedContent)
def test_every_masked_content_gives_a_picture_of_its_own(
    shared: Diffusion, make_plan: MakePlan, content: MaskedContent
):
    (original,) = results(shared, make_plan(inpaint=inpaint(), init_image=noise()))
    plan = make_plan(inpaint=inpaint(content=content), init_image=noise())
    (result,) = results(shared, plan)
    assert (result == original) is (content is MaskedContent.original)


def test_only_masked_shows_the_network_the_part_alone_and_keeps_the_pictures_size(
    shared: Diffusion, make_plan: MakePlan
):
    source = noise(200, 150)
    drawn = mask_of(150, 100, 180, 130, size=(200, 150))
    plan = make_plan(
        init_image=source,
        inpaint=Inpaint(mask=drawn, blur_x=0, blur_y=0, area=InpaintArea.only_masked, padding=10),
    )
    (batch,) = batches(shared, plan)
    assert batch.images[0][1].size == (64, 64)
    # 30 pixels and 10 on each side, 50x50, as square as the processing size.
    assert batch.source is not None
    part = source.crop((140, 90, 190, 140)).resize((64, 64), Image.Resampling.LANCZOS)
    assert_same_picture(batch.source, part)
    (result,) = results(shared, plan)
    assert result.size == (200, 150)
    changed = (np.asarray(result) != np.asarray(source)).any(axis=-1)
    assert changed[100:130, 150:180].mean() > 0.9
    changed[100:130, 150:180] = False
    assert not changed.any()


def test_latent_upscale_stretches_mask_and_original(shared: Diffusion, make_plan: MakePlan):
    plan = make_plan(
        init_image=noise(48, 40),
        size=ResizeTo(width=96, height=72),
        resize_mode=ResizeMode.latent_upscale,
        inpaint=Inpaint(mask=mask_of(0, 0, 24, 40, size=(48, 40)), blur_x=0, blur_y=0),
    )
    (result,) = results(shared, plan)
    stretched = noise(48, 40).resize((96, 72), Image.Resampling.LANCZOS)
    beyond = (56, 0, 96, 72)
    assert_same_picture(result.crop(beyond), stretched.crop(beyond))


# What is kept between jobs, and what is refused


def test_another_mask_on_the_same_picture_encodes_nothing(
    diffusion: Diffusion, make_plan: MakePlan
):
    batches(diffusion, make_plan(inpaint=inpaint()))
    watcher = Watcher()
    batches(diffusion, make_plan(inpaint=inpaint(16, 16, 48, 48)), watcher)
    assert watcher.stages == []


@pytest.mark.parametrize(
    "changes",
    [
        {"mask": mask_of(0, 0, 64, 24)},
        {"content": MaskedContent.fill},
        {"area": InpaintArea.only_masked},
        {"soft": SoftInpainting()},
        {"blur_x": 9, "blur_y": 9},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_was_prepared_for_one_mask_is_not_used_for_another(
    diffusion: Diffusion, make_plan: MakePlan, changes: dict[str, Any]
):
    results(diffusion, make_plan(inpaint=inpaint()))
    other = make_plan(inpaint=inpaint(**changes))
    assert results(diffusion, other) == results(Diffusion(EXACT), other)


def test_an_empty_mask_is_refused_before_the_model_is_loaded(
    diffusion: Diffusion, make_plan: MakePlan
):
    watcher = Watcher()
    with pytest.raises(InvalidRequest, match="mask is empty"):
        batches(diffusion, make_plan(inpaint=inpaint(0, 0, 0, 0)), watcher)
    assert watcher.stages == []
