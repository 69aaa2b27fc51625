"""What preprocessors do beside their maps, against slow twins."""

from typing import Any, cast

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from pipelines.control.units import ControlMode, ControlUnit
from pipelines.diffusion.control.corrections import (
    KeepColours,
    KeepOutside,
    Progress,
    blurred,
    latent_mask,
    recoloured,
    then_keep,
)
from pipelines.diffusion.control.finishing import PutBack, Recolour
from pipelines.diffusion.control.networks import Acting
from pipelines.diffusion.control.reference import References, ReferenceUnit, style_fidelity
from pipelines.diffusion.schedulers import keep_prediction
from tests.helpers.images import noise
from tests.helpers.tiny import WIDTH, tiny_components


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_blur(latents: torch.Tensor, radius: int) -> torch.Tensor:
    """The mean over a square around every place; outside, what is nearest counts."""
    height, width = latents.shape[-2:]
    result = torch.zeros_like(latents)
    for y in range(height):
        for x in range(width):
            for dy in range(-radius, radius + 1):
                for dx in range(-radius, radius + 1):
                    row, column = min(max(y + dy, 0), height - 1), min(max(x + dx, 0), width - 1)
                    result[..., y, x] += latents[..., row, column]
    return result / (2 * radius + 1) ** 2


def test_a_blur_is_the_mean_over_a_square():
    latents = random(2, 4, 6, 5)
    torch.testing.assert_close(blurred(latents, 2), slow_blur(latents, 2), atol=1e-5, rtol=0)


def test_a_mask_for_latents_is_on_where_any_pixel_around_is():
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., 8, 15] = 1
    small = latent_mask(mask)
    # Squares of ten pixels, one more on every side than a latent has.
    expected = torch.zeros(1, 1, 4, 4)
    expected[..., 0, 1] = expected[..., 0, 2] = 1
    expected[..., 1, 1] = expected[..., 1, 2] = 1
    assert torch.equal(small, expected)


def test_inpaint_only_replaces_what_is_outside():
    original, denoised = random(1, 4, 4, 4, seed=1), random(2, 4, 4, 4, seed=2)
    mask = torch.zeros(1, 1, 4, 4)
    mask[..., :2] = 1
    for weight in (1.0, 0.4):
        keep = KeepOutside(original=original, mask=mask, weight=weight, start=0.2, end=0.8)
        expected = denoised.clone()
        expected[..., 2:] = original[..., 2:] * weight + denoised[..., 2:] * (1 - weight)
        active = then_keep(keep_prediction, [keep], lambda: 0.2)(denoised, 1.0)
        torch.testing.assert_close(active, expected)
        for share in (0.1, 0.9):
            assert then_keep(keep_prediction, [keep], lambda s=share: s)(denoised, 1.0) is denoised


@pytest.mark.parametrize("velocity", [False, True])
@pytest.mark.parametrize("sharpen", [0.0, 0.3])
def test_tile_colorfix_changes_what_the_network_predicts(velocity: bool, sharpen: float):
    original, sigma, weight = random(1, 4, 6, 6, seed=1), 1.7, 0.8
    clean, drawn = random(2, 4, 6, 6, seed=2), random(2, 4, 6, 6, seed=3)
    near, far = 1 / (1 + sigma**2) ** 0.5, sigma / (1 + sigma**2) ** 0.5
    sample = clean * near + drawn * far

    class Network(torch.nn.Module):
        def forward(self, sample: torch.Tensor) -> tuple[torch.Tensor]:
            return (drawn * near - clean * far if velocity else drawn,)

    correction = KeepColours(
        original=original, radius=1, weight=weight, start=0.0, end=1.0, sharpen=sharpen
    )
    progress = Progress(share=lambda: 0.5, sigma=lambda: sigma, predicts_velocity=velocity)
    network = Network()
    with recoloured(cast(Any, network), [correction], pictures=1, progress=progress):
        (predicted,) = network(sample)
    assert torch.equal(network(sample)[0], drawn * near - clean * far if velocity else drawn)
    found = sample * near - predicted * far if velocity else (sample - predicted * far) / near
    fixed = clean - slow_blur(clean, 1) + slow_blur(original, 1)
    wanted = fixed.clone()
    wanted[0] = fixed[0] * (1 - sharpen) + slow_blur(fixed, 1)[0] * sharpen  # the negative row
    expected = wanted * weight + clean * (1 - weight)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


def test_recolouring_takes_the_maps_lightness_and_the_pictures_colours():
    picture, shades = noise(seed=1), noise(seed=2).convert("L").convert("RGB")
    grey = np.asarray(shades, np.float32) / np.float32(255)
    result = Recolour(map=grey)(picture)
    lightness = cv2.cvtColor(grey, cv2.COLOR_RGB2Lab)[..., 0]
    # A grey of the map's lightness has no colour to be cut off at the ends.
    greyed = Recolour(map=grey)(Image.new("RGB", (64, 64), "#777777"))
    found = cv2.cvtColor(np.asarray(greyed, np.float32) / 255, cv2.COLOR_RGB2Lab)[..., 0]
    assert np.abs(found - lightness).max() < 0.5
    assert (result.mode, result.size) == ("RGB", (64, 64))


def test_recolouring_by_intensity_sets_the_largest_channel():
    values = np.full((4, 4, 3), 0.4, np.float32)
    picture = Image.new("RGB", (4, 4), (200, 100, 40))
    assert Recolour(map=values, intensity=True)(picture).getpixel((0, 0)) == (102, 51, 20)


