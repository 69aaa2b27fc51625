"""Networks made for inpainting: they are shown the mask and what is around it."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.run import Diffusion
from pipelines.plan import Plan
from pipelines.requests import Batch, Seeds
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.inpaint_jobs import batches, inpaint, results, seen_by, source_latents
from tests.helpers.runs import loaded
from tests.pipelines.diffusion.conftest import MakePlan


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
