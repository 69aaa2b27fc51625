"""Previews: a linear map that finds the colours a VAE stands for."""

import numpy as np
import pytest
import torch

from pipelines.diffusion.preview import PreviewMap, colour_chart, fit_preview
from tests.helpers.images import assert_same_picture, plain
from tests.helpers.tiny import tiny_components

IDENTITY = PreviewMap(matrix=torch.eye(4)[:, :3], offset=torch.zeros(3))


def test_the_chart_has_64_colours():
    colours = np.asarray(colour_chart()).reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) == 64


def test_a_vae_that_encodes_colours_linearly_is_understood_exactly(
    monkeypatch: pytest.MonkeyPatch,
):
    turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0]

    def linear(vae: object, picture: object, device: object) -> torch.Tensor:
        small = np.asarray(colour_chart().reduce(8), np.float32).transpose(2, 0, 1) / 255
        colours = torch.cat([torch.tensor(small), torch.zeros(1, 16, 16)])
        return torch.einsum("chw,cd->dhw", colours, turn)[None] + 0.5

    monkeypatch.setattr("pipelines.diffusion.preview.encode", linear)
    fitted = fit_preview(tiny_components().vae, torch.device("cpu"))
    colour = torch.tensor([0.2, 0.6, 1.0, 0.0])
    latents = (colour @ turn + 0.5).reshape(1, 4, 1, 1).expand(1, 4, 2, 2)
    drawn = fitted.draw(latents)
    assert_same_picture(drawn, plain("#3399ff", 16, 16), tolerance=1)


def test_one_picture_is_drawn_at_eight_times_the_latents_and_512_at_most():
    assert IDENTITY.draw(torch.zeros(1, 4, 32, 24)).size == (192, 256)
    assert IDENTITY.draw(torch.zeros(1, 4, 100, 200)).size == (512, 256)


def test_a_batch_is_drawn_side_by_side():
    latents = torch.zeros(3, 4, 8, 8)
    latents[1, 0] = 1
    sheet = IDENTITY.draw(latents)
    assert sheet.size == (128, 128)
    assert sheet.getpixel((96, 32)) == (255, 0, 0)
    assert sheet.getpixel((96, 96)) == (0, 0, 0)


def test_nan_is_drawn_black():
    assert IDENTITY.draw(torch.full((1, 4, 1, 1), torch.nan)).getpixel((0, 0)) == (0, 0, 0)
