"""LoRAs in a job: from the prompt to the picture, with all that is kept from job to job."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.catalog.folders import Kind
from pipelines.catalog.networks import FolderNetworks
from pipelines.diffusion.control.lora import encoder_weights
from pipelines.diffusion.networks.applied import shared_by
from pipelines.diffusion.run import Diffusion
from pipelines.errors import ModelBroken
from pipelines.monitor import Unwatched
from pipelines.networks.planned import plan_networks
from pipelines.plan import Plan, PlannedRefiner
from pipelines.requests import Batch, Prompt
from tests.helpers.images import assert_same_picture
from tests.helpers.ldm import family_components
from tests.helpers.loras import TO_Q, kohya, planned, write
from tests.helpers.tiny import EXACT, tiny_components
from tests.pipelines.diffusion.conftest import MakePlan, Watcher

UNET = f"lora_unet_{TO_Q.replace('.', '_')}"
TEXT = "lora_te_text_model_encoder_layers_0_self_attn_v_proj"
STRANGE = "Tusche (fein) [v2], 墨 ✒"

Planned = Callable[..., Plan]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One LoRA for both networks, one for the UNet, one for another family."""
    unet: Any = tiny_components().unet
    layer = unet.get_submodule(TO_Q).weight
    both = kohya({UNET: layer, TEXT: torch.zeros(16, 16)}, alpha=20)
    write(tmp_path / f"{STRANGE}.safetensors", both)
    write(tmp_path / "wash.safetensors", kohya({UNET: layer}, alpha=20, seed=3))
    write(tmp_path / "wide.safetensors", kohya({UNET: torch.zeros(3, 3)}))
    return tmp_path


@pytest.fixture
def plan(make_plan: MakePlan, folder: Path) -> Planned:
    """A plan for a positive prompt, whose LoRAs are looked up in `folder`."""
    catalog = FolderNetworks((folder,), Kind.lora)

    def make(prompt: str, **changes: Any) -> Plan:
        made = make_plan(prompt=Prompt(positive=prompt, negative="dull"), **changes)
        found = plan_networks(made.texts.networks, catalog, with_hashes=True)
        return replace(made, networks=found)

    return make


def picture(diffusion: Diffusion, plan: Plan) -> Image.Image:
    (batch,) = diffusion.denoise(plan, Unwatched())
    return batch.images[0][1]


def test_a_lora_changes_the_picture_and_leaves_no_trace(diffusion: Diffusion, plan: Planned):
    plain = picture(diffusion, plan("cat"))
    inked = picture(diffusion, plan(f"cat<lora:{STRANGE}:1>"))
    washed = picture(diffusion, plan("cat<lyco:wash:1>"))
    assert len({image.tobytes() for image in (plain, inked, washed)}) == 3
    assert_same_picture(picture(diffusion, plan("cat")), plain)
    assert_same_picture(picture(diffusion, plan(f"cat<lora:{STRANGE}:1>")), inked)
    fresh = Diffusion(EXACT)
    assert_same_picture(picture(fresh, plan("cat<lyco:wash:1>")), washed)


def test_what_it_makes_of_a_text_is_not_taken_for_the_text_without(
    diffusion: Diffusion, plan: Planned
):
    plain = picture(diffusion, plan("cat"))
    read = picture(diffusion, plan(f"cat<lora:{STRANGE}:1:0>"))
    assert read.tobytes() != plain.tobytes()
    assert_same_picture(picture(diffusion, plan("cat")), plain)


def test_the_next_click_finds_everything_in_place(diffusion: Diffusion, plan: Planned):
    first, second, third = Watcher(), Watcher(), Watcher()
    list(diffusion.denoise(plan(f"cat<lora:{STRANGE}:1>"), first))
    list(diffusion.denoise(plan(f"cat<lora:{STRANGE}:1>", batch=Batch(count=2)), second))
    list(diffusion.denoise(plan("cat<lora:wash:1>"), third))
    assert f"Applying LoRA {STRANGE}" in first.stages
    assert second.stages == []
    assert set(third.stages) == {"Applying LoRA wash", "Reading the prompt"}


def test_the_page_says_what_was_left_out(diffusion: Diffusion, plan: Planned):
    (batch,) = diffusion.denoise(plan("cat<lora:wash:1><lora:gone:1>"), Unwatched())
    assert batch.comments == ("Lora not found: gone.",)


def test_one_of_another_family_is_refused_and_the_next_job_works(
    diffusion: Diffusion, plan: Planned
):
    plain = picture(diffusion, plan("cat"))
    with pytest.raises(ModelBroken, match="LoRA 'wide' does not fit checkpoint"):
        picture(diffusion, plan("cat<lora:wash:1><lora:wide:1>"))
    assert_same_picture(picture(diffusion, plan("cat")), plain)


def test_a_model_that_is_chosen_again_is_as_the_job_wants_it(
    diffusion: Diffusion, plan: Planned, own_checkpoint: Checkpoint
):
    """Each model has its own set: what one has been given stays on it while another is used."""
    washed, plain = plan("cat<lora:wash:1>"), plan("cat")
    elsewhere = replace(plain, checkpoint=own_checkpoint)
    expected = picture(diffusion, plain), picture(diffusion, elsewhere)
    picture(diffusion, washed)
    assert_same_picture(picture(diffusion, elsewhere), expected[1])
    assert_same_picture(picture(diffusion, plain), expected[0])


def test_a_control_model_made_of_differences_does_not_keep_a_lora_in_it(
    diffusion: Diffusion, plan: Planned
):
    washed = plan("cat<lora:wash:1>")
    picture(diffusion, washed)
    parts = diffusion._model(washed.checkpoint, washed.settings, None).components
    originals = diffusion._networks.originals(parts)
    plain = tiny_components().unet.state_dict()
    encoder = encoder_weights(parts.unet, originals)
    assert set(originals) == {f"{TO_Q}.weight"}
    assert all(torch.equal(encoder[name], plain[name]) for name in encoder)


def test_a_refiner_of_the_same_family_has_the_loras_too(
    diffusion: Diffusion, plan: Planned, own_checkpoint: Checkpoint
):
    refiner = PlannedRefiner(checkpoint=own_checkpoint, switch_at=0.5)
    washed = plan("cat<lora:wash:1>")
    picture(diffusion, replace(washed, refiner=refiner))
    parts = diffusion._model(own_checkpoint, washed.settings, None).components
    assert set(diffusion._networks.originals(parts)) == {f"{TO_Q}.weight"}
    picture(diffusion, replace(plan("cat"), refiner=refiner))
    assert diffusion._networks.originals(parts) == {}


def test_sdxls_refiner_has_none_of_them():
    base, refiner = map(family_components, (ModelFamily.sdxl, ModelFamily.sdxl_refiner))
    loras = [planned(Path("wash.safetensors"))]
    assert shared_by(loras, base, refiner) == ()
    assert shared_by(loras, base, base) == loras
