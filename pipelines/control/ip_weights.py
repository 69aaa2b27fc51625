"""How an IP-Adapter's weight is spread over the UNet: the extension's weight types.

Layers are counted from the input through the middle to the output, one for each place where the
UNet attends to texts: 6 + 1 + 9 in Stable Diffusion 1, 4 + 1 + 6 in SDXL.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pipelines.control.units import ControlUnit, WeightType
from pipelines.errors import InvalidRequest

_FLOOR, _WEAK, _FIRST_COMPOSITION = 0.05, 0.2, 0.25


@dataclass(frozen=True, kw_only=True, slots=True)
class Depths:
    """How many layers there are on the way in and out; one lies between. `sdxl` tells the kind."""

    inputs: int
    outputs: int
    sdxl: bool

    @property
    def total(self) -> int:
        """Layers in all."""
        return self.inputs + 1 + self.outputs

    def composition(self, layer: int) -> float:
        """How far a layer decides on the arrangement of a picture, 0 to 1."""
        if layer == self.inputs - 1:
            return 1.0
        return _FIRST_COMPOSITION if layer == self.inputs - 2 and not self.sdxl else 0.0

    def style(self, layer: int) -> float:
        """1 for the layers that decide on the style only."""
        if self.sdxl:
            return float(layer == self.inputs + 2)
        return float(layer < self.inputs - 2 or layer > self.inputs + 2)

    def other(self, layer: int) -> float:
        """1 for all that do not decide on the arrangement."""
        return float(self.composition(layer) == 0)


SD1, SDXL = Depths(inputs=6, outputs=9, sdxl=False), Depths(inputs=4, outputs=6, sdxl=True)
"""Those of the two networks as they were published."""

_Spread = Callable[[Depths, int], float]


def _middle_distance(depths: Depths, layer: int) -> float:
    half = depths.total / 2
    return abs(layer - half) / half


_SPREADS: Mapping[WeightType, tuple[_Spread, _Spread]] = {
    # By how much the weight counts in a layer, and by how much the composition weight.
    kind: (spread, lambda depths, layer: 0.0)
    for kind, spread in {
        WeightType.normal: lambda d, i: 1.0,
        WeightType.ease_in: lambda d, i: _FLOOR + (1 - _FLOOR) * (1 - i / d.total),
        WeightType.ease_out: lambda d, i: _FLOOR + (1 - _FLOOR) * i / d.total,
        WeightType.ease_in_out: lambda d, i: _FLOOR + (1 - _FLOOR) * (1 - _middle_distance(d, i)),
        WeightType.reverse_in_out: lambda d, i: _FLOOR + (1 - _FLOOR) * _middle_distance(d, i),
        WeightType.weak_input: lambda d, i: _WEAK if i < d.inputs else 1.0,
        WeightType.weak_output: lambda d, i: _WEAK if i > d.inputs else 1.0,
        WeightType.weak_middle: lambda d, i: _WEAK if i == d.inputs else 1.0,
        WeightType.strong_middle: lambda d, i: 1.0 if i == d.inputs else _WEAK,
        WeightType.style_transfer: Depths.style,
        WeightType.composition: Depths.composition,
        WeightType.strong_style_transfer: Depths.other,
    }.items()
} | {
    WeightType.style_and_composition: (Depths.style, Depths.composition),
    WeightType.strong_style_and_composition: (
        Depths.other,
        lambda d, i: float(d.composition(i) > 0),
    ),
}


def shares(kind: WeightType, depths: Depths) -> tuple[tuple[float, float], ...]:
    """By how much Control Weight and Composition Weight count in every layer."""
    main, arranging = _SPREADS[kind]
    return tuple((main(depths, layer), arranging(depths, layer)) for layer in range(depths.total))


def spread_weights(unit: ControlUnit, depths: Depths) -> tuple[float, ...]:
    """The weight in every layer; InvalidRequest for own weights of another count."""
    if unit.layer_weights is not None:
        if len(unit.layer_weights) != depths.total:
            raise InvalidRequest(
                f"advanced weighting takes {depths.total} numbers for this checkpoint, "
                f"got {len(unit.layer_weights)}."
            )
        return unit.layer_weights
    return tuple(
        unit.weight * main + unit.composition_weight * arranging
        for main, arranging in shares(unit.weight_type, depths)
    )
