"""What fails in a run is told in one sentence, and the next job works as if nothing had been."""

from dataclasses import replace
from typing import Any

import pytest
import torch

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.run import Diffusion
from pipelines.errors import ModelBroken, ModelNotFound, OutOfMemory
from pipelines.requests import Batch
from tests.helpers.images import assert_same_picture
from tests.helpers.runs import loaded, pictures
from tests.helpers.tiny import EXACT
from tests.pipelines.diffusion.conftest import MakePlan, Watcher


def fail_in(part: Any, error: Exception, *, times: int) -> Any:
    """Let the next calls of a part fail; remove() the result to end it."""
    left = [times]

    def hook(*_: object) -> None:
        if left[0] > 0:
            left[0] -= 1
            raise error

    return part.register_forward_pre_hook(hook)


NO_MEMORY = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to"),
    MemoryError(),
)


@pytest.mark.parametrize("error", NO_MEMORY, ids=["cuda", "cpu", "python"])
def test_lack_of_memory_is_met_by_sliced_attention_and_the_same_picture(
    diffusion: Diffusion, make_plan: MakePlan, error: Exception
):
    plan = make_plan()
    expected = pictures(diffusion, plan)[0]
    unet = loaded(diffusion, plan).components.unet
    processors = unet.attn_processors
    fail_in(unet, error, times=1)
    assert_same_picture(pictures(diffusion, plan)[0], expected, tolerance=1)
    assert unet.attn_processors == processors


@pytest.mark.parametrize("part", ["unet", "vae.encoder", "vae.decoder", "text_encoder"])
def test_lack_of_memory_for_good_says_what_to_lower_and_the_next_job_works(
    make_plan: MakePlan, part: str
):
    plan = make_plan(batch=Batch(size=2))
    expected = pictures(Diffusion(EXACT), plan)
    diffusion = Diffusion(EXACT)
    module: Any = loaded(diffusion, plan).components
    for name in part.split("."):
        module = getattr(module, name)
    hook = fail_in(module, NO_MEMORY[0], times=1000)
    with pytest.raises(OutOfMemory, match="for 2 at once of 64x64; lower Batch size, Width"):
        pictures(diffusion, plan)
    hook.remove()
    assert pictures(diffusion, plan) == expected


def test_another_error_is_not_taken_for_lack_of_memory(diffusion: Diffusion, make_plan: MakePlan):
    plan = make_plan()
    expected = pictures(diffusion, plan)
    fail_in(loaded(diffusion, plan).components.unet, RuntimeError("a bug"), times=1)
    with pytest.raises(RuntimeError, match="a bug"):
        pictures(diffusion, plan)
    assert pictures(diffusion, plan) == expected


def test_a_network_that_computes_nan_is_one_sentence_and_the_next_job_works(
    diffusion: Diffusion, make_plan: MakePlan
):
    plan = make_plan()
    expected = pictures(diffusion, plan)
    hook = loaded(diffusion, plan).components.unet.register_forward_hook(
        lambda _, args, output: (output[0] * torch.nan,)
    )
    with pytest.raises(ModelBroken, match="'tiny' computed values that are no numbers"):
        pictures(diffusion, plan)
    hook.remove()
    assert pictures(diffusion, plan) == expected


def test_a_broken_model_leaves_the_loaded_one_ready(
    diffusion: Diffusion, make_plan: MakePlan, own_checkpoint: Checkpoint
):
    plan = make_plan(settings={"model_cache_gigabytes": 0.0})
    expected = pictures(diffusion, plan)
    (own_checkpoint.path / "vae" / "config.json").unlink()
    with pytest.raises(ModelBroken, match=r"vae/config\.json is missing"):
        pictures(diffusion, replace(plan, checkpoint=own_checkpoint))
    watcher = Watcher()
    assert pictures(diffusion, plan, watcher) == expected
    assert watcher.stages == []


def test_a_model_that_is_gone_is_said_to_be(
    diffusion: Diffusion, make_plan: MakePlan, checkpoint: Checkpoint
):
    gone = replace(checkpoint, path=checkpoint.path / "gone")
    with pytest.raises(ModelNotFound, match="'tiny' is no longer at"):
        pictures(diffusion, replace(make_plan(), checkpoint=gone))
