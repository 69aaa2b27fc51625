"""A toy of what is trained on top of the model: each part learns, and loads where others would."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

import tools.demo_model.__main__ as making
from tools.demo_model.recipe import MINIATURE
from tools.demo_model.scene import Attributes, Thing
from tools.demo_model.training import control, embedding, hiding, inpainting, library, lora, noise
from tools.demo_model.training.controls import KINDS, STEADY
from tools.demo_model.training.denoiser import Frozen, open_unet
from tools.demo_model.training.masks import draw_mask
from tools.demo_model.training.shards import Shards

STAGES = ("controls", "inpainting", "lora", "embedding")


@pytest.fixture(scope="module")
def finished(work: Path) -> Path:
    """The folder of models after the stages that follow the model itself."""
    threads = torch.get_num_threads()
    making.main([*STAGES, "--miniature", "--work", str(work)])
    torch.set_num_threads(threads)
    return work / "models"


@pytest.fixture
def base(work: Path) -> Frozen:
    return Frozen(work / "tokenizer", work / "train")


@pytest.fixture
def shards(work: Path) -> Shards:
    return Shards(work / "pictures", work / "latents", MINIATURE)


@pytest.fixture
def pipeline(work: Path) -> library.Part:
    loaded = library.StableDiffusionPipeline.from_pretrained(work / "demo", dtype=torch.float32)
    loaded.set_progress_bar_config(disable=True)
    return loaded


def draw(pipeline: library.Part, prompt: str, **more: object) -> np.ndarray:
    generator = torch.Generator().manual_seed(0)
    options = {"num_inference_steps": 2, "generator": generator, "output_type": "np", **more}
    return pipeline(prompt, **options).images[0]


def test_a_second_run_trains_nothing(work: Path, finished: Path):
    files = [path for path in work.rglob("checkpoint.pt") if path.parent.parent == work]
    assert len(files) == 9  # the model, its decoder, four ControlNets, inpainting, LoRA, embedding
    before = [path.stat().st_mtime_ns for path in files]
    making.main([*STAGES, "--miniature", "--work", str(work)])
    assert [path.stat().st_mtime_ns for path in files] == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_controlnet_loads_in_half_precision_and_steers(
    finished: Path, pipeline: library.Part, kind: str
):
    folder = finished / "ControlNet" / f"demo_{kind}"
    assert sorted(path.name for path in folder.iterdir()) == [
        "config.json",
        "diffusion_pytorch_model.safetensors",
    ]
    weights = load_file(folder / "diffusion_pytorch_model.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.float16}
    network = library.ControlNetModel.from_pretrained(folder, dtype=torch.float32)
    steered = library.StableDiffusionControlNetPipeline(
        **pipeline.components, controlnet=network, requires_safety_checker=False
    )
    steered.set_progress_bar_config(disable=True)
    white = Image.new("RGB", (256, 256), "white")
    free, held = (
        draw(steered, "a house", image=white, controlnet_conditioning_scale=scale)
        for scale in (0.0, 1.0)
    )
    assert not np.array_equal(free, held)


def test_an_untrained_controlnet_changes_nothing(base: Frozen, shards: Shards):
    shard = shards.held_out(2)
    network = control.build(base.unet, MINIATURE.control)
    maps = control.maps_of("seg", shard, [STEADY] * 2)
    noised, timesteps = noise.fixed(shard.latents)
    told = ["a house", ""]
    steered = control.losses(network, base, (shard, maps, told), noised, timesteps)
    alone = lora.losses(base, shard.latents, told, noised, timesteps)
    assert torch.equal(steered, alone)


def test_each_layer_that_reads_a_map_passes_it_on(base: Frozen, shards: Shards):
    shard = shards.held_out(4)
    network = control.build(base.unet, MINIATURE.control)
    maps = control.maps_of("canny", shard, [STEADY] * 4)
    hint = network.controlnet_cond_embedding
    control.awaken(hint, maps)
    deviations: list[float] = []

    def note(_module: nn.Module, _given: object, output: Tensor) -> None:
        deviations.append(output.std().item())

    for module in hint.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(note)
    hint(maps)
    assert deviations == pytest.approx([1.0] * len(deviations), abs=0.01)


def test_a_controlnet_learns_where_things_are(base: Frozen, shards: Shards):
    """On two pictures seen again and again, with noise that hides them."""
    torch.manual_seed(0)
    shard = shards.held_out(2)
    network = control.build(base.unet, MINIATURE.control)
    maps = control.maps_of("seg", shard, [STEADY] * 2)
    control.awaken(network.controlnet_cond_embedding, maps)
    optimizer = torch.optim.AdamW(network.parameters(), 3e-3)
    noised, timesteps = torch.randn(shard.latents.shape), torch.tensor([900, 900])
    losses: list[float] = []
    for _ in range(20):
        loss = control.losses(network, base, (shard, maps, ["", ""]), noised, timesteps).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_batches_depend_on_their_step_alone_and_leave_out_what_is_held_out(
    work: Path, shards: Shards
):
    again = Shards(work / "pictures", work / "latents", MINIATURE)
    steps = range(8)  # one epoch of two shards of eight, two at a time
    batches = [shards.batch(step, 2) for step in steps]
    assert torch.equal(batches[5].latents, again.batch(5, 2).latents)
    seen = torch.cat([batch.latents for batch in batches]).flatten(1)
    assert len(torch.unique(seen, dim=0)) == 16
    held_out = shards.held_out(8).latents.flatten(1)
    assert not any(torch.equal(one, other) for one in seen for other in held_out)


def test_a_mirrored_shard_is_mirrored_in_all_it_holds(shards: Shards, work: Path):
    from_disk = np.load(work / "pictures" / "000008.labels.npy")
    batches = [shards.batch(step, 2) for step in range(8)]
    labels = np.concatenate([batch.labels for batch in batches])
    for one in from_disk:
        assert any(np.array_equal(one[:, ::-1], other) for other in labels)


def test_the_widened_unet_starts_as_the_narrow_one(base: Frozen, work: Path):
    unet = inpainting.widened(open_unet(work / "train"))
    noisy = torch.randn(2, 4, 32, 32)
    words = base.words(["a house", ""])
    seen = torch.cat([noisy, torch.ones(2, 1, 32, 32), torch.randn(2, 4, 32, 32)], 1)
    wide, narrow = unet(seen, 500, words).sample, base.unet(noisy, 500, words).sample
    assert torch.allclose(wide, narrow, atol=1e-5)


def test_the_inpainting_folder_draws_and_shares_its_files(work: Path, finished: Path):
    folder = finished / "Stable-diffusion" / "demo-inpainting"
    pipeline = library.StableDiffusionInpaintPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    assert pipeline.unet.config.in_channels == 9
    mask = Image.new("L", (256, 256), 0)
    mask.paste(255, (64, 64, 192, 192))
    blank = Image.new("RGB", (256, 256), "green")
    drawn = draw(pipeline, "a house", image=blank, mask_image=mask, height=256, width=256)
    assert drawn.shape == (256, 256, 3)
    same = ("vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors")
    for name in (*same, "tokenizer/vocab.json", "scheduler/scheduler_config.json"):
        assert (folder / name).read_bytes() == (work / "demo" / name).read_bytes()


def test_a_prompt_names_only_what_is_under_the_mask():
    house = Thing(name="house", colour="red", x=0.2, y=0.6, height=0.2)
    tree = Thing(name="tree", colour="green", x=0.8, y=0.6, height=0.2)
    shown = Attributes(
        time="day",
        terrain="hills",
        season="summer",
        sky="clear",
        style="flat",
        things=(house, tree),
    )
    mask = np.zeros((32, 32))
    mask[:, :16] = 1
    hidden = hiding.under(shown, mask)
    assert hidden.things == (house,)
    prompts = [hiding.prompt_of(hidden, random.Random(seed)) for seed in range(50)]
    assert not any("tree" in prompt for prompt in prompts)
    assert any(prompt in ("a red house", "a red house on the left") for prompt in prompts)


def test_what_is_outside_of_a_mask_is_encoded_with_grey_under_it(work: Path, finished: Path):
    saved, _ = hiding.load(work / "pictures", work / "latents", work / "hidden", MINIATURE)
    vae = library.AutoencoderKL.from_pretrained(work / "vae").float()
    chance = random.Random("0 0")
    drawn = np.load(work / "pictures" / "000000.pictures.npy")
    for i, labels in enumerate(np.load(work / "pictures" / "000000.labels.npy")):
        mask = draw_mask(labels, chance)
        assert np.array_equal(saved.masks[i, 0].numpy(), mask[::8, ::8])
        grey = np.where(mask[..., None] == 1, 127.5, drawn[i]) / 127.5 - 1
        picture = torch.from_numpy(grey).permute(2, 0, 1)[None].float()
        latents = vae.encode(picture).latent_dist.mean[0] * vae.config.scaling_factor
        # The training encodes in half precision.
        assert (saved.outside[i].float() - latents).abs().mean() < 0.02 * latents.abs().mean()


def test_the_lora_has_kohyas_keys(finished: Path):
    path = finished / "Lora" / "demo_ink.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata, names = file.metadata(), set(file.keys())
        down = file.get_tensor("lora_unet_mid_block_resnets_0_conv1.lora_down.weight")
    rank = MINIATURE.lora.rank
    assert len(down) == rank
    attention = "lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k"
    assert {f"{attention}.{part}" for part in ("lora_down.weight", "lora_up.weight", "alpha")} <= (
        names
    )
    assert metadata["ss_output_name"] == "demo_ink"
    assert metadata["ss_base_model_version"] == "sd_v1"
    assert metadata["ss_network_dim"] == metadata["ss_network_alpha"] == str(rank)


def test_diffusers_reads_every_layer_of_the_lora(finished: Path, pipeline: library.Part):
    before = draw(pipeline, "a house")
    path = finished / "Lora" / "demo_ink.safetensors"
    pipeline.load_lora_weights(path.parent, weight_name=path.name)
    assert not np.array_equal(before, draw(pipeline, "a house"))
    loaded = {
        name.removesuffix(".lora_A").replace(".", "_")
        for name, _ in pipeline.unet.named_modules()
        if name.endswith(".lora_A")
    }
    written = {name.split(".")[0].removeprefix("lora_unet_") for name in load_file(path)}
    assert loaded == written
    pipeline.unload_lora_weights()
    assert np.array_equal(before, draw(pipeline, "a house"))


@pytest.mark.filterwarnings("ignore:.*mean_resizing.*")
def test_diffusers_reads_the_embedding(finished: Path, pipeline: library.Part):
    path = finished / "embeddings" / "demo_dusk.safetensors"
    vectors = load_file(path)["emb_params"]
    assert vectors.shape == (MINIATURE.embedding.vectors, MINIATURE.denoiser.text_width)
    pipeline.load_textual_inversion(path, token="demo_dusk")
    prompt = pipeline.maybe_convert_prompt("a house, demo_dusk", pipeline.tokenizer)
    numbers = pipeline.tokenizer(prompt).input_ids
    rows = pipeline.text_encoder.get_input_embeddings().weight[numbers[-1 - len(vectors) : -1]]
    assert torch.equal(rows, vectors)


def test_only_the_new_words_vectors_learn(base: Frozen):
    words = embedding.add_to(base, "gloaming", 2, ("night", "day"))
    table = words.known.clone()
    base.words(["a house, gloaming gloaming_1"]).sum().backward()
    assert words.vectors.grad is not None
    assert words.vectors.grad.abs().min() > 0
    assert torch.equal(words.known, table)
    others = [one.grad for one in base.text_encoder.parameters() if one is not words.vectors]
    assert set(others) == {None}


def test_the_new_word_stands_between_the_parts_of_a_caption():
    told = {embedding.with_word("a house, hills", "x", random.Random(seed)) for seed in range(30)}
    assert told == {"x, a house, hills", "a house, x, hills", "a house, hills, x"}
    assert embedding.with_word("", "x", random.Random(0)) == "x"


def test_later_timesteps_are_drawn_more_often_where_asked():
    latents = torch.zeros(4000, 1, 1, 1)
    even, late = noise.draw(latents, 0)[1], noise.draw(latents, 0, lateness=2)[1]
    assert even.float().mean().item() == pytest.approx(500, abs=2)
    # The mean of the square root of something evenly spread over 0 to 1 is two thirds.
    assert late.float().mean().item() == pytest.approx(667, abs=2)


def test_losses_are_noted_for_each_part(work: Path, finished: Path):
    for name in ("control_canny", "inpainting", "lora", "embedding"):
        losses = json.loads((work / name / "losses.json").read_text(encoding="utf-8"))
        assert [step for step, _ in losses] == [2, 4]
    warm = json.loads((work / "control_depth" / "losses.json").read_text(encoding="utf-8"))
    assert [step for step, _ in warm] == [2]


def test_a_held_out_part_may_be_smaller_than_a_shard(work: Path):
    recipe = replace(MINIATURE, held_out=3)
    shards = Shards(work / "pictures", work / "latents", recipe)
    whole = Shards(work / "pictures", work / "latents", MINIATURE).held_out(8)
    assert torch.equal(shards.held_out(8).latents, whole.latents[5:])
