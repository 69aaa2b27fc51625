"""torchvision and all that needs it import beside a torch that its operators do not fit."""

import logging
from importlib import import_module
from types import ModuleType

import pytest
import torch

from pipelines.diffusion import torchvision_ops
from pipelines.diffusion.torchvision_ops import ensure_torchvision


def raise_until(conditions_met: list[str], *, message: str):
    """An import that fails with `message` until `conditions_met` holds something."""

    def attempt(name: str) -> ModuleType:
        if not conditions_met:
            raise RuntimeError(message)
        return ModuleType(name)

    return attempt


def must_not_be_called() -> None:
    raise AssertionError("the import worked, so there is nothing to declare")


def test_everything_that_needs_torchvision_imports():
    ensure_torchvision()
    controlnet_aux = import_module("controlnet_aux")
    diffusers = import_module("diffusers")
    transformers = import_module("transformers")
    assert diffusers.StableDiffusionImg2ImgPipeline
    assert transformers.CLIPTextModel
    assert controlnet_aux.CannyDetector
    assert controlnet_aux.HEDdetector


def test_torchvisions_own_transforms_work():
    ensure_torchvision()
    functional = import_module("torchvision.transforms.functional")
    assert functional.hflip(torch.tensor([[[1.0, 2.0]]])).tolist() == [[[2.0, 1.0]]]


def test_operators_that_torch_knows_are_left_alone():
    ensure_torchvision()
    before = torch.ops.torchvision.nms.default
    torchvision_ops.declare_missing_operators()
    assert torch.ops.torchvision.nms.default is before


def test_a_missing_operator_is_declared_and_told_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    declared: list[str] = []
    monkeypatch.setattr(
        torchvision_ops,
        "import_module",
        raise_until(declared, message="operator torchvision::nms does not exist"),
    )
    monkeypatch.setattr(
        torchvision_ops, "declare_missing_operators", lambda: declared.append("nms")
    )
    with caplog.at_level(logging.INFO, logger="redraw"):
        ensure_torchvision()
    assert declared == ["nms"]
    assert len(caplog.records) == 1
    assert "torchvision" in caplog.text


def test_nothing_is_declared_when_the_import_works(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setattr(torchvision_ops, "import_module", ModuleType)
    monkeypatch.setattr(torchvision_ops, "declare_missing_operators", must_not_be_called)
    with caplog.at_level(logging.INFO, logger="redraw"):
        ensure_torchvision()
    assert not caplog.records


def test_another_failure_of_the_import_is_not_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        torchvision_ops,
        "import_module",
        raise_until([], message="torchvision is broken in a new way"),
    )
    with pytest.raises(RuntimeError, match="broken in a new way"):
        ensure_torchvision()


def test_of_boxes_that_overlap_the_best_stays():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [20, 0, 30, 10], [0, 0, 10, 9]]).float()
    scores = torch.tensor([0.5, 0.9, 0.1, 0.7])
    # Shared and covered areas: 90 of 110, 81 of 109; the third box is apart.
    assert torchvision_ops.nms(boxes, scores, 0.5).tolist() == [1, 2]
    assert torchvision_ops.nms(boxes, scores, 0.78).tolist() == [1, 3, 2]
    assert torchvision_ops.nms(boxes[:0], scores[:0], 0.5).tolist() == []


def test_boxes_of_several_kinds_are_told_apart_with_or_without_compiled_operators():
    ensure_torchvision()
    batched = import_module("torchvision.ops.boxes").batched_nms
    boxes = torch.tensor([[0, 0, 10, 10], [1, 0, 11, 10], [1, 0, 11, 10]]).float()
    kinds = torch.tensor([0, 0, 1])
    assert batched(boxes, torch.tensor([0.5, 0.9, 0.1]), kinds, 0.5).tolist() == [1, 2]
