"""T2I-Adapters, unions and IP-Adapters on the UNet, against the same sums written out."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
import torch
from diffusers.models.adapter import T2IAdapter
from torch.nn import functional

from pipelines.control.units import ControlMode, ControlUnit
from pipelines.diffusion.control.adapter import AdapterFeatures, AdapterUnit
from pipelines.diffusion.control.corrections import Progress
from pipelines.diffusion.control.ip_adapter import ImageUnit, build_ip_adapter
from pipelines.diffusion.control.laid_on import JobUnits, laid_on
from pipelines.diffusion.control.networks import Acting, NetUnit, UnitNetworks
from pipelines.diffusion.control.scales import feature_scales
from tests.helpers.control_keys import ip_adapter
from tests.helpers.control_models import randomised, tiny_union
from tests.helpers.tiny import WIDTH, tiny_components


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def at(share: float) -> Progress:
    return Progress(share=lambda: share, sigma=lambda: 1.0)


@pytest.fixture(scope="module")
def unet() -> Any:
    return tiny_components().unet


@pytest.fixture(scope="module")
def adapter() -> Any:
    network = cast(Any, T2IAdapter)(
        channels=[8, 16, 16], downscale_factor=16, adapter_type="full_adapter_xl"
    )
    return randomised(network, 3)


def adapter_unit(network: Any, *, acting: Any = None, **fields: Any) -> AdapterUnit:
    wanted = ControlUnit(index=0, **fields)
    return AdapterUnit(
        network=network,
        hint=torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1)),
        scales=feature_scales(wanted, 3),
        acting=acting or Acting(cond_only=wanted.mode is ControlMode.control),
    )


@pytest.mark.parametrize(
    ("mode", "scales", "acts"),
    [
        (ControlMode.balanced, [0.6, 0.6, 0.6], [0, 1, 2, 3]),
        (ControlMode.prompt, [0.6 * 0.62, 0.6 * 0.825, 0.6], [0, 1, 2, 3]),
        (ControlMode.control, [0.6 * 0.62, 0.6 * 0.825, 0.6], [2, 3]),
    ],
)
def test_an_adapters_features_are_scaled_in_every_mode(
    unet: Any, adapter: Any, mode: ControlMode, scales: Sequence[float], acts: Sequence[int]
):
    region = torch.rand(1, 1, 10, 12, generator=torch.Generator().manual_seed(2))
    unit = adapter_unit(adapter, mode=mode, weight=0.6)
    acting = Acting(cond_only=unit.acting.cond_only, region=region)
    unit = adapter_unit(adapter, mode=mode, weight=0.6, acting=acting)
    features = AdapterFeatures([unit, unit], pictures=2, unet=unet)
    with torch.no_grad():
        found = features.at(0.5, torch.zeros(4, 4, 8, 8))
        expected = adapter(unit.hint)
    assert found is not None
    for one, raw, scale in zip(found, expected, scales, strict=True):
        # Behind the first level everything is half as large, the adapter's third a quarter.
        stretched = functional.interpolate(raw, size=(4, 4))
        mask = functional.interpolate(region, size=(4, 4), mode="bilinear")
        rows = torch.zeros(4, 1, 1, 1)
        rows[acts] = 2  # of two units that are alike
        torch.testing.assert_close(one, stretched * scale * mask * rows, atol=1e-5, rtol=0)


def test_an_adapter_is_asked_once_and_only_in_its_range(unet: Any, adapter: Any):
    asked: list[object] = []
    hook = adapter.register_forward_pre_hook(lambda *_: asked.append(0))
    acting = Acting(start=0.3, end=0.6)
    features = AdapterFeatures([adapter_unit(adapter, acting=acting)], pictures=1, unet=unet)
    with torch.no_grad():
        found = [features.at(share, torch.zeros(2, 4, 8, 8)) for share in (0.2, 0.3, 0.6, 0.7)]
    hook.remove()
    assert [one is not None for one in found] == [False, True, True, False]
    assert len(asked) == 1


def test_features_reach_the_unet_where_diffusers_puts_them(unet: Any, adapter: Any):
    unit, sample, texts = adapter_unit(adapter), random(2, 4, 8, 8), random(2, 77, WIDTH, seed=1)
    with torch.no_grad():
        with laid_on(unet, JobUnits(adapters=(unit,)), seeds=[1], progress=at(0.0)):
            (found,) = unet(sample, 500, encoder_hidden_states=texts, return_dict=False)
        features = [
            functional.interpolate(feature, size=(4, 4)).repeat(2, 1, 1, 1)
            for feature in adapter(unit.hint)
        ]
        (expected,) = unet(
            sample,
            500,
            encoder_hidden_states=texts,
            down_intrablock_additional_residuals=features,
            return_dict=False,
        )
        (plain,) = unet(sample, 500, encoder_hidden_states=texts, return_dict=False)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
    assert (plain - expected).abs().max() > 1e-3


def test_a_union_is_told_the_type_of_its_map():
    network = tiny_union(types=6)
    hint = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    sample, texts = random(2, 4, 8, 8), random(2, 77, WIDTH, seed=1)
    scales = (0.1, 0.2, 0.3, 0.4, 0.5)
    unit = NetUnit(network=network, hint=hint, scales=scales, acting=Acting(), union_type=3)
    with torch.no_grad():
        down, middle = UnitNetworks([unit], pictures=1, share=lambda: 0.0)(
            sample,
            500,
            encoder_hidden_states=texts,
            controlnet_cond=[hint],
            conditioning_scale=[1.0],
        )
        types = torch.tensor([[0.0, 0, 0, 1, 0, 0]]).repeat(2, 1)
        raw, deepest = network(
            sample,
            500,
            texts,
            [hint.repeat(2, 1, 1, 1)],
            control_type=types,
            control_type_idx=[3],
            return_dict=False,
        )
    for one, other, scale in zip([*down, middle], [*raw, deepest], scales, strict=True):
        torch.testing.assert_close(one, other * scale, atol=1e-5, rtol=0)


def attended(attn: Any, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> Any:
    """Attention as its textbook has it, before the heads are mixed."""

    def split(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.unflatten(-1, (attn.heads, -1)).transpose(1, 2)

    heads = split(query), split(key), split(value)
    scores = (heads[0] @ heads[1].transpose(-1, -2) / heads[0].shape[-1] ** 0.5).softmax(-1)
    return (scores @ heads[2]).transpose(1, 2).flatten(2)


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_pictures_are_attended_to_beside_the_texts(unet: Any, share: float):
    tensors = ip_adapter(unet, width=8, texts=WIDTH)
    network = build_ip_adapter("ip", tensors, unet, "tiny")
    tokens, nothing = random(1, 4, WIDTH, seed=5), random(1, 4, WIDTH, seed=6)
    region = torch.zeros(1, 1, 8, 8)
    region[..., :4] = 1
    units = [
        ImageUnit(
            network=network,
            tokens=tokens,
            nothing=nothing,
            # One layer on the way in, the middle, two on the way out.
            scales=(0.7, 0.5, 0.3, 0.2),
            acting=Acting(end=0.5, region=mask),
        )
        for mask in (None, region)
    ]
    place = "down_blocks.1.attentions.0.transformer_blocks.0.attn2"
    attn = unet.get_submodule(place)
    seen: list[Any] = []
    sample, texts = random(2, 4, 8, 8, seed=3), random(2, 77, WIDTH, seed=4)
    with (
        torch.no_grad(),
        laid_on(unet, JobUnits(images=tuple(units)), seeds=[1], progress=at(share)),
    ):
        hook = attn.register_forward_hook(lambda _, args, out: seen.append((args[0], out)))
        unet(sample, 500, encoder_hidden_states=texts, return_dict=False)
        hook.remove()
    ((states, found),) = seen
    with torch.no_grad():
        query = attn.to_q(states)
        mixed = attended(attn, query, attn.to_k(texts), attn.to_v(texts))
        rows = torch.cat([nothing, tokens])
        first = "ip_adapter.1.to_{}_ip.weight".format
        pictured = attended(attn, query, rows @ tensors[first("k")].T, rows @ tensors[first("v")].T)
        if share == 0:
            left = functional.interpolate(region, size=(4, 4), mode="bicubic").flatten(2)
            mixed = mixed + 0.7 * pictured + 0.7 * pictured * left.transpose(1, 2)[0]
        expected = attn.to_out[0](mixed)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)
