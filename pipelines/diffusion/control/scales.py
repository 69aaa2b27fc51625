"""By how much each output of a control network counts: weight, control modes, own weights.

Facts of the ControlNet extension. A ControlNet gives one residual for each skip connection, from
shallow to deep, and one for the middle block; a T2I-Adapter gives four features.
"""

from pipelines.control.units import ControlMode, ControlUnit
from pipelines.errors import InvalidRequest

SOFT_STEP = 0.825
"""Under the two modes that are not balanced each layer counts this much of the next deeper one."""

_SDXL_TABLE_SURPLUS = 3
"""The extension computes 13 soft scales for every model; SDXL's ten layers get the first ten."""

_ADAPTER_SOFT = (0.25, 0.62, 0.825, 1.0)


def layer_scales(unit: ControlUnit, layers: int, *, sdxl: bool) -> tuple[float, ...]:
    """What each of a ControlNet's `layers` residuals is multiplied with, the middle block's last.

    Stable Diffusion 1 and 2 have 13, SDXL has 10. InvalidRequest for own weights of another count.
    """
    if unit.layer_weights is not None:
        return _own_weights(unit, layers)
    if unit.mode is ControlMode.balanced:
        return (unit.weight,) * layers
    deepest = layers - 1 + (_SDXL_TABLE_SURPLUS if sdxl else 0)
    return tuple(unit.weight * SOFT_STEP ** (deepest - layer) for layer in range(layers))


def feature_scales(unit: ControlUnit, features: int) -> tuple[float, ...]:
    """What each of a T2I-Adapter's `features` is multiplied with; soft scales end at the deepest.

    InvalidRequest for own weights of another count.
    """
    if unit.layer_weights is not None:
        return _own_weights(unit, features)
    if unit.mode is ControlMode.balanced:
        return (unit.weight,) * features
    return tuple(unit.weight * scale for scale in _ADAPTER_SOFT[-features:])


def _own_weights(unit: ControlUnit, expected: int) -> tuple[float, ...]:
    weights = unit.layer_weights or ()
    if len(weights) != expected:
        raise InvalidRequest(
            f"{unit.name}: advanced weighting takes {expected} numbers for this model, "
            f"got {len(weights)}."
        )
    return weights
