"""Tiling: networks that know no border."""

import torch
from torch import nn

from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.seamless import seamless
from pipelines.monitor import Unwatched
from tests.helpers.tiny import tiny_components
from tests.pipelines.diffusion.conftest import MakePlan


@torch.no_grad()
def test_a_picture_that_was_shifted_around_is_decoded_shifted_around():
    vae = tiny_components().vae
    latents = torch.randn((1, 4, 8, 6), generator=torch.Generator().manual_seed(0))
    shifted = latents.roll((3, 2), (2, 3))
    with seamless(vae):
        straight, around = vae.decode(latents).sample, vae.decode(shifted).sample
    torch.testing.assert_close(straight.roll((24, 16), (2, 3)), around, atol=1e-4, rtol=1e-4)
    plain, plain_around = vae.decode(latents).sample, vae.decode(shifted).sample
    assert (plain.roll((24, 16), (2, 3)) - plain_around).abs().max() > 0.01


def test_networks_are_left_as_they_were():
    parts = tiny_components()
    with seamless(parts.unet, parts.vae):
        pass
    modes = {
        module.padding_mode
        for network in (parts.unet, parts.vae)
        for module in network.modules()
        if isinstance(module, nn.Conv2d)
    }
    assert modes == {"zeros"}


def test_a_job_that_is_tiled_disturbs_no_other(diffusion: Diffusion, make_plan: MakePlan):
    def picture(**settings: bool) -> bytes:
        (batch,) = diffusion.denoise(make_plan(settings=settings), Unwatched())
        return batch.images[0][1].tobytes()

    plain = picture()
    tiled = picture(tiling=True)
    assert tiled != plain
    assert picture() == plain
    assert picture(tiling=True) == tiled
