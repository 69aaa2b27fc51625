"""Control models that stay loaded between jobs."""

import gc
import weakref
from pathlib import Path

import torch

from pipelines.diffusion.control.job import ControlModels
from pipelines.diffusion.control.load import Base
from tests.helpers.control_models import save_controlnet
from tests.helpers.tiny import EXACT, tiny_components


def test_loaded_models_stay_few_over_many_changes(tmp_path: Path):
    base = Base(unet=tiny_components().unet, vae=tiny_components().vae, title="tiny", key=1)
    files = [save_controlnet(tmp_path / f"net{n}", seed=n) for n in range(3)]
    models = ControlModels(EXACT)
    told: list[str] = []
    loaded: list[weakref.ref[torch.Tensor]] = []
    for number in range(12):
        model = models.get(files[number % 3], base, loading=told.append)
        loaded.append(weakref.ref(next(model.network.parameters())))
        models.trim(2)
        del model
    gc.collect()
    assert len(told) == 12
    assert len(models) == 2
    assert sum(tensor() is not None for tensor in loaded) == 2, "trimmed ones are still in memory"
