"""Pictures to latents and back: exact numbers, odd sizes, NaN and lack of memory."""

import numpy as np
import pytest
import torch
from PIL import Image

from pipelines.diffusion.vae import decode, encode, resize_latents
from pipelines.errors import ModelBroken
from pipelines.imaging.geometry import Size
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.helpers.tiny import tiny_components

CPU = torch.device("cpu")


def test_latents_are_the_mean_of_the_encoder_times_the_scaling_factor():
    vae = tiny_components().vae
    pixels = torch.tensor(np.asarray(gradient()).transpose(2, 0, 1)[None] / 127.5 - 1).float()
    with torch.no_grad():
        expected = vae.encode(pixels).latent_dist.mean * 0.18215
    torch.testing.assert_close(encode(vae, gradient(), CPU), expected)


def test_the_same_picture_always_has_the_same_latents():
    vae = tiny_components().vae
    assert torch.equal(encode(vae, noise(), CPU), encode(vae, noise(), CPU))


@pytest.mark.parametrize("size", [(64, 64), (75, 100), (71, 8), (129, 67)])
def test_any_size_gives_an_eighth_rounded_down(size: tuple[int, int]):
    latents = encode(tiny_components().vae, noise(*size), CPU)
    assert latents.shape == (1, 4, size[1] // 8, size[0] // 8)


def test_decoding_cuts_off_fractions_of_a_level():
    vae = tiny_components().vae
    latent = torch.randn(4, 8, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        values = vae.decode(latent[None] / 0.18215).sample[0].clamp(-1, 1).permute(1, 2, 0)
    expected = Image.fromarray(np.floor((values.numpy() + 1) / 2 * 255).astype(np.uint8))
    assert expected.size == (48, 64)
    assert_same_picture(decode(vae, latent), expected)


def test_latents_are_resized_bilinearly_without_antialiasing():
    latents = torch.arange(16.0).reshape(1, 1, 4, 4)
    # Without antialiasing each value of the half size is the mean of its own 2x2.
    assert resize_latents(latents, Size(2, 2)).flatten().tolist() == [2.5, 4.5, 10.5, 12.5]
    assert resize_latents(latents, Size(5, 3)).shape == (1, 1, 3, 5)


def test_nan_in_half_precision_has_the_vae_compute_in_float32_from_then_on(
    monkeypatch: pytest.MonkeyPatch,
):
    vae = tiny_components().vae
    vae.to(torch.bfloat16)
    decode_really, dtypes = vae.decode, []

    def fail_in_half(latents: torch.Tensor):
        dtypes.append(latents.dtype)
        result = decode_really(latents)
        if latents.dtype is torch.bfloat16:
            result.sample.fill_(torch.nan)
        return result

    monkeypatch.setattr(vae, "decode", fail_in_half)
    for _ in range(2):
        decode(vae, torch.zeros(4, 2, 2))
    assert dtypes == [torch.bfloat16, torch.float32, torch.float32]


def test_a_vae_that_may_not_widen_is_refused_with_its_nan(monkeypatch: pytest.MonkeyPatch):
    vae = tiny_components().vae
    vae.to(torch.bfloat16)
    decode_really = vae.decode

    def fail_in_half(latents: torch.Tensor):
        result = decode_really(latents)
        if latents.dtype is torch.bfloat16:
            result.sample.fill_(torch.nan)
        return result

    monkeypatch.setattr(vae, "decode", fail_in_half)
    with pytest.raises(ModelBroken, match="values that are no numbers"):
        decode(vae, torch.zeros(4, 2, 2), widens=False)
    assert vae.dtype is torch.bfloat16


def test_a_vae_that_float32_does_not_help_stays_as_it_is():
    vae = tiny_components().vae
    vae.to(torch.bfloat16)
    with pytest.raises(ModelBroken, match="values that are no numbers"):
        decode(vae, torch.full((4, 2, 2), torch.nan))
    assert vae.dtype is torch.bfloat16


def test_nan_in_float32_too_is_one_sentence(monkeypatch: pytest.MonkeyPatch):
    vae = tiny_components().vae
    with torch.no_grad():
        for parameter in vae.decoder.parameters():
            parameter.fill_(torch.nan)
    with pytest.raises(ModelBroken, match="decoded the picture to values that are no numbers"):
        decode(vae, torch.zeros(4, 2, 2))


def test_without_memory_for_the_whole_picture_the_vae_works_in_tiles(
    monkeypatch: pytest.MonkeyPatch,
):
    vae = tiny_components().vae
    whole = decode(vae, torch.ones(4, 8, 8))
    decode_really, tiled = vae.decode, []

    def fail_untiled(latents: torch.Tensor):
        tiled.append(vae.use_tiling)
        if not vae.use_tiling:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return decode_really(latents)

    monkeypatch.setattr(vae, "decode", fail_untiled)
    assert_same_picture(decode(vae, torch.ones(4, 8, 8)), whole)
    assert tiled == [False, True]
    assert not vae.use_tiling
