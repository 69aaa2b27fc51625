"""Checkpoints in single files: they load to the very weights they came from, or say why not."""

import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import init_empty_weights
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion import single_file
from pipelines.diffusion.configs import stored_config
from pipelines.diffusion.load import fingerprint, load_components, load_tokenizer
from pipelines.diffusion.parts import Components
from pipelines.diffusion.run import Diffusion
from pipelines.errors import ModelBroken
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.requests import Prompt
from tests.helpers.ldm import (
    FAMILIES,
    REFINER,
    SD1,
    SD2,
    SDXL,
    checkpoint_at,
    family_components,
    original_tensors,
    save_folder,
    unet_tensors,
    vae_tensors,
    write_checkpoint,
)
from tests.helpers.loaded import assert_same, networks
from tests.helpers.tiny import EXACT
from tests.pipelines.diffusion.conftest import Pretend

DTYPES = (
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float8_e4m3fn,
    torch.float8_e5m2,
)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.value)
def test_a_file_loads_to_the_weights_it_was_made_of(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    family: ModelFamily,
    dtype: torch.dtype,
):
    made = models[family]
    pretend(made)
    checkpoint = write_checkpoint(tmp_path / "dreams.safetensors", made, family, dtype=dtype)
    loaded = load_components(checkpoint, EXACT)
    assert_same(loaded, made, dtype)
    assert {network.dtype for network in networks(loaded).values()} == {torch.float32}
    assert loaded.scheduler_config["prediction_type"] == "epsilon"


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.value)
def test_a_file_and_its_twin_in_diffusers_layout_make_the_same_picture(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    make_plan: Callable[..., Plan],
    family: ModelFamily,
):
    pretend(models[family])
    single = write_checkpoint(
        tmp_path / "twin.safetensors", models[family], family, dtype=torch.float16
    )
    plan = make_plan(prompt=Prompt(positive="a (red:1.3) cat by the sea", negative="night"))
    pictures: list[bytes] = []
    for checkpoint in (single, save_folder(tmp_path / "twin", load_components(single, EXACT))):
        (batch,) = Diffusion(EXACT).denoise(replace(plan, checkpoint=checkpoint), Unwatched())
        pictures.append(batch.images[0][1].tobytes())
    assert pictures[0] == pictures[1]


def test_each_part_has_the_precision_and_the_order_of_the_policy(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1)
    policy = replace(EXACT, dtype=torch.bfloat16, vae_dtype=torch.float16, channels_last=True)
    loaded = load_components(checkpoint, policy)
    assert loaded.unet.dtype is torch.bfloat16
    assert loaded.vae.dtype is torch.float16
    weight = loaded.unet.state_dict()["conv_in.weight"]
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_loading_opens_no_connection(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    monkeypatch: pytest.MonkeyPatch,
):
    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    pretend(models[SD1])
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    load_components(checkpoint, EXACT)


def test_a_model_outlives_its_file(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1)
    loaded = load_components(checkpoint, EXACT)
    with checkpoint.path.open("r+b") as file:
        file.write(bytes(checkpoint.path.stat().st_size))
    assert_same(loaded, models[SD1])


def test_a_training_s_averages_and_other_leftovers_are_passed_over(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    averages = {
        "model_ema." + name.removeprefix("model.").replace(".", ""): torch.zeros_like(tensor)
        for name, tensor in unet_tensors(models[SD1].unet).items()
    }
    extra = {**averages, "first_stage_model.loss.logvar": torch.zeros(())}
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1, extra=extra)
    assert_same(load_components(checkpoint, EXACT), models[SD1])


def test_a_text_encoder_under_its_old_names_is_read(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    tensors = {
        name.replace(".transformer.text_model.", ".transformer."): tensor.contiguous()
        for name, tensor in original_tensors(models[SD1], SD1).items()
    }
    save_file(tensors, tmp_path / "old.safetensors")
    assert_same(load_components(checkpoint_at(tmp_path / "old.safetensors"), EXACT), models[SD1])


def test_linear_layers_stored_as_convolutions_are_read(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD2])
    tensors = {
        name: (tensor[:, :, None, None] if ".proj_in.weight" in name else tensor).contiguous()
        for name, tensor in original_tensors(models[SD2], SD2).items()
    }
    save_file(tensors, tmp_path / "a.safetensors")
    assert_same(load_components(checkpoint_at(tmp_path / "a.safetensors"), EXACT), models[SD2])


@pytest.mark.parametrize(("family", "channels"), [(SD1, 8), (SD1, 9), (SDXL, 8), (SDXL, 9)])
def test_a_model_for_inpainting_or_editing_is_told_by_its_first_layer(
    tmp_path: Path, pretend: Pretend, family: ModelFamily, channels: int
):
    made = family_components(family, in_channels=channels)
    pretend(made)
    checkpoint = write_checkpoint(tmp_path / "made for it.safetensors", made, family)
    loaded = load_components(checkpoint, EXACT)
    assert loaded.unet.config["in_channels"] == channels
    assert_same(loaded, made)


