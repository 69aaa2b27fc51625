"""Models from disk: whole ones load without a network, damaged ones say which file is at fault."""

import json
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers.schedulers.scheduling_ddim import DDIMScheduler

from pipelines.catalog.checkpoints import Checkpoint
from pipelines.diffusion.load import fingerprint, load_components, load_tokenizer
from pipelines.errors import ModelBroken
from tests.helpers.tiny import EXACT, save_tiny_model, tiny_components


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_saved_model_comes_back_weight_for_weight(checkpoint: Checkpoint):
    loaded, made = load_components(checkpoint, EXACT), tiny_components()
    for part in ("vae", "unet", "text_encoder"):
        expected = getattr(made, part).state_dict()
        actual = getattr(loaded, part).state_dict()
        assert actual.keys() == expected.keys()
        assert all(torch.equal(actual[name], expected[name]) for name in expected)
    assert loaded.scheduler_config["beta_schedule"] == "scaled_linear"


def test_loading_opens_no_connection(checkpoint: Checkpoint, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load_components(checkpoint, EXACT)


def test_each_part_has_the_precision_of_the_policy(checkpoint: Checkpoint):
    loaded = load_components(checkpoint, replace(EXACT, dtype=torch.bfloat16))
    assert loaded.unet.dtype is torch.bfloat16
    assert loaded.vae.dtype is loaded.text_encoder.dtype is torch.float32


def test_half_precision_files_are_found_by_their_variant(own_checkpoint: Checkpoint):
    for part in ("unet", "vae"):
        file = own_checkpoint.path / part / "diffusion_pytorch_model.safetensors"
        file.rename(file.with_name("diffusion_pytorch_model.fp16.safetensors"))
    assert load_components(own_checkpoint, EXACT).unet.dtype is torch.float32


FILES = (
    "model_index.json",
    "unet/config.json",
    "unet/diffusion_pytorch_model.safetensors",
    "vae/config.json",
    "vae/diffusion_pytorch_model.safetensors",
    "text_encoder/config.json",
    "text_encoder/model.safetensors",
    "tokenizer/vocab.json",
    "tokenizer/merges.txt",
    "scheduler/scheduler_config.json",
)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(own_checkpoint: Checkpoint, file: str):
    (own_checkpoint.path / file).unlink()
    with pytest.raises(
        ModelBroken, match=rf"^Checkpoint 'own' cannot be loaded: {file} is missing.$"
    ):
        load_components(own_checkpoint, EXACT)


@pytest.mark.parametrize("file", [file for file in FILES if file.endswith("safetensors")])
def test_a_weight_file_that_was_cut_short_is_named(own_checkpoint: Checkpoint, file: str):
    path = own_checkpoint.path / file
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelBroken, match=rf"{file} is damaged \(.* bytes where its header"):
        load_components(own_checkpoint, EXACT)


@pytest.mark.parametrize("file", FILES)
def test_a_file_of_rubbish_is_named_or_its_folder_is(own_checkpoint: Checkpoint, file: str):
    (own_checkpoint.path / file).write_bytes(b"\x89PNG rubbish")
    if file == "tokenizer/merges.txt":
        # A merge of unknown parts is all it is, and costs one word.
        file = "tokenizer"
    with pytest.raises(ModelBroken, match=rf"{file.split('/')[0]}.* is damaged"):
        load_components(own_checkpoint, EXACT)


def test_weights_of_another_shape_are_refused(own_checkpoint: Checkpoint):
    edit_json(own_checkpoint.path / "unet" / "config.json", block_out_channels=[16, 32])
    with pytest.raises(ModelBroken, match="unet is damaged or incomplete"):
        load_components(own_checkpoint, EXACT)


def test_a_weight_that_is_not_in_the_file_is_refused(own_checkpoint: Checkpoint):
    edit_json(own_checkpoint.path / "unet" / "config.json", layers_per_block=2)
    with pytest.raises(ModelBroken, match=r"unet is damaged or incomplete|unet lacks"):
        load_components(own_checkpoint, EXACT)


def test_another_kind_of_pipeline_is_refused_by_name(own_checkpoint: Checkpoint):
    edit_json(own_checkpoint.path / "model_index.json", _class_name="FluxPipeline")
    with pytest.raises(ModelBroken, match=r"'own' is a FluxPipeline; only .* 1, 2 and XL models"):
        load_components(own_checkpoint, EXACT)


def test_a_model_trained_to_the_very_end_has_its_table_stretched(own_checkpoint: Checkpoint):
    config = own_checkpoint.path / "scheduler" / "scheduler_config.json"
    edit_json(config, rescale_betas_zero_snr=True)
    betas = load_components(own_checkpoint, EXACT).scheduler_config["trained_betas"]
    scheduler: Any = DDIMScheduler.from_config(json.loads(config.read_text()))
    # diffusers computes in float32, and goes down to 0.
    expected = scheduler.alphas_cumprod[:-1].double()
    shares = torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0)[:-1]
    torch.testing.assert_close(shares, expected, rtol=1e-4, atol=1e-6)


def test_a_model_for_inpainting_loads(tmp_path: Path):
    checkpoint = save_tiny_model(tmp_path / "fill", in_channels=9)
    edit_json(checkpoint.path / "model_index.json", _class_name="StableDiffusionInpaintPipeline")
    assert load_components(checkpoint, EXACT).unet.config["in_channels"] == 9


def test_a_network_that_takes_anything_else_is_refused(tmp_path: Path):
    checkpoint = save_tiny_model(tmp_path / "depth", in_channels=5)
    with pytest.raises(ModelBroken, match="takes 5 channels where 4 or 8 or 9 is expected"):
        load_components(checkpoint, EXACT)


def test_an_unknown_part_is_refused_by_name(own_checkpoint: Checkpoint):
    edit_json(own_checkpoint.path / "model_index.json", vae=["some_code", "OtherVAE"])
    with pytest.raises(ModelBroken, match=r"its vae is .* where AutoencoderKL is expected"):
        load_components(own_checkpoint, EXACT)


def test_the_fingerprint_changes_with_the_files(own_checkpoint: Checkpoint):
    before = fingerprint(own_checkpoint.path)
    assert fingerprint(own_checkpoint.path) == before
    edit_json(own_checkpoint.path / "scheduler" / "scheduler_config.json", prediction_type="sample")
    assert fingerprint(own_checkpoint.path) != before


def test_the_tokenizer_loads_alone(own_checkpoint: Checkpoint):
    (own_checkpoint.path / "unet" / "config.json").unlink()
    assert load_tokenizer(own_checkpoint).tokenize("red cat") == ["red</w>", "cat</w>"]


def test_a_tokenizer_in_one_file_loads_too(tmp_path: Path):
    checkpoint = save_tiny_model(tmp_path / "modern")
    tokenizer: Any = load_tokenizer(checkpoint)
    for name in ("vocab.json", "merges.txt"):
        (checkpoint.path / "tokenizer" / name).unlink()
    tokenizer.save_pretrained(checkpoint.path / "tokenizer")
    assert load_tokenizer(checkpoint).tokenize("red cat") == ["red</w>", "cat</w>"]
