"""VAEs in files of their own, in every layout in which they are published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.load import load_components, load_vae
from pipelines.diffusion.parts import Components
from pipelines.errors import ModelBroken
from tests.helpers.ldm import (
    SD1,
    SDXL,
    checkpoint_at,
    original_tensors,
    save_folder,
    vae_tensors,
    write_checkpoint,
)
from tests.helpers.loaded import assert_same
from tests.helpers.tiny import EXACT
from tests.pipelines.diffusion.conftest import Pretend


def test_a_checkpoint_without_its_own_vae_needs_another(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    made = models[SD1]
    pretend(made)
    tensors = original_tensors(made, SD1)
    pruned = {name: tensor for name, tensor in tensors.items() if "first_stage" not in name}
    save_file(pruned, tmp_path / "pruned.safetensors")
    save_file(
        {name: tensor.contiguous() for name, tensor in vae_tensors(made.vae).items()},
        tmp_path / "own.vae.safetensors",
    )
    checkpoint = checkpoint_at(tmp_path / "pruned.safetensors")
    with pytest.raises(ModelBroken, match="no VAE of its own; choose one as SD VAE"):
        load_components(checkpoint, EXACT)
    assert_same(load_components(checkpoint, EXACT, tmp_path / "own.vae.safetensors"), made)


def vae_in_diffusers_names(vae: Any) -> dict[str, torch.Tensor]:
    return dict(vae.state_dict())


def vae_in_old_diffusers_names(vae: Any) -> dict[str, torch.Tensor]:
    def old(name: str) -> str:
        for new, before in ((".to_q.", ".query."), (".to_out.0.", ".proj_attn.")):
            name = name.replace(new, before)
        return name

    return {old(name): tensor for name, tensor in vae.state_dict().items()}


LAYOUTS = {
    "bare": vae_tensors,
    "within a checkpoint": lambda vae: vae_tensors(vae, prefix="first_stage_model."),
    "diffusers": vae_in_diffusers_names,
    "old diffusers": vae_in_old_diffusers_names,
}


@pytest.mark.parametrize("tensors", LAYOUTS.values(), ids=LAYOUTS)
def test_a_vae_loads_from_a_file_of_its_own(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    tensors: Callable[[Any], dict[str, torch.Tensor]],
):
    pretend(models[SD1])
    path = tmp_path / "sharp.safetensors"
    save_file({name: t.contiguous() for name, t in tensors(models[SD1].vae).items()}, path)
    loaded: Any = load_vae(checkpoint_at(tmp_path / "any.safetensors"), EXACT, path)
    made: Any = models[SD1].vae
    expected = made.state_dict()
    assert all(torch.equal(loaded.state_dict()[name], expected[name]) for name in expected)
    assert loaded.config["scaling_factor"] == 0.18215


def test_a_file_without_a_vae_is_refused_as_one(tmp_path: Path, pretend: Pretend, models: Any):
    pretend(models[SD1])
    save_file({"weight": torch.zeros(1)}, tmp_path / "odd.safetensors")
    with pytest.raises(ModelBroken, match=r"^VAE odd\.safetensors cannot be used: it holds no"):
        load_vae(checkpoint_at(tmp_path / "a.safetensors"), EXACT, tmp_path / "odd.safetensors")


def test_a_vae_of_its_own_serves_an_sdxl_checkpoint_in_sdxl_s_scale(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SDXL])
    tensors = vae_tensors(models[SDXL].vae)
    save_file({n: t.contiguous() for n, t in tensors.items()}, tmp_path / "own.safetensors")
    for checkpoint in (
        write_checkpoint(tmp_path / "a.safetensors", models[SDXL], SDXL),
        save_folder(tmp_path / "folder", models[SDXL]),
    ):
        loaded = load_vae(checkpoint, EXACT, tmp_path / "own.safetensors")
        assert loaded.config["scaling_factor"] == 0.13025
