"""Loaded checkpoints: kept within limits, and given the VAE that a job wants."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from pipelines.catalog.checkpoints import Checkpoint, VaeFile
from pipelines.diffusion import load, models, single_file
from pipelines.diffusion.models import Checkpoints
from pipelines.diffusion.run import Diffusion
from pipelines.errors import ModelBroken, ModelNotFound
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.settings import Settings
from tests.helpers.ldm import config_of, vae_tensors
from tests.helpers.tiny import EXACT, save_tiny_model, tiny_components

SETTINGS = Settings()


def ignore(stage: str) -> None:
    """Nobody is told."""


@pytest.fixture
def other_vae(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> VaeFile:
    """A VAE that is not the tiny model's, in a file of its own."""
    parts = tiny_components(seed=3)
    for module in (single_file, load):
        monkeypatch.setattr(module, "stored_config", lambda _: config_of(parts))
    path = tmp_path / "other.safetensors"
    save_file({name: t.contiguous() for name, t in vae_tensors(parts.vae).items()}, path)
    return VaeFile(name=path.name, path=path)


def weights(model: Any) -> torch.Tensor:
    return model.components.vae.state_dict()["decoder.conv_in.weight"]


def test_a_model_is_given_another_vae_and_its_own_again(checkpoint: Checkpoint, other_vae: VaeFile):
    kept, stages = Checkpoints(EXACT), []
    own = kept.get(checkpoint, None, SETTINGS, stages.append)
    other = kept.get(checkpoint, other_vae, SETTINGS, stages.append)
    again = kept.get(checkpoint, None, SETTINGS, stages.append)
    assert stages == ["Loading tiny", "Loading other.safetensors", "Loading the VAE of tiny"]
    assert torch.equal(weights(own), weights(again))
    expected: Any = tiny_components(seed=3)
    assert torch.equal(weights(other), expected.vae.decoder.conv_in.weight)
    assert not torch.equal(weights(own), weights(other))
    assert other.components.unet is own.components.unet
    assert again.pipeline is own.pipeline
    pipeline: Any = again.pipeline
    assert pipeline.vae is again.components.vae


def test_a_model_that_is_there_is_read_no_more(
    checkpoint: Checkpoint, other_vae: VaeFile, monkeypatch: pytest.MonkeyPatch
):
    kept = Checkpoints(EXACT)
    first = kept.get(checkpoint, other_vae, SETTINGS, ignore)
    for name in ("load_components", "load_vae"):
        monkeypatch.setattr(models, name, lambda *_: pytest.fail("read again"))
    assert kept.get(checkpoint, other_vae, SETTINGS, pytest.fail) is first
    kept.preload(checkpoint, None, SETTINGS)


def test_a_vae_that_cannot_be_read_leaves_the_model_as_it_was(
    checkpoint: Checkpoint, other_vae: VaeFile
):
    kept = Checkpoints(EXACT)
    own = kept.get(checkpoint, None, SETTINGS, ignore)
    save_file({"weight": torch.zeros(1)}, other_vae.path)
    with pytest.raises(ModelBroken, match="holds no Stable Diffusion VAE"):
        kept.get(checkpoint, other_vae, SETTINGS, ignore)
    other_vae.path.unlink()
    with pytest.raises(ModelNotFound, match=r"VAE other\.safetensors is no longer at"):
        kept.get(checkpoint, other_vae, SETTINGS, ignore)
    assert kept.get(checkpoint, None, SETTINGS, pytest.fail) is own


def test_a_model_that_cannot_be_loaded_takes_none_away(tmp_path: Path, checkpoint: Checkpoint):
    broken = save_tiny_model(tmp_path / "broken")
    (broken.path / "unet" / "config.json").unlink()
    kept = Checkpoints(EXACT)
    first = kept.get(checkpoint, None, SETTINGS, ignore)
    one = SETTINGS.with_changes({"sd_checkpoints_limit": 1})
    with pytest.raises(ModelBroken):
        kept.get(broken, None, one, ignore)
    assert kept.get(checkpoint, None, one, pytest.fail) is first


def test_no_more_checkpoints_stay_than_the_setting_allows(tmp_path: Path, checkpoint: Checkpoint):
    second = save_tiny_model(tmp_path / "second")
    one = SETTINGS.with_changes({"sd_checkpoints_limit": 1})
    kept, stages = Checkpoints(EXACT), []
    for wanted in (checkpoint, second, checkpoint):
        kept.get(wanted, None, one, stages.append)
    assert stages == ["Loading tiny", "Loading second", "Loading tiny"]


def test_another_vae_makes_another_picture_of_the_same_job(
    make_plan: Callable[..., Plan], other_vae: VaeFile
):
    diffusion, plan = Diffusion(EXACT), make_plan()
    pictures: list[bytes] = []
    for vae in (None, other_vae, None):
        (batch,) = diffusion.denoise(replace(plan, vae=vae), Unwatched())
        pictures.append(batch.images[0][1].tobytes())
    assert pictures[0] == pictures[2] != pictures[1]
