"""What a job's ControlNets add up to, against a slow sum over rows written from A1111's rules."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch.nn import functional

from pipelines.control.units import ControlMode, ControlUnit
from pipelines.diffusion.control.networks import Acting, NetUnit, UnitNetworks
from pipelines.diffusion.control.scales import feature_scales, layer_scales
from pipelines.errors import InvalidRequest
from tests.helpers.control_models import tiny_controlnet
from tests.helpers.tiny import WIDTH

SOFT = [0.0994, 0.1205, 0.1461, 0.1770, 0.2146, 0.2601, 0.3153, 0.3822, 0.4633, 0.5615, 0.6806]
SOFT += [0.825, 1.0]
XL = {
    "addition_embed_type": "text_time",
    "addition_time_embed_dim": 8,
    "projection_class_embeddings_input_dim": 8 * 6 + 12,
}
TIMESTEP = torch.tensor(500.0)


@pytest.fixture(scope="module")
def networks() -> list[Any]:
    return [tiny_controlnet(seed=seed) for seed in (1, 2, 3)]


def picture(seed: int, channels: int = 3, side: int = 64) -> torch.Tensor:
    return torch.rand(1, channels, side, side, generator=torch.Generator().manual_seed(seed))


def inputs(rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents and texts, different in every row."""
    draw = torch.Generator().manual_seed(9)
    latents = torch.randn(rows, 4, 8, 8, generator=draw)
    return latents, torch.randn(rows, 77, WIDTH, generator=draw)


def unit(
    network: Any, seed: int = 0, *, xl: bool = False, acting: Any = None, **fields: Any
) -> Any:
    wanted = ControlUnit(index=0, **fields)
    acting = acting or Acting(start=wanted.start, end=wanted.end)
    return NetUnit(
        network=network,
        hint=picture(seed),
        scales=layer_scales(wanted, 5, sdxl=xl),
        acting=replace(acting, cond_only=wanted.mode is ControlMode.control),
    )


def residuals(
    units: Sequence[NetUnit], rows: int, pictures: int, *, share: float = 0.5, added: Any = None
) -> list[torch.Tensor] | None:
    sample, texts = inputs(rows)
    combined = UnitNetworks(units, pictures=pictures, share=lambda: share)
    with torch.no_grad():
        down, middle = combined(
            sample,
            TIMESTEP,
            encoder_hidden_states=texts,
            controlnet_cond=[unit.hint for unit in units],
            conditioning_scale=[1.0] * len(units),
            added_cond_kwargs=added,
        )
    return None if down is None or middle is None else [*down, middle]


def slow(
    network: Any,
    hint: torch.Tensor,
    scales: Sequence[float],
    rows: int,
    *,
    acts: Sequence[int],
    region: torch.Tensor | None = None,
    added: Any = None,
) -> list[torch.Tensor]:
    """One unit's part, row by row, through diffusers' own call."""
    sample, texts = inputs(rows)
    parts: list[list[torch.Tensor]] = []
    for row in range(rows):
        one = slice(row, row + 1)
        with torch.no_grad():
            down, middle = network(
                sample[one],
                TIMESTEP,
                encoder_hidden_states=texts[one],
                controlnet_cond=hint,
                added_cond_kwargs={k: v[one] for k, v in added.items()} if added else None,
                return_dict=False,
            )
        scaled = []
        for residual, scale in zip([*down, middle], scales, strict=True):
            part = residual * scale * (row in acts)
            if region is not None:
                size = part.shape[-2:] if part.shape[-1] > 1 else (1, 1)
                part = part * functional.interpolate(region, size, mode="bilinear")
            scaled.append(part)
        parts.append(scaled)
    return [torch.cat(layer) for layer in zip(*parts, strict=True)]


def assert_close(actual: Any, expected: Sequence[torch.Tensor]) -> None:
    assert actual is not None
    for layer, (one, other) in enumerate(zip(actual, expected, strict=True)):
        assert one.shape == other.shape
        difference = float((one - other).abs().max())
        assert difference <= 1e-5, f"layer {layer} is off by {difference:g}"


@pytest.mark.parametrize(
    ("mode", "scales", "acts"),
    [
        (ControlMode.balanced, [0.7] * 5, [0, 1, 2, 3]),
        (ControlMode.prompt, [0.7 * 0.825**n for n in (4, 3, 2, 1, 0)], [0, 1, 2, 3]),
        (ControlMode.control, [0.7 * 0.825**n for n in (4, 3, 2, 1, 0)], [2, 3]),
    ],
)
def test_every_mode_scales_its_layers_and_spares_its_rows(
    networks: list[Any], mode: ControlMode, scales: list[float], acts: list[int]
):
    actual = residuals([unit(networks[0], mode=mode, weight=0.7)], rows=4, pictures=2)
    assert_close(actual, slow(networks[0], picture(0), scales, 4, acts=acts))


def test_three_units_are_added(networks: list[Any]):
    units = [
        unit(networks[0], 0, weight=0.4),
        unit(networks[1], 1, mode=ControlMode.prompt),
        unit(networks[2], 2, mode=ControlMode.control, weight=1.5),
    ]
    scales = [unit.scales for unit in units]
    acts = [[0, 1], [0, 1], [1]]
    parts = [
        slow(network, picture(n), scales[n], 2, acts=acts[n]) for n, network in enumerate(networks)
    ]
    expected = [sum(layers, torch.zeros(())) for layers in zip(*parts, strict=True)]
    assert_close(residuals(units, rows=2, pictures=1), expected)


