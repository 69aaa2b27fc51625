"""On a graphics card: fp16, the flags that save its memory, and the noise of every source."""

from pathlib import Path

import pytest
import torch

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.device import choose_policy
from pipelines.diffusion.noise import planned_noise
from pipelines.diffusion.run import Diffusion
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.requests import Batch, ResizeTo, Sampling
from tests.helpers.images import assert_same_picture, gradient
from tests.helpers.plans import plan_for
from tests.helpers.tiny import EXACT, save_tiny_model

pytestmark = pytest.mark.gpu


def plan_on(checkpoint: Checkpoint, **changes) -> Plan:
    plan = plan_for(
        settings={"randn_source": "CPU"},
        init_image=gradient(),
        size=ResizeTo(width=64, height=64),
        sampling=Sampling(steps=5),
        **changes,
    )
    return Plan(**{**vars(plan), "checkpoint": checkpoint})


@pytest.mark.parametrize("flags", [{}, {"medvram": True}, {"lowvram": True}, {"no_half_vae": True}])
def test_a_card_gives_the_processors_picture_but_for_rounding(
    tmp_path: Path, flags: dict[str, bool]
):
    plan = plan_on(save_tiny_model(tmp_path / "tiny"), batch=Batch(count=2, size=2))
    on_card = list(Diffusion(choose_policy(**flags)).denoise(plan, Unwatched()))
    on_processor = list(Diffusion(EXACT).denoise(plan, Unwatched()))
    for batch, expected in zip(on_card, on_processor, strict=True):
        for (_, actual), (_, exact) in zip(batch.images, expected.images, strict=True):
            assert_same_picture(actual, exact, tolerance=8)


@pytest.mark.parametrize("source", ["CPU", "NV"])
def test_noise_is_the_same_on_a_card(source: str):
    plan = plan_for(settings={"randn_source": source}, batch=Batch(size=2))
    on_card, _ = planned_noise(plan, plan.images, (4, 8, 8), torch.device("cuda"))
    on_processor, _ = planned_noise(plan, plan.images, (4, 8, 8), torch.device("cpu"))
    assert torch.equal(on_card.cpu(), on_processor)


def test_a_cards_own_noise_is_what_nv_computes():
    shape = (4, 8, 8)
    gpu = plan_for(settings={"randn_source": "GPU"})
    nv = plan_for(settings={"randn_source": "NV"})
    drawn, _ = planned_noise(gpu, gpu.images, shape, torch.device("cuda"))
    computed, _ = planned_noise(nv, nv.images, shape, torch.device("cuda"))
    torch.testing.assert_close(drawn, computed, rtol=0, atol=1e-5)
