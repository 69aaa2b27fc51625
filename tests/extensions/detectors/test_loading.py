"""Files of weights that are missing, damaged, hostile or another network's."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch

from extensions.detectors.loading import as_file, filled, read_state
from extensions.discovery import discover
from extensions.preprocessors import BUILT_IN, depth_anything, hed
from extensions.preprocessors.unsupported import UNSUPPORTED
from pipelines.errors import InvalidRequest, MissingWeights, ModelBroken
from pipelines.plugins import Preprocessor
from tests.extensions.detectors.conftest import Detect

WEIGHTED = [found for found in BUILT_IN if found.weights]


@pytest.mark.parametrize("preprocessor", WEIGHTED, ids=lambda found: found.key)
def test_missing_weights_are_told_by_name(
    detect: Detect, preprocessor: Preprocessor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingWeights) as caught:
        detect(preprocessor.key)
    assert caught.value.weights in preprocessor.weights
    assert caught.value.weights.repository in str(caught.value)


def test_a_file_that_would_run_code_is_refused(tmp_path: Path):
    class Hostile:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    for name, save in (("a.pth", torch.save), ("b.pth", _pickle)):
        save({"weight": Hostile()}, tmp_path / name)
        with pytest.raises(ModelBroken, match=f"{name} cannot be read"):
            read_state(tmp_path, name)
    assert not (tmp_path / "ran").exists()


def _pickle(thing: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(thing, protocol=2))


@pytest.mark.parametrize("content", [b"", b"<html>", b"PK\x03\x04" + bytes(50)])
def test_a_damaged_file_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(ModelBroken, match=r"a\.pth cannot be read"):
        read_state(tmp_path, "a.pth")


def test_a_file_that_holds_no_tensors_by_name_is_refused(tmp_path: Path):
    torch.save([torch.zeros(2)], tmp_path / "a.pth")
    with pytest.raises(ModelBroken, match=r"a\.pth cannot be read"):
        read_state(tmp_path, "a.pth")


def test_the_part_with_the_tensors_is_taken(tmp_path: Path):
    state = {"module.weight": torch.ones(1)}
    torch.save({"model": state, "epoch": 3}, tmp_path / "a.pth")
    torch.save(state, tmp_path / "b.pth")
    for name in ("a.pth", "b.pth"):
        assert list(read_state(tmp_path, name, part="model")) == ["weight"]


def test_another_networks_tensors_are_refused_and_further_ones_passed_over():
    layer = torch.nn.Linear(2, 2)
    with pytest.raises(ModelBroken, match="do not fit"):
        filled(layer, {"weight": torch.zeros(2, 2)}, "a.pth")
    with pytest.raises(ModelBroken, match="do not fit"):
        filled(layer, {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, "a.pth")
    state = {"weight": torch.ones(2, 2), "bias": torch.zeros(2), "table": torch.zeros(1)}
    assert filled(layer, state, "a.pth").weight.sum() == 4


def test_a_state_can_be_handed_on_as_a_file():
    assert torch.load(as_file({"weight": torch.ones(1)}))["weight"] == 1


def test_a_broken_folder_of_transformers_is_refused(detect: Detect, folder: Path):
    place = folder / depth_anything.SECOND.name
    place.mkdir()
    (place / "config.json").write_text("{")
    (place / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelBroken, match="do not fit"):
        detect("depth_anything_v2")


def test_a_wrong_file_under_the_right_name_is_refused(detect: Detect, folder: Path):
    (folder / "hed").mkdir()
    torch.save({"a": torch.zeros(1)}, folder / "hed" / hed.WEIGHTS.files[0])
    with pytest.raises(ModelBroken, match=r"ControlNetHED\.pth do not fit"):
        detect("hed")


def test_what_is_left_out_is_not_listed_and_has_a_reason():
    names = {name for found in BUILT_IN for name in (found.key, found.label)}
    assert not names & set(UNSUPPORTED)
    assert all(UNSUPPORTED.values())
    with pytest.raises(InvalidRequest, match="'Normal_Dsine' is not part of Redraw: no package"):
        discover().find_preprocessor("Normal_Dsine")
