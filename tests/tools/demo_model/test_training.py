"""A toy of the whole training: it runs, resumes, and leaves a folder that loads."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import tools.demo_model.__main__ as making
from tools.demo_model import pictures
from tools.demo_model.captions import caption
from tools.demo_model.recipe import FULL, MINIATURE
from tools.demo_model.training import batches, latents, loop, samples, train, vae
from tools.demo_model.training.denoiser import Denoiser
from tools.demo_model.training.latents import Latents
from tools.demo_model.training.noise import build_scheduler

TINY = replace(MINIATURE.denoiser, caption_dropout=0.0)


@pytest.fixture(scope="module")
def data(work: Path) -> Latents:
    return latents.load(work / "pictures", work / "latents", MINIATURE)


def test_the_toy_draws_a_picture(work: Path):
    pipeline = samples.open_folder(work / "demo")
    drawn = samples.draw(pipeline, ["a red house, night"], seed=1)
    assert drawn.shape == (1, 256, 256, 3)


def test_every_stage_is_logged_with_its_time_and_the_seed(work: Path):
    lines = (work / "log.txt").read_text(encoding="utf-8")
    assert "'seed': 0" in lines
    for stage in ("render", "tokenizer", "vae", "latents", "train", "decoder", "export"):
        assert f"{stage} took " in lines


def test_a_second_run_repeats_nothing(work: Path):
    files = [path for path in work.rglob("*") if path.is_file() and "demo" not in path.parts]
    before = {path: path.stat().st_mtime_ns for path in files if path.name != "log.txt"}
    stages = ["render", "tokenizer", "vae", "latents", "train", "decoder"]
    making.main([*stages, "--miniature", "--work", str(work)])
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_an_interrupted_training_ends_where_an_uninterrupted_one_does(
    work: Path, data: Latents, tmp_path: Path
):
    half = replace(MINIATURE, denoiser=replace(MINIATURE.denoiser, steps=4))
    # The learning rate falls at the end of a training: the half stops before.
    half = replace(half, denoiser=replace(half.denoiser, decay=1))
    whole = replace(MINIATURE, denoiser=replace(MINIATURE.denoiser, decay=1))
    for name, runs in {"at once": [whole], "in two": [half, whole]}.items():
        for recipe in runs:
            train.train(data, work / "tokenizer", tmp_path / name, recipe, lambda _: None)
    for part in ("unet/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"):
        once, twice = load_file(tmp_path / "at once" / part), load_file(tmp_path / "in two" / part)
        assert once.keys() == twice.keys()
        for name, tensor in once.items():
            assert torch.equal(tensor, twice[name]), f"{name} differs"
    losses = json.loads((tmp_path / "in two" / "losses.json").read_text(encoding="utf-8"))
    assert [step for step, _ in losses] == [2, 4, 6]


def test_the_loss_falls_on_one_picture_seen_again_and_again(work: Path, data: Latents):
    torch.manual_seed(0)
    model = Denoiser(TINY, work / "tokenizer")
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3)
    one = data.tensors[:1].float()
    noise, timesteps = torch.randn(one.shape), torch.tensor([500])
    losses: list[float] = []
    for _ in range(25):
        loss = model.losses(one, ["a house"], noise, timesteps).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]


def test_the_velocity_loss_is_zero_for_the_right_velocity(
    work: Path, data: Latents, monkeypatch: pytest.MonkeyPatch
):
    """Against the definition, through the scheduler's own words for noise and velocity."""
    model = Denoiser(TINY, work / "tokenizer")
    clean, timesteps = data.tensors[:2].float(), torch.tensor([10, 900])
    noise = torch.randn(clean.shape)
    scheduler = build_scheduler()
    velocity = scheduler.get_velocity(clean, noise, timesteps)
    seen: list[torch.Tensor] = []

    def forward(noisy: torch.Tensor, *_: object) -> object:
        seen.append(noisy)
        return type("Output", (), {"sample": velocity})

    monkeypatch.setattr(model.unet, "forward", forward)
    assert model.losses(clean, ["", ""], noise, timesteps).max() < 1e-10
    assert torch.allclose(seen[0], scheduler.add_noise(clean, noise, timesteps), atol=1e-5)


def test_a_batch_depends_on_its_step_alone(data: Latents):
    first, again = (batches.make_batch(data, TINY, 0, 5) for _ in range(2))
    assert torch.equal(first.latents, again.latents)
    assert first.captions == again.captions
    assert batches.make_batch(data, TINY, 0, 6).captions != first.captions


def test_batches_of_all_sizes_cover_about_the_same_area(data: Latents):
    recipe = replace(FULL.denoiser, crop_steps=0, crop_share_later=0.8)
    areas: dict[tuple[int, ...], int] = {}
    for step in range(40):
        batch = batches.make_batch(data, recipe, 0, step)
        count, _, height, width = batch.latents.shape
        assert len(batch.captions) == count
        areas[(height, width)] = count * height * width
    assert len(areas) >= 5
    assert all(0.9 < area / (recipe.batch * 32 * 32) < 1.1 for area in areas.values())


def test_mirrored_shards_have_mirrored_latents_and_attributes(work: Path, data: Latents):
    shard = MINIATURE.shard
    shown = pictures.read_attributes(work / "pictures", shard)
    assert data.attributes[shard] == shown[0].mirrored()
    assert data.attributes[0] == pictures.read_attributes(work / "pictures", 0)[0]


def test_the_learning_rate_warms_up_stays_and_falls():
    recipe = FULL.denoiser
    rates = [loop.rate(step, recipe) for step in range(recipe.steps)]
    assert rates[0] == 1 / recipe.warmup
    assert rates[recipe.warmup : recipe.steps - recipe.decay] == [1.0] * (
        recipe.steps - recipe.decay - recipe.warmup
    )
    assert rates[-1] == recipe.floor


def test_principal_components_are_uncorrelated_with_unit_variance(work: Path):
    drawn = pictures.read_pictures(work / "pictures", 0)
    mean, vectors = vae.principal_components(drawn, 0)
    tensor = vae.to_tensor(drawn)
    patches = torch.nn.functional.unfold(tensor, 8, stride=8).transpose(1, 2).flatten(0, 1)
    covariance = torch.cov(((patches - mean) @ vectors.T).T)
    assert torch.allclose(covariance, torch.eye(4), atol=0.02)


def test_the_decoder_learns_and_the_latents_stay_as_they_are(work: Path):
    name = "diffusion_pytorch_model.safetensors"
    before, after = (load_file(work / folder / name) for folder in ("vae", "decoder"))
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"decoder", "post_quant_conv"}


def test_a_stage_that_does_not_exist_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit):
        making.main(["bake", "--work", str(tmp_path)])
    assert "'bake' is no stage; there are render, tokenizer" in capsys.readouterr().err


def test_captions_fit_the_text_encoder(work: Path):
    tokenizer = Denoiser(TINY, work / "tokenizer").tokenizer
    shown = pictures.every_attributes(work / "pictures", MINIATURE)
    texts = [caption(one, random.Random(i)) for i, one in enumerate(shown)]
    assert max(len(tokens) for tokens in tokenizer(texts).input_ids) <= 77
