"""Soft inpainting in the latents: the blend, and jobs with every sampler of ours."""

import numpy as np
import pytest
import torch

from pipelines.diffusion.inpainting import hard_blend, soft_blend
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import sample_batch
from pipelines.diffusion.samplers import OWN
from pipelines.monitor import Unwatched
from pipelines.requests import Batch, Sampling, SoftInpainting
from pipelines.samplers import SAMPLERS
from tests.helpers.inpaint_jobs import batches, inpaint
from tests.helpers.runs import inputs_of, loaded
from tests.pipelines.diffusion.conftest import MakePlan

WRITTEN_OUT = [sampler.label for sampler in SAMPLERS if sampler.scheduler in OWN]


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
    inputs = inputs_of(shared, plan, model)
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