MARKS: dict[str, tuple[dict[str, torch.Tensor], dict[str, str] | None, str | None, str]] = {
    "nothing": ({}, None, None, "epsilon"),
    "a marker": ({"v_pred": torch.empty(0)}, None, None, "v_prediction"),
    "the header": ({}, {"modelspec.prediction_type": "v"}, None, "v_prediction"),
    "the config beside it": ({}, None, 'params:\n  parameterization: "v"\n', "v_prediction"),
    "a silent config": ({}, None, "model:\n  # parameterization: v\n", "epsilon"),
}  # fmt: skip


@pytest.mark.parametrize(("extra", "metadata", "config", "expected"), MARKS.values(), ids=MARKS)
@pytest.mark.parametrize("family", [SD1, SD2], ids=lambda family: family.value)
def test_what_a_model_predicts_is_told_by_marks(
    tmp_path: Path,
    models: dict[ModelFamily, Components],
    pretend: Pretend,
    family: ModelFamily,
    extra: dict[str, torch.Tensor],
    metadata: dict[str, str] | None,
    config: str | None,
    expected: str,
):
    pretend(models[family])
    checkpoint = write_checkpoint(
        tmp_path / "a.b.safetensors", models[family], family, extra=extra, metadata=metadata
    )
    before = fingerprint(checkpoint.path)
    if config is not None:
        (tmp_path / "a.b.yaml").write_text(config)
        assert fingerprint(checkpoint.path) != before
    assert load_components(checkpoint, EXACT).scheduler_config["prediction_type"] == expected


def test_a_config_that_names_an_unknown_prediction_is_refused(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1)
    (tmp_path / "a.yaml").write_text("parameterization: x0")
    with pytest.raises(ModelBroken, match=r"a\.yaml says that the model predicts 'x0'"):
        load_components(checkpoint, EXACT)


def test_an_unmarked_sd2_model_is_asked_what_it_predicts(tmp_path: Path, pretend: Pretend):
    made = family_components(SD2)
    with torch.no_grad():
        unet: Any = made.unet
        unet.conv_out.bias.fill_(-2)
    pretend(made)
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", made, SD2)
    loaded = load_components(checkpoint, EXACT)
    assert loaded.scheduler_config["prediction_type"] == "v_prediction"


def test_a_model_trained_to_the_very_end_has_its_table_stretched(
    tmp_path: Path, models: dict[ModelFamily, Components], pretend: Pretend
):
    pretend(models[SD1])
    marks = {"v_pred": torch.empty(0), "ztsnr": torch.empty(0)}
    checkpoint = write_checkpoint(tmp_path / "a.safetensors", models[SD1], SD1, extra=marks)
    betas = load_components(checkpoint, EXACT).scheduler_config["trained_betas"]
    assert len(betas) == 1000
    shares = torch.cumprod(1 - torch.tensor(betas, dtype=torch.float64), 0)
    assert float(shares[-1]) == pytest.approx(4.8973451890853435e-08)


def test_the_tokenizer_of_a_file_loads_alone(tmp_path: Path):
    tokenizer = load_tokenizer(checkpoint_at(tmp_path / "there is none.safetensors", SD2))
    assert tokenizer.tokenize("red cat") == ["red</w>", "cat</w>"]
    assert tokenizer.pad_token_id == 0


@pytest.mark.parametrize(
    ("family", "unet", "text"),
    [
        (SD1, 859.5, 123.1),
        (SD2, 865.9, 340.4),
        (SDXL, 2567.5, 123.1 + 694.7),
        (REFINER, 2259.5, 694.7),
    ],
    ids=str,
)
def test_the_configurations_are_those_of_the_published_models(
    family: ModelFamily, unet: float, text: float
):
    """By their numbers of weights, in millions; and diffusers finds every one of them in a file."""
    config = stored_config(family)
    with init_empty_weights():
        network: Any = UNet2DConditionModel.from_config(config["unet"])
        vae: Any = AutoencoderKL.from_config(config["vae"])
        encoders = [
            make(CLIPTextConfig(**config[part]))
            for part, make in (
                ("text_encoder", CLIPTextModel),
                ("text_encoder_2", CLIPTextModelWithProjection),
            )
            if part in config
        ]

    def millions(*parts: Any) -> float:
        return sum(weight.numel() for part in parts for weight in part.parameters()) / 1e6

    assert millions(network) == pytest.approx(unet, abs=0.05)
    assert millions(vae) == pytest.approx(83.65, abs=0.05)
    assert millions(*encoders) == pytest.approx(text, abs=0.1)
    named = single_file.convert_ldm_unet_checkpoint(unet_tensors(network), config["unet"])
    assert named.keys() == network.state_dict().keys()
    named = single_file.convert_ldm_vae_checkpoint(vae_tensors(vae), config["vae"])
    assert named.keys() == vae.state_dict().keys()