def test_two_units_may_share_a_network(networks: list[Any]):
    units = [unit(networks[0], 0, weight=0.4), unit(networks[0], 1)]
    parts = [slow(networks[0], picture(n), units[n].scales, 2, acts=[0, 1]) for n in (0, 1)]
    expected = [one + other for one, other in zip(*parts, strict=True)]
    assert_close(residuals(units, rows=2, pictures=1), expected)


def test_without_guidance_the_only_rows_are_the_prompts(networks: list[Any]):
    mode = ControlMode.control
    actual = residuals([unit(networks[0], mode=mode)], rows=2, pictures=2)
    scales = [0.825**n for n in (4, 3, 2, 1, 0)]
    assert_close(actual, slow(networks[0], picture(0), scales, 2, acts=[0, 1]))


def test_an_sdxl_network_gets_the_first_of_thirteen_scales():
    network = tiny_controlnet(seed=4, **XL)
    draw = torch.Generator().manual_seed(5)
    added = {
        "text_embeds": torch.randn(2, 12, generator=draw),
        "time_ids": torch.randn(2, 6, generator=draw),
    }
    scales = [0.825**n for n in (7, 6, 5, 4, 3)]
    actual = residuals(
        [unit(network, xl=True, mode=ControlMode.prompt)], rows=2, pictures=1, added=added
    )
    assert_close(actual, slow(network, picture(0), scales, 2, acts=[0, 1], added=added))


def test_the_soft_scales_are_those_of_the_table():
    unit_ = ControlUnit(index=0, mode=ControlMode.prompt)
    assert layer_scales(unit_, 13, sdxl=False) == pytest.approx(SOFT, abs=5e-5)
    assert layer_scales(unit_, 10, sdxl=True) == pytest.approx(SOFT[:10], abs=5e-5)
    assert feature_scales(unit_, 4) == (0.25, 0.62, 0.825, 1.0)


def test_own_weights_replace_weight_and_mode():
    weights = (0.1, 0.2, 0.3, 0.4, 0.5)
    unit_ = ControlUnit(index=2, mode=ControlMode.prompt, weight=0.3, layer_weights=weights)
    assert layer_scales(unit_, 5, sdxl=False) == weights
    with pytest.raises(InvalidRequest, match=r"Unit 2: advanced weighting takes 13 .* got 5"):
        layer_scales(unit_, 13, sdxl=False)


def test_a_region_is_stretched_over_every_layer(networks: list[Any]):
    region = picture(7, channels=1, side=20)
    part = unit(networks[0], acting=Acting(region=region), weight=1.2)
    expected = slow(networks[0], picture(0), [1.2] * 5, 2, acts=[0, 1], region=region)
    assert_close(residuals([part], rows=2, pictures=1), expected)


def test_each_unit_may_have_its_own_pictures(networks: list[Any]):
    units = [
        unit(networks[0], 0, acting=Acting(pictures=frozenset({0, 2}))),
        unit(networks[1], 1, acting=Acting(pictures=frozenset({1}))),
    ]
    acts = [[0, 2, 3, 5], [1, 4]]
    parts = [slow(networks[n], picture(n), [1.0] * 5, 6, acts=acts[n]) for n in (0, 1)]
    expected = [one + other for one, other in zip(*parts, strict=True)]
    assert_close(residuals(units, rows=6, pictures=3), expected)


def test_a_pooling_network_says_the_same_everywhere():
    network = tiny_controlnet(seed=6, global_pool_conditions=True)
    plain = tiny_controlnet(seed=6)
    other = tiny_controlnet(seed=7)
    full = slow(plain, picture(0), [0.5] * 5, 2, acts=[0, 1])
    pooled = [layer.mean(dim=(2, 3), keepdim=True) for layer in full]
    assert_close(residuals([unit(network, weight=0.5)], rows=2, pictures=1), pooled)
    # As the first of several, which diffusers' own class cannot add up.
    both = residuals([unit(network, weight=0.5), unit(other, 1)], rows=2, pictures=1)
    added = slow(other, picture(1), [1.0] * 5, 2, acts=[0, 1])
    assert_close(both, [one + more for one, more in zip(pooled, added, strict=True)])


@pytest.mark.parametrize(
    ("start", "end", "share", "active"),
    [
        (0.0, 0.5, 0.5, True),
        (0.0, 0.5, 0.55, False),
        (0.5, 1.0, 0.45, False),
        (0.5, 1.0, 0.5, True),
        (0.0, 0.0, 0.0, True),
        (0.0, 0.0, 0.05, False),
    ],
)
def test_a_unit_out_of_its_range_is_not_even_asked(
    networks: list[Any], start: float, end: float, share: float, active: bool
):
    calls: list[object] = []
    hook = networks[0].conv_in.register_forward_pre_hook(lambda *_: calls.append(0))
    actual = residuals([unit(networks[0], start=start, end=end)], rows=2, pictures=1, share=share)
    hook.remove()
    assert (actual is not None, bool(calls)) == (active, active)


def test_weight_0_is_no_unit(networks: list[Any]):
    assert residuals([unit(networks[0], weight=0.0)], rows=2, pictures=1) is None


def test_a_map_is_embedded_once_for_all_rows_and_calls(networks: list[Any]):
    shapes: list[Any] = []
    embedding = networks[0].controlnet_cond_embedding
    hook = embedding.register_forward_pre_hook(lambda _, given: shapes.append(given[0].shape))
    part = unit(networks[0])
    combined = UnitNetworks([part], pictures=2, share=lambda: 0.0)
    sample, texts = inputs(4)
    with torch.no_grad():
        for _ in range(3):
            combined(
                sample,
                TIMESTEP,
                encoder_hidden_states=texts,
                controlnet_cond=[part.hint],
                conditioning_scale=[1.0],
            )
    hook.remove()
    assert shapes == [(1, 3, 64, 64)]
    assert networks[0].controlnet_cond_embedding is embedding
