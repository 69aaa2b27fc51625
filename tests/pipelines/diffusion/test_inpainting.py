"""Masks in the latents: exact outside for every sampler, and what the network is told within."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint, Layout
from pipelines.diffusion.inpainting import LatentInpaint, hard_blend, soft_blend
from pipelines.diffusion.noise import planned_noise
from pipelines.diffusion.run import Diffusion, LoadedModel
from pipelines.diffusion.sample import sample_batch
from pipelines.diffusion.samplers import OWN
from pipelines.diffusion.sigmas import ModelNoise
from pipelines.diffusion.vae import encode
from pipelines.errors import InvalidRequest
from pipelines.imaging.geometry import Size
from pipelines.imaging.inpaint import paste_back
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
from pipelines.results import DenoisedBatch
from pipelines.samplers import SAMPLERS, Family
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.tiny import EXACT, save_tiny_model
from tests.pipelines.diffusion.conftest import MakePlan, Watcher

DEMO = Path(__file__).parents[3] / "models" / "Stable-diffusion" / "demo"
CPU = torch.device("cpu")
LABELS = [sampler.label for sampler in SAMPLERS]
WRITTEN_OUT = [sampler.label for sampler in SAMPLERS if sampler.scheduler in OWN]
LEFT_HALF = (0, 0, 32, 64)


def mask_of(*box: int, size: tuple[int, int] = (64, 64)) -> Image.Image:
    mask = Image.new("L", size)
    mask.paste(255, cast(Any, box))
    return mask


def inpaint(*box: int, **changes: Any) -> Inpaint:
    """A sharp mask over the left half, or over `box`."""
    parts: dict[str, Any] = {"mask": mask_of(*(box or LEFT_HALF)), "blur_x": 0, "blur_y": 0}
    return Inpaint(**{**parts, **changes})


def batches(diffusion: Diffusion, plan: Plan, monitor: Any = None) -> list[DenoisedBatch]:
    return list(diffusion.denoise(plan, monitor or Unwatched()))


def results(diffusion: Diffusion, plan: Plan) -> list[Image.Image]:
    """Pictures laid into their source."""
    return [
        paste_back(image, masked)
        for batch in batches(diffusion, plan)
        for (_, image), masked in zip(batch.images, batch.masked or (), strict=True)
    ]


def overlay_mask(plan: Plan) -> np.ndarray:
    masked = prepare(plan).masked
    assert masked is not None
    return np.asarray(masked.overlay_mask)


def loaded(diffusion: Diffusion, plan: Plan) -> LoadedModel:
    return diffusion._model(plan.checkpoint, plan.settings, None)


def source_latents(diffusion: Diffusion, plan: Plan) -> torch.Tensor:
    vae = loaded(diffusion, plan).components.vae
    return encode(vae, prepare(plan).init_image, CPU)


def before_the_final_blend(
    diffusion: Diffusion, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> torch.Tensor:
    monkeypatch.setattr(LatentInpaint, "end", lambda self, latents, clean: latents)
    model = loaded(diffusion, plan)
    inputs = diffusion._encoded(plan, model, prepare(plan), Unwatched())
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


@contextmanager
def seen_by(unet: Any) -> Iterator[list[torch.Tensor]]:
    """What the first layer of the network is given."""
    seen: list[torch.Tensor] = []
    hook = unet.conv_in.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    try:
        yield seen
    finally:
        hook.remove()


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Checkpoint]:
    """A model that predicts noise, one that predicts velocity, one for inpainting, and the demo."""
    folder = tmp_path_factory.mktemp("models")
    return {
        "epsilon": save_tiny_model(folder / "epsilon"),
        "velocity": save_tiny_model(folder / "velocity", prediction_type="v_prediction"),
        "inpainting": save_tiny_model(folder / "inpainting", in_channels=9),
        "demo": Checkpoint(
            name="demo",
            path=DEMO,
            layout=Layout.folder,
            short_hash="0123456789",
            default_size=Size(256, 256),
        ),
    }


@pytest.fixture(scope="module")
def shared() -> Diffusion:
    """One run for tests that only ask it for pictures."""
    return Diffusion(EXACT)


# What holds outside the mask


# DPM adaptive asks a network again and again until it is content, so it is shown one of them alone.
SAMPLERS_BY_MODEL = [
    (label, model)
    for label in LABELS
    for model in ("epsilon", "velocity", "demo")
    if model == "epsilon" or label != "DPM adaptive"
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
    inputs = shared._encoded(plan, model, prepare(plan), Unwatched())
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


# Networks for inpainting


def test_a_network_for_inpainting_sees_mask_and_masked_picture(
    diffusion: Diffusion, make_plan: MakePlan, checkpoints: dict[str, Checkpoint]
):
    plan = replace(make_plan(inpaint=inpaint()), checkpoint=checkpoints["inpainting"])
    model = loaded(diffusion, plan)
    with seen_by(model.components.unet) as seen:
        batches(diffusion, plan)
    hidden = np.asarray(gradient()).astype(np.float32) / 255 * 2 - 1
    hidden[:, :32] = 0
    centred = torch.from_numpy(hidden).permute(2, 0, 1)[None]
    vae = model.components.vae
    latents = vae.encode(centred).latent_dist.mode() * vae.config["scaling_factor"]
    expected_mask = torch.zeros(1, 1, 8, 8)
    expected_mask[..., :4] = 1
    for given in seen:
        assert given.shape == (2, 9, 8, 8)  # both rows of the guided batch
        for row in given:
            torch.testing.assert_close(row[None, 4:5], expected_mask)
            torch.testing.assert_close(row[None, 5:], latents, atol=1e-4, rtol=0)


def test_without_a_mask_such_a_network_is_told_that_all_is_repainted(
    diffusion: Diffusion, make_plan: MakePlan, checkpoints: dict[str, Checkpoint]
):
    plan = replace(make_plan(), checkpoint=checkpoints["inpainting"])
    model = loaded(diffusion, plan)
    with seen_by(model.components.unet) as seen:
        (batch,) = batches(diffusion, plan)
    assert batch.masked is None
    vae = model.components.vae
    grey = vae.encode(torch.zeros(1, 3, 64, 64)).latent_dist.mode() * vae.config["scaling_factor"]
    assert (seen[0][:, 4] == 1).all()
    torch.testing.assert_close(seen[0][:1, 5:], grey, atol=1e-4, rtol=0)


def test_at_weight_0_such_a_network_sees_the_picture_whole(
    diffusion: Diffusion, make_plan: MakePlan, checkpoints: dict[str, Checkpoint]
):
    plan = make_plan(inpaint=inpaint(), settings={"inpainting_mask_weight": 0.0})
    plan = replace(plan, checkpoint=checkpoints["inpainting"])
    with seen_by(loaded(diffusion, plan).components.unet) as seen:
        batches(diffusion, plan)
    latents = source_latents(diffusion, plan)
    torch.testing.assert_close(seen[0][:1, 5:], latents, atol=1e-4, rtol=0)
    assert (seen[0][:, 4, :, :4] == 1).all()


def test_such_a_network_keeps_the_outside_and_a_batch_is_as_single_runs(
    shared: Diffusion, make_plan: MakePlan, checkpoints: dict[str, Checkpoint]
):
    def plan(**changes: Any) -> Plan:
        made = make_plan(init_image=noise(), inpaint=inpaint(), **changes)
        return replace(made, checkpoint=checkpoints["inpainting"])

    together = results(shared, plan(seeds=Seeds(seed=5), batch=Batch(size=2)))
    alone = results(shared, plan(seeds=Seeds(seed=6)))
    assert_same_picture(together[1], alone[0], tolerance=1)
    right = (32, 0, 64, 64)
    assert_same_picture(together[0].crop(right), noise().crop(right))


# Soft inpainting


def slow_soft_blend(
    before: np.ndarray, after: np.ndarray, mask: np.ndarray, sigma: float, soft: SoftInpainting
) -> np.ndarray:
    """Pixel by pixel, from the description of the method; CxHxW and HxW."""
    blended = np.zeros_like(before)
    d = soft.transition_contrast_boost
    for y, x in np.ndindex(*mask.shape):
        t = float(mask[y, x]) ** (sigma**soft.schedule_bias * soft.preservation_strength)
        a, b = before[:, y, x], after[:, y, x]
        vector = [float(p) * (1 - t) + float(q) * t for p, q in zip(a, b, strict=True)]
        length = sum(v * v for v in vector) ** 0.5
        length_a, length_b = sum(a * a) ** 0.5, sum(b * b) ** 0.5
        wanted = (length_a**d * (1 - t) + length_b**d * t) ** (1 / d)
        blended[:, y, x] = [v * wanted / (length + 1e-5) for v in vector]
    return blended


@pytest.mark.parametrize("sigma", [0.03, 1.0, 14.6])
@pytest.mark.parametrize(
    "soft",
    [
        SoftInpainting(),
        SoftInpainting(schedule_bias=0, preservation_strength=3, transition_contrast_boost=32),
        SoftInpainting(schedule_bias=2.5, preservation_strength=0, transition_contrast_boost=1),
    ],
    ids=["usual", "extreme", "no preservation"],
)
def test_the_soft_blend_is_that_of_a_loop_over_pixels(sigma: float, soft: SoftInpainting):
    random = np.random.default_rng(8)
    before, after = random.normal(size=(2, 2, 4, 6, 5)) * 3
    mask = random.uniform(size=(6, 5))
    mask[0], mask[1] = 0, 1
    blend = soft_blend(torch.tensor(before), torch.tensor(mask)[None, None], soft)
    blended = blend(torch.tensor(after), sigma).numpy()
    for picture in range(2):
        expected = slow_soft_blend(before[picture], after[picture], mask, sigma, soft)
        np.testing.assert_allclose(blended[picture], expected, rtol=1e-9, atol=1e-12)


def test_a_sharp_mask_makes_the_soft_blend_a_hard_one():
    generator = torch.Generator().manual_seed(1)
    clean, denoised = torch.randn((2, 1, 4, 8, 8), generator=generator)
    mask = torch.zeros(1, 1, 8, 8)
    mask[..., 3:] = 1
    soft = soft_blend(clean, mask, SoftInpainting())(denoised, 2.0)
    torch.testing.assert_close(soft, hard_blend(clean, mask)(denoised, 2.0), atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("label", WRITTEN_OUT)
def test_soft_inpainting_works_with_every_sampler_of_ours(
    shared: Diffusion, make_plan: MakePlan, label: str
):
    """What is far from the mask is kept, what is under it is not."""
    plan = make_plan(
        sampling=Sampling(sampler=label, steps=4, denoising_strength=0.9),
        inpaint=inpaint(soft=SoftInpainting(), blur_x=4, blur_y=4),
    )
    model = loaded(shared, plan)
    inputs = shared._encoded(plan, model, prepare(plan), Unwatched())
    sampled = sample_batch(plan, model, plan.batches[0], inputs, Unwatched())
    change = (sampled.end - sampled.start).abs().mean(dim=(0, 1))
    assert change[:, -1].max() < change[:, :2].min()


def test_soft_inpainting_makes_each_picture_a_mask_of_its_own(
    shared: Diffusion, make_plan: MakePlan
):
    plan = make_plan(
        inpaint=inpaint(soft=SoftInpainting(), blur_x=8, blur_y=8), batch=Batch(size=2)
    )
    (batch,) = batches(shared, plan)
    assert batch.masked is not None
    first, second = (masked.overlay_mask for masked in batch.masked)
    assert first.size == second.size == (64, 64)
    assert first.tobytes() != second.tobytes()


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
