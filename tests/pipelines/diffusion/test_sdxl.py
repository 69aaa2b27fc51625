"""Whole jobs on SDXL: what the network is told at every call, in every kind of job."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.load import load_components
from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.sample import LoadedModel
from pipelines.diffusion.text_chunks import TextOptions
from pipelines.diffusion.text_sdxl import encode_prompt
from pipelines.errors import ModelBroken
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.plugins import Hook
from pipelines.requests import Batch, Inpaint, MaskedContent, Prompt, Sampling, SoftInpainting
from tests.helpers.control_models import planned_unit, save_controlnet
from tests.helpers.images import gradient
from tests.helpers.large import save_large
from tests.helpers.ldm import family_components, save_folder, unet_like
from tests.helpers.runs import loaded, pictures
from tests.helpers.tiny import EXACT
from tests.pipelines.diffusion.conftest import MakePlan

CPU = torch.device("cpu")
MASK = Image.new("L", (64, 64))
MASK.paste(255, (16, 16, 48, 48))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    return save_large(tmp_path_factory.mktemp("models") / "large")


@pytest.fixture(scope="module")
def shared() -> Diffusion:
    return Diffusion(EXACT)


@contextmanager
def told_to(model: LoadedModel) -> Iterator[list[dict[str, Any]]]:
    """The arguments of every call of the UNet, as it gets them."""
    calls: list[dict[str, Any]] = []

    def note(module: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        calls.append({**kwargs, "latents": args[0]})

    hook = model.components.unet.register_forward_pre_hook(note, with_kwargs=True)
    try:
        yield calls
    finally:
        hook.remove()


def calls_of(diffusion: Diffusion, plan: Plan) -> list[dict[str, Any]]:
    with told_to(loaded(diffusion, plan)) as calls:
        pictures(diffusion, plan)
    return calls


def test_every_call_is_told_both_texts_their_vectors_and_the_sizes(
    shared: Diffusion, make_plan: MakePlan, large: Checkpoint
):
    prompt = Prompt(positive="a red cat", negative="sea")
    plan = replace(make_plan(prompt=prompt, batch=Batch(size=2)), checkpoint=large)
    calls = calls_of(shared, plan)
    assert len(calls) == 4
    parts = loaded(shared, plan).components
    for call in calls:
        for rows, words in ((slice(0, 2), "sea"), (slice(2, 4), "a red cat")):
            wanted = encode_prompt(parts, words, TextOptions(), CPU)
            added = call["added_cond_kwargs"]
            assert torch.equal(call["encoder_hidden_states"][rows], wanted.tokens.repeat(2, 1, 1))
            assert wanted.pooled is not None
            assert torch.equal(added["text_embeds"][rows], wanted.pooled.repeat(2, 1))
        assert added["time_ids"].tolist() == [[64, 64, 0, 0, 64, 64]] * 4


def test_an_empty_negative_prompt_is_zeros_and_an_empty_prompt_is_not(
    shared: Diffusion, make_plan: MakePlan, large: Checkpoint
):
    plan = replace(make_plan(prompt=Prompt()), checkpoint=large)
    call = calls_of(shared, plan)[0]
    for rows in (call["encoder_hidden_states"], call["added_cond_kwargs"]["text_embeds"]):
        assert rows[0].abs().sum() == 0
        assert rows[1].abs().sum() > 0


def test_each_part_of_a_prompt_is_told_with_its_own_vector(
    shared: Diffusion, make_plan: MakePlan, large: Checkpoint
):
    words = Prompt(positive="cat AND dog AND [red|sea]", negative="sea")
    calls = calls_of(shared, replace(make_plan(prompt=words), checkpoint=large))
    rows = [len(call["added_cond_kwargs"]["text_embeds"]) for call in calls]
    assert rows == [2, 1, 1] * 4
    vectors = [call["added_cond_kwargs"]["text_embeds"][-1] for call in calls]
    assert not torch.equal(vectors[1], vectors[2])
    assert not torch.equal(vectors[2], vectors[8])


@pytest.mark.parametrize("sampler", ["Euler a", "DPM++ 2M SDE", "DDIM CFG++", "LCM"])
def test_samplers_schedules_and_tiling_work(
    shared: Diffusion, make_plan: MakePlan, large: Checkpoint, sampler: str
):
    plan = make_plan(sampling=Sampling(sampler=sampler, steps=4), settings={"tiling": True})
    (picture,) = pictures(shared, replace(plan, checkpoint=large))
    assert picture.size == (64, 64)


def test_align_your_steps_walks_sdxls_own_list(
    shared: Diffusion, make_plan: MakePlan, large: Checkpoint
):
    sampling = Sampling(sampler="Euler", schedule="Align Your Steps", steps=11)
    plan = replace(make_plan(sampling=sampling), checkpoint=large)
    model = loaded(shared, plan)
    assert model.components.is_sdxl
    pictures(shared, plan)
    scheduler: Any = model.pipeline.scheduler
    assert scheduler._sigmas[0] == pytest.approx(3.771)


@pytest.mark.parametrize("soft", [None, SoftInpainting()], ids=["hard", "soft"])
@pytest.mark.parametrize("channels", [4, 9])
def test_inpainting_works_with_plain_and_with_made_networks(
    tmp_path: Path, make_plan: MakePlan, channels: int, soft: SoftInpainting | None
):
    checkpoint = save_large(tmp_path / "painter", in_channels=channels)
    inpaint = Inpaint(mask=MASK, content=MaskedContent.latent_noise, soft=soft)
    plan = replace(make_plan(inpaint=inpaint), checkpoint=checkpoint)
    diffusion = Diffusion(EXACT)
    (batch,) = diffusion.denoise(plan, Unwatched())
    assert batch.images[0][1].size == (64, 64)
    assert loaded(diffusion, plan).components.unet.config["in_channels"] == channels


def test_the_refiner_alone_is_told_aesthetic_scores(tmp_path: Path, make_plan: MakePlan):
    checkpoint = save_large(tmp_path / "refiner", ModelFamily.sdxl_refiner)
    plan = replace(make_plan(prompt=Prompt(positive="a cat")), checkpoint=checkpoint)
    call = calls_of(Diffusion(EXACT), plan)[0]
    assert call["added_cond_kwargs"]["time_ids"].tolist() == [
        [64, 64, 0, 0, 2.5],
        [64, 64, 0, 0, 6],
    ]


def test_a_network_that_is_told_another_number_of_sizes_is_refused(tmp_path: Path):
    """Width for width the texts fit, as they may where somebody has exchanged a part."""
    parts = family_components(ModelFamily.sdxl)
    wrong = unet_like(parts.unet, projection_class_embeddings_input_dim=64)
    checkpoint = save_folder(tmp_path / "odd", replace(parts, unet=wrong))
    with pytest.raises(ModelBroken, match="beside the tokens, 64 numbers where 72 is expected"):
        load_components(checkpoint, EXACT)


def test_control_units_act_on_sdxl(
    tmp_path: Path, shared: Diffusion, make_plan: MakePlan, large: Checkpoint
):
    plan = replace(make_plan(prompt=Prompt(positive="cat AND dog")), checkpoint=large)
    config: Any = loaded(shared, plan).components.unet.config
    alike = ("transformer_layers_per_block", "cross_attention_dim", "attention_head_dim")
    sdxl = (
        "use_linear_projection",
        "addition_embed_type",
        "addition_time_embed_dim",
        "projection_class_embeddings_input_dim",
    )
    file = save_controlnet(tmp_path / "net", **{key: config[key] for key in (*alike, *sdxl)})
    plain = pictures(shared, plan)
    for unit in (
        planned_unit(file, images=(gradient(),)),
        planned_unit(None, hook=Hook.reference_only, images=(gradient(),)),
    ):
        steered = pictures(shared, replace(plan, control=(unit,)))
        assert steered != plain
    assert pictures(shared, plan) == plain