def test_inpaint_only_puts_back_what_lies_outside_its_widened_mask():
    mask = np.zeros((20, 20), np.float32)
    mask[8:12, 8:12] = 1
    back = PutBack(original=np.zeros((20, 20, 3), np.float32), mask=mask, width=3)
    result = np.asarray(back(Image.new("RGB", (20, 20), "white")))[..., 0]
    # Out by one pixel, and then a blur over three: rows 6 to 13 have something of it.
    wide = np.zeros((20, 20))
    wide[7:13, 7:13] = 1
    expected = np.zeros((20, 20))
    for y in range(1, 19):
        for x in range(1, 19):
            expected[y, x] = wide[y - 1 : y + 2, x - 1 : x + 2].mean()
    assert np.abs(result - expected * 255).max() <= 0.51
    hard = PutBack(original=back.original, mask=mask, width=0)
    assert np.array_equal(np.asarray(hard(Image.new("RGB", (20, 20), "white")))[..., 0], mask * 255)


def test_style_fidelity_follows_mode_and_family():
    def unit(mode: ControlMode) -> ControlUnit:
        return ControlUnit(index=0, mode=mode)

    assert style_fidelity(unit(ControlMode.balanced), 0.5, sdxl=False) == 0.5
    assert style_fidelity(unit(ControlMode.balanced), 0.5, sdxl=True) == 0.125
    assert style_fidelity(unit(ControlMode.prompt), 0.5, sdxl=True) == 0
    assert style_fidelity(unit(ControlMode.control), 0.5, sdxl=False) == 1


def attended(attn: Any, states: torch.Tensor, looked_at: torch.Tensor) -> torch.Tensor:
    """Attention as its textbook has it, for all heads."""
    heads, rows = attn.heads, len(states)

    def split(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.unflatten(-1, (heads, -1)).transpose(1, 2)

    query, key, value = (
        split(attn.to_q(states)),
        split(attn.to_k(looked_at)),
        split(attn.to_v(looked_at)),
    )
    scores = query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
    mixed = (scores.softmax(-1) @ value).transpose(1, 2).reshape(rows, states.shape[1], -1)
    return attn.to_out[0](mixed)


@pytest.mark.parametrize("style", [0.0, 0.4, 1.0])
def test_a_reference_is_looked_at_beside_the_picture_itself(style: float):
    unet = cast(Any, tiny_components().unet)
    unit = ReferenceUnit(
        latents=random(1, 4, 8, 8, seed=1), weight=1.0, style=style, acting=Acting()
    )
    references = References([unit], pictures=1, unet=unet, seeds=[5])
    place = "down_blocks.1.attentions.0.transformer_blocks.0.attn1"
    attn = unet.get_submodule(place)
    seen: list[tuple[torch.Tensor, torch.Tensor]] = []
    texts, sample = random(2, 77, WIDTH, seed=2), random(2, 4, 8, 8, seed=3)

    def ask(latents: torch.Tensor) -> Any:
        return unet(latents, 500, encoder_hidden_states=texts, return_dict=False)[0]

    with torch.no_grad(), references.attached():
        hook = attn.register_forward_hook(lambda _, args, output: seen.append((args[0], output)))
        references.remember(ask, share=0.0, sigma=1.5, sample=sample)
        ask(sample)
        hook.remove()
        (remembered, _), (own, result) = seen
        with_reference = attended(attn, own, torch.cat([own, remembered], dim=1))
        expected = with_reference.clone()
        expected[0] = style * attended(attn, own, own)[0] + (1 - style) * with_reference[0]
    torch.testing.assert_close(result, expected, atol=1e-5, rtol=0)


def test_means_and_deviations_become_the_references():
    unet = cast(Any, tiny_components().unet)
    unit = ReferenceUnit(
        latents=random(1, 4, 8, 8, seed=1),
        weight=1.0,
        style=0.0,
        acting=Acting(),
        attends=False,
        normalises=True,
    )
    references = References([unit], pictures=1, unet=unet, seeds=[5])
    texts, sample = random(2, 77, WIDTH, seed=2), random(2, 4, 8, 8, seed=3)
    passed: list[torch.Tensor] = []

    def ask(latents: torch.Tensor) -> Any:
        return unet(latents, 500, encoder_hidden_states=texts, return_dict=False)[0]

    with torch.no_grad(), references.attached():
        hook = unet.mid_block.register_forward_hook(lambda _, __, output: passed.append(output))
        references.remember(ask, share=0.0, sigma=1.5, sample=sample)
        ask(sample)
        hook.remove()
    remembered, changed = passed
    for moment in (torch.mean, lambda t, dim: t.std(dim, correction=0)):
        torch.testing.assert_close(
            moment(changed, dim=(2, 3)), moment(remembered, dim=(2, 3)), atol=1e-4, rtol=1e-3
        )


def test_a_reference_is_noised_alike_for_a_picture_alone_and_in_a_batch():
    unet = tiny_components().unet
    unit = ReferenceUnit(latents=random(1, 4, 8, 8), weight=1.0, style=0.5, acting=Acting())
    noised: list[torch.Tensor] = []
    for seeds in ([5, 6], [6]):
        references = References([unit], pictures=len(seeds), unet=unet, seeds=seeds)
        with references.attached():
            sample = torch.zeros(2 * len(seeds), 4, 8, 8)
            references.remember(noised.append, share=0.0, sigma=2.0, sample=sample)
    both, alone = noised
    assert torch.equal(both[1], alone[0])
    assert torch.equal(both[1], both[3])
    assert not torch.equal(both[0], both[1])
    assert functional.mse_loss(both, unit.latents.expand(4, -1, -1, -1)) > 0.1
