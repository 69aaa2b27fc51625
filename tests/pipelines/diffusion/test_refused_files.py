"""What is wrong with a checkpoint's file is said in one sentence, and nothing in a file is run."""

import pickle
import sys
import types
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.load import load_components
from pipelines.diffusion.parts import Components
from pipelines.errors import ModelBroken, ModelNotFound
from tests.helpers.ldm import (
    SD1,
    SDXL,
    checkpoint_at,
    original_tensors,
    write_checkpoint,
)
from tests.helpers.loaded import assert_same
from tests.helpers.tiny import EXACT
from tests.pipelines.diffusion.conftest import Pretend


def test_a_missing_weight_is_named(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    tensors = original_tensors(models[SD1], SD1)
    del tensors["model.diffusion_model.out.2.bias"]
    save_file({n: t.contiguous() for n, t in tensors.items()}, tmp_path / "a.safetensors")
    with pytest.raises(ModelBroken, match=r"'a' .* its UNet lacks 1 weights such as conv_out.bias"):
        load_components(checkpoint_at(tmp_path / "a.safetensors"), EXACT)


def test_a_weight_of_another_shape_is_named(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    tensors = original_tensors(models[SD1], SD1)
    tensors["model.diffusion_model.out.2.bias"] = torch.zeros(5)
    save_file({n: t.contiguous() for n, t in tensors.items()}, tmp_path / "a.safetensors")
    with pytest.raises(ModelBroken, match=r"conv_out.bias of shape \[5\] where \[4\] is expected"):
        load_components(checkpoint_at(tmp_path / "a.safetensors"), EXACT)


def test_a_file_that_was_cut_short_is_refused(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1)
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-100])
    with pytest.raises(ModelBroken, match=r"'a' cannot be loaded: .* bytes where its header names"):
        load_components(checkpoint, EXACT)
    checkpoint.path.unlink()
    with pytest.raises(ModelNotFound):
        load_components(checkpoint, EXACT)


@pytest.mark.parametrize(("number", "name"), [(0, "its text"), (1, "its second text")])
def test_a_checkpoint_of_sdxl_without_one_of_its_text_encoders_is_refused(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    number: int,
    name: str,
):
    pretend(models[SDXL])
    tensors = {
        key: tensor.contiguous()
        for key, tensor in original_tensors(models[SDXL], SDXL).items()
        if not key.startswith(f"conditioner.embedders.{number}") or key.endswith("ln_final.bias")
    }
    save_file(tensors, tmp_path / "xl.safetensors")
    with pytest.raises(ModelBroken, match=f"'xl' cannot be loaded: {name} encoder lacks"):
        load_components(checkpoint_at(tmp_path / "xl.safetensors"), EXACT)


def test_a_pickle_is_read_without_running_anything_in_it(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    stored = {"state_dict": original_tensors(models[SD1], SD1), "global_step": 7}
    torch.save(stored, tmp_path / "a.ckpt")
    assert_same(load_components(checkpoint_at(tmp_path / "a.ckpt"), EXACT), models[SD1])


def test_a_pickle_that_names_a_training_s_callback_is_read(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    monkeypatch: pytest.MonkeyPatch,
):
    """As the first published checkpoints do; the class itself need not be installed."""
    pretend(models[SD1])
    name = "pytorch_lightning.callbacks.model_checkpoint"
    module = types.ModuleType(name)
    callback = type("ModelCheckpoint", (), {"__module__": name})
    module.__dict__["ModelCheckpoint"] = callback
    with monkeypatch.context() as here:
        for part in ("pytorch_lightning", "pytorch_lightning.callbacks", name):
            here.setitem(sys.modules, part, module)
        callbacks = {callback: {"best": torch.zeros(1)}}
        stored = {"state_dict": original_tensors(models[SD1], SD1), "callbacks": callbacks}
        torch.save(stored, tmp_path / "a.ckpt")
    assert_same(load_components(checkpoint_at(tmp_path / "a.ckpt"), EXACT), models[SD1])


class Harm:
    """What runs code when it is opened."""

    def __reduce__(self):
        return (pytest.fail, ("code of a model was run",))


def test_a_pickle_with_code_in_it_is_refused(tmp_path: Path):
    torch.save({"state_dict": {"a": Harm()}}, tmp_path / "a.ckpt")
    with pytest.raises(ModelBroken, match="holds more than weights, which could be harmful code"):
        load_components(checkpoint_at(tmp_path / "a.ckpt"), EXACT)
    (tmp_path / "b.ckpt").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(ModelBroken, match="harmful code"):
        load_components(checkpoint_at(tmp_path / "b.ckpt"), EXACT)
