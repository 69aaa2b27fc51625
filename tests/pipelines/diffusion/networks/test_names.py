"""What files call the layers of our networks, in every spelling that is common."""

from typing import Any

import pytest

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.networks.names import Layer, Part, find_layer, layer_table
from pipelines.diffusion.parts import Components
from tests.helpers.ldm import family_components, unet_tensors
from tests.helpers.loras import TO_Q

UNDERSCORED = TO_Q.replace(".", "_")
TEXT = "encoder.layers.1.self_attn.q_proj"
FIRST, SECOND = Part.text_encoder, Part.text_encoder_2


@pytest.fixture(scope="module")
def sdxl() -> Components:
    """Tiny, with both text encoders."""
    return family_components(ModelFamily.sdxl)


def found(parts: Components, written: str) -> Layer:
    layer = find_layer(layer_table(parts), written)
    assert layer is not None, written
    return layer


@pytest.mark.parametrize(
    "written",
    [
        f"lora_unet_{UNDERSCORED}",
        f"lycoris_{UNDERSCORED}",
        f"oft_unet_{UNDERSCORED}",
        "lora_unet_middle_block_1_transformer_blocks_0_attn1_to_q",
        "diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q",
        f"unet.{TO_Q}",
        TO_Q,
        TO_Q.replace("to_q", "processor.to_q"),
        f"base_model.model.{TO_Q}",
        f"unet.base_model.model.{TO_Q}",
    ],
)
def test_every_spelling_of_a_layer_of_the_unet_is_understood(sdxl: Components, written: str):
    layer = found(sdxl, written)
    assert (layer.part, layer.name) == (Part.unet, TO_Q)
    unet: Any = sdxl.unet
    assert layer.module is unet.get_submodule(TO_Q)


@pytest.mark.parametrize(
    ("written", "part"),
    [
        (f"lora_te_text_model_{TEXT.replace('.', '_')}", FIRST),
        (f"lora_te1_text_model_{TEXT.replace('.', '_')}", FIRST),
        (f"lora_te2_text_model_{TEXT.replace('.', '_')}", SECOND),
        (f"text_encoder.text_model.{TEXT}", FIRST),
        (f"text_encoder_2.text_model.{TEXT}", SECOND),
        (f"text_encoder.{TEXT}", FIRST),
        (f"base_model.model.text_model.{TEXT}", FIRST),
        ("lora_te2_text_projection", SECOND),
    ],
)
def test_every_spelling_of_a_layer_of_a_text_encoder_is_understood(
    sdxl: Components, written: str, part: Part
):
    layer = found(sdxl, written)
    assert layer.part is part
    encoder: Any = sdxl.text_encoder if part is FIRST else sdxl.text_encoder_2
    assert layer.module is encoder.get_submodule(layer.name)
    assert layer.name.replace("text_model.", "") in (TEXT, "text_projection")


def test_the_last_layer_of_an_attention_has_had_two_names(sdxl: Components):
    inside = TO_Q.removesuffix("to_q")
    last = found(sdxl, f"{inside}to_out.0")
    assert found(sdxl, f"{inside}processor.to_out") is last or last.name.endswith("to_out.0")
    assert found(sdxl, f"{inside}processor.to_out").name == last.name


@pytest.mark.parametrize("family", [ModelFamily.sd1, ModelFamily.sdxl])
def test_the_original_numbers_of_all_layers_are_those_of_the_published_files(family: ModelFamily):
    parts = family_components(family)
    table, unet = layer_table(parts), parts.unet
    pointers = {tensor.data_ptr(): name for name, tensor in unet.state_dict().items()}
    for published, tensor in unet_tensors(unet).items():
        written = published.removeprefix("model.diffusion_model.")
        if not written.endswith(".weight"):
            continue
        flat = written.removesuffix(".weight").replace(".", "_")
        layer = find_layer(table, f"lora_unet_{flat}")
        assert layer is not None, written
        assert pointers[tensor.data_ptr()] == f"{layer.name}.weight"


@pytest.mark.parametrize("written", ["lora_unet_nothing", "lora_te3_x", "", "unet.", "conv"])
def test_a_name_that_means_nothing_finds_nothing(sdxl: Components, written: str):
    assert find_layer(layer_table(sdxl), written) is None


def test_a_model_with_one_text_encoder_has_no_layers_of_a_second():
    table = layer_table(family_components(ModelFamily.sd1))
    assert SECOND not in table
    assert find_layer(table, f"lora_te2_text_model_{TEXT.replace('.', '_')}") is None
