"""What each unit is shown, on which pictures it acts, and what its model cannot be asked."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from pipelines.control.ip_weights import Depths
from pipelines.control.units import BatchOption, UnionType
from pipelines.diffusion.control.ip_adapter import depths_of
from pipelines.diffusion.control.kinds import ControlKind
from pipelines.diffusion.control.load import LoadedControl
from pipelines.diffusion.control.networks import Acting, on_device
from pipelines.diffusion.control.units import hint_of, net_unit, shares_of_batch
from pipelines.errors import InvalidRequest
from tests.helpers.control_models import planned_unit, prepared_unit, tiny_controlnet, tiny_union
from tests.helpers.images import noise
from tests.helpers.tiny import tiny_components

CPU = torch.device("cpu")


def prepared(**unit: Any) -> Any:
    return prepared_unit(planned_unit(None, **unit), noise())


def test_a_map_is_shown_in_rgb_from_0_to_1():
    hint = hint_of(prepared(), CPU, masked_as=-1.0)
    expected = np.asarray(noise(), np.float32).transpose(2, 0, 1)[None] / 255
    assert np.array_equal(hint.numpy(), expected)


def test_masked_pixels_are_minus_1_for_controlnets_and_black_for_unions():
    mask = np.zeros((64, 64), np.float32)
    mask[10:20, 30:40] = 1
    unit = replace(prepared(union_type=UnionType.inpaint), mask=mask)
    shown = np.asarray(noise(), np.float32) / 255
    for kind, network, masked in (
        (ControlKind.controlnet, tiny_controlnet(), -1),
        (ControlKind.union, tiny_union(types=8), 0),
    ):
        loaded = LoadedControl(name="inpaint", kind=kind, network=network)
        hint = net_unit(unit, loaded, pictures=None, device=CPU).hint[0].permute(1, 2, 0).numpy()
        expected = np.where(mask[..., None] > 0, np.float32(masked), shown)
        assert np.array_equal(hint, expected)


def test_a_union_must_know_the_type_of_its_map():
    loaded = LoadedControl(name="union", kind=ControlKind.union, network=tiny_union(types=6))

    def number(kind: UnionType) -> int | None:
        unit = prepared(union_type=kind)
        return net_unit(unit, loaded, pictures=None, device=CPU).union_type

    known = [kind for kind in UnionType if kind is not UnionType.unknown][:6]
    assert [number(kind) for kind in known] == [0, 1, 2, 3, 4, 5]
    with pytest.raises(InvalidRequest, match="choose a Control Type other than All"):
        number(UnionType.unknown)
    with pytest.raises(InvalidRequest, match="no maps of type 'Tile'; a ProMax model does"):
        number(UnionType.tile)


def test_a_pooling_network_spares_the_negative_prompt():
    for pooled in (True, False):
        network = tiny_controlnet(global_pool_conditions=pooled)
        loaded = LoadedControl(name="shuffle", kind=ControlKind.controlnet, network=network)
        unit = net_unit(prepared(), loaded, pictures=None, device=CPU)
        assert unit.acting.cond_only is pooled


def test_pictures_of_a_batch_are_dealt_to_the_units_in_turn():
    units = [prepared(index=index) for index in (0, 2, 2, 5)]
    each = shares_of_batch(units, BatchOption.one_each, 5)
    assert each == [{0, 3}, {1, 4}, {1, 4}, {2}]
    assert shares_of_batch(units, BatchOption.all_units, 5) == [None] * 4


def test_low_vram_moves_a_network_away_after_each_call(monkeypatch: pytest.MonkeyPatch):
    network, moves = torch.nn.Linear(1, 1), []
    monkeypatch.setattr(network, "to", moves.append)
    with on_device(network, Acting(low_vram=True), CPU):
        assert moves == []  # it is there already
    with on_device(network, Acting(), CPU):
        pass
    assert moves == ["cpu"]


def test_the_layers_of_an_ip_adapter_are_counted_through_the_unet():
    # One transformer on the way in, one in the middle, two on the way out.
    assert depths_of(tiny_components().unet) == Depths(inputs=1, outputs=2, sdxl=False)
