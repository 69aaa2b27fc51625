"""How an IP-Adapter's weight is spread over the layers, against numbers written out by hand."""

from dataclasses import replace

import pytest

from pipelines.control.ip_weights import SD1, SDXL, Depths, shares, spread_weights
from pipelines.control.units import ControlUnit, WeightType
from pipelines.errors import InvalidRequest


@pytest.mark.parametrize(
    ("kind", "depths", "expected"),
    [
        (WeightType.normal, SD1, [0.5] * 16),
        (WeightType.weak_input, SDXL, [0.1] * 4 + [0.5] * 7),
        (WeightType.weak_output, SDXL, [0.5] * 5 + [0.1] * 6),
        (WeightType.weak_middle, SDXL, [0.5] * 4 + [0.1] + [0.5] * 6),
        (WeightType.strong_middle, SDXL, [0.1] * 4 + [0.5] + [0.1] * 6),
        (WeightType.style_transfer, SDXL, [0] * 6 + [0.5] + [0] * 4),
        (WeightType.composition, SDXL, [0] * 3 + [0.5] + [0] * 7),
        (WeightType.style_and_composition, SDXL, [0] * 3 + [2.0] + [0] * 2 + [0.5] + [0] * 4),
        (WeightType.strong_style_and_composition, SDXL, [0.5] * 3 + [2.0] + [0.5] * 7),
        (WeightType.composition, SD1, [0] * 4 + [0.125, 0.5] + [0] * 10),
        (WeightType.style_transfer, SD1, [0.5] * 4 + [0] * 5 + [0.5] * 7),
        (WeightType.strong_style_transfer, SD1, [0.5] * 4 + [0, 0] + [0.5] * 10),
    ],
)
def test_a_weight_type_spreads_the_weight(kind: WeightType, depths: Depths, expected: list[float]):
    unit = ControlUnit(index=0, weight=0.5, composition_weight=2.0, weight_type=kind)
    composes = "and_composition" in kind.name
    plain = replace(unit, composition_weight=2.0 if composes else 0.3)
    assert spread_weights(plain, depths) == pytest.approx(expected)


def test_easing_weights_rise_and_fall():
    def spread(kind: WeightType) -> tuple[float, ...]:
        return spread_weights(ControlUnit(index=0, weight_type=kind), SDXL)

    assert spread(WeightType.ease_in) == tuple(sorted(spread(WeightType.ease_in), reverse=True))
    assert spread(WeightType.ease_out) == tuple(sorted(spread(WeightType.ease_out)))
    middle = spread(WeightType.ease_in_out)
    assert max(middle) in (middle[5], middle[6])
    assert min(spread(WeightType.reverse_in_out)) >= 0.05


def test_own_weights_of_an_ip_adapter_must_be_as_many_as_its_layers():
    unit = ControlUnit(index=1, layer_weights=(1.0,) * 11)
    assert spread_weights(unit, SDXL) == (1.0,) * 11
    with pytest.raises(InvalidRequest, match="takes 16 numbers for this checkpoint, got 11"):
        spread_weights(unit, SD1)


@pytest.mark.parametrize("depths", [SD1, SDXL])
@pytest.mark.parametrize("kind", WeightType)
def test_the_two_weights_count_by_their_shares(kind: WeightType, depths: Depths):
    unit = ControlUnit(index=0, weight=0.7, composition_weight=1.9, weight_type=kind)
    expected = [0.7 * main + 1.9 * arranging for main, arranging in shares(kind, depths)]
    assert spread_weights(unit, depths) == pytest.approx(expected)
