"""LoRAs laid on a tiny model's weights: exactly, once, and off again without a trace."""

import gc
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import cpu_offload
from torch import nn

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.networks.applied import NOTHING_APPLIED, AppliedNetworks, Networks
from pipelines.diffusion.parts import Components
from pipelines.errors import ModelBroken, ModelNotFound, UserError
from pipelines.networks.planned import PlannedLora
from tests.helpers.ldm import family_components
from tests.helpers.loras import (
    TO_Q,
    changed,
    factors,
    kohya,
    named,
    planned,
    random,
    state,
    write,
)
from tests.helpers.tiny import EXACT, tiny_components

UNET_NAME = f"lora_unet_{TO_Q.replace('.', '_')}"
TEXT = "encoder.layers.0.self_attn.v_proj"
TEXT_NAME = f"lora_te_text_model_{TEXT.replace('.', '_')}"
NORM = "mid_block.resnets.0.norm1"


@pytest.fixture
def parts() -> Components:
    """A model of the test's own."""
    return tiny_components()


@pytest.fixture
def networks() -> Networks:
    return Networks(EXACT)


def weight_of(parts: Components, name: str = TO_Q) -> torch.Tensor:
    network: Any = parts.text_encoder if name == TEXT else parts.unet
    return network.get_submodule(name).weight.data


def both(parts: Components, *, alpha: float = 1.0, seed: int = 0) -> Mapping[str, torch.Tensor]:
    """A LoRA for a layer of the UNet and one of the text encoder."""
    layers = {UNET_NAME: weight_of(parts), TEXT_NAME: weight_of(parts, TEXT)}
    return kohya(layers, alpha=alpha, seed=seed)


def product(tensors: Mapping[str, torch.Tensor], name: str = UNET_NAME) -> torch.Tensor:
    """alpha / 2 times up times down."""
    up, down = tensors[f"{name}.lora_up.weight"], tensors[f"{name}.lora_down.weight"]
    return tensors[f"{name}.alpha"] / 2 * (up @ down)


def apply(
    networks: Networks, parts: Components, *wanted: PlannedLora, stages: list[str] | None = None
) -> AppliedNetworks:
    told = [] if stages is None else stages
    return networks.apply(parts, wanted, title="tiny", stage=told.append)


def assert_close(given: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(given, expected, atol=1e-6, rtol=1e-6)


def test_both_networks_change_each_by_its_strength(
    networks: Networks, parts: Components, tmp_path: Path
):
    before = state(parts.unet, parts.text_encoder)
    unet, text = weight_of(parts).clone(), weight_of(parts, TEXT).clone()
    tensors = both(parts, alpha=3.0)
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", tensors), 0.5, -2.0))
    assert_close(weight_of(parts), unet - 2.0 * product(tensors))
    assert_close(weight_of(parts, TEXT), text + 0.5 * product(tensors, TEXT_NAME))
    assert named(changed(before, parts.unet, parts.text_encoder)) == {TO_Q, TEXT}


def test_without_networks_every_bit_is_as_before(
    networks: Networks, parts: Components, tmp_path: Path
):
    before = state(parts.unet, parts.text_encoder)
    one = planned(write(tmp_path / "a.safetensors", both(parts)))
    two = planned(write(tmp_path / "b.safetensors", both(parts, seed=7)), 0.3)
    for wanted in ([one], [two, one], [one, two], [two], []):
        apply(networks, parts, *wanted)
    assert changed(before, parts.unet, parts.text_encoder) == set()
    assert networks.originals(parts) == {}


def test_several_are_laid_on_one_after_the_other(
    networks: Networks, parts: Components, tmp_path: Path
):
    """A formula that looks at the weight sees what those before it have made of it."""
    original = weight_of(parts).clone()
    tensors = both(parts)
    scaled = {
        f"{UNET_NAME}.weight": torch.full((len(original),), 0.5),
        f"{UNET_NAME}.on_input": torch.tensor(0),
    }
    lora = planned(write(tmp_path / "a.safetensors", tensors))
    ia3 = planned(write(tmp_path / "b.safetensors", scaled))
    apply(networks, parts, lora, ia3)
    assert_close(weight_of(parts), 1.5 * (original + product(tensors)))
    apply(networks, parts, ia3, lora)
    assert_close(weight_of(parts), 1.5 * original + product(tensors))


def test_the_same_set_is_not_touched_again(networks: Networks, parts: Components, tmp_path: Path):
    stages: list[str] = []
    path = write(tmp_path / "a.safetensors", both(parts))
    apply(networks, parts, planned(path), stages=stages)
    version = weight_of(parts)._version
    apply(networks, parts, planned(path), stages=stages)
    assert stages == ["Applying LoRA a"]
    assert weight_of(parts)._version == version
    apply(networks, parts, planned(path, 0.5), planned(path, rank=1), stages=stages)
    apply(networks, parts, stages=stages)
    apply(networks, parts, stages=stages)
    assert stages[1:] == ["Applying 2 LoRAs", "Taking LoRAs off the model"]


def test_a_file_that_was_written_anew_is_read_anew(
    networks: Networks, parts: Components, tmp_path: Path
):
    original = weight_of(parts).clone()
    path = write(tmp_path / "a.safetensors", both(parts))
    apply(networks, parts, planned(path))
    tensors = both(parts, seed=5)
    write(path, {**tensors, "other.alpha": torch.tensor(1.0)})
    apply(networks, parts, planned(path))
    assert_close(weight_of(parts), original + product(tensors))


def test_texts_are_read_again_only_where_a_text_encoder_changes(
    networks: Networks, parts: Components, tmp_path: Path
):
    everything = write(tmp_path / "a.safetensors", both(parts))
    unet = write(tmp_path / "b.safetensors", kohya({UNET_NAME: weight_of(parts)}))
    assert apply(networks, parts, planned(unet)).texts == NOTHING_APPLIED.texts
    assert apply(networks, parts, planned(everything, 0.0, 1.0)).texts == NOTHING_APPLIED.texts
    full = apply(networks, parts, planned(everything)).texts
    assert apply(networks, parts, planned(everything, 1.0, 0.5)).texts == full
    others = {apply(networks, parts, planned(everything, 0.5)).texts, NOTHING_APPLIED.texts}
    assert full not in others
    assert networks.on(parts).texts in others


def test_a_strength_of_zero_changes_nothing(networks: Networks, parts: Components, tmp_path: Path):
    before = state(parts.unet, parts.text_encoder)
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", both(parts)), 0.0))
    assert changed(before, parts.unet, parts.text_encoder) == set()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_rounded_once(
    networks: Networks, parts: Components, tmp_path: Path, dtype: torch.dtype
):
    for network in (parts.unet, parts.text_encoder):
        network.to(dtype)
    before = state(parts.unet)
    original = weight_of(parts).float()
    one, two = both(parts), both(parts, seed=9)
    files = [write(tmp_path / f"{number}.safetensors", t) for number, t in enumerate((one, two))]
    apply(networks, parts, *(planned(file, 0.37) for file in files))
    exact = original + 0.37 * product(one) + 0.37 * product(two)
    assert torch.equal(weight_of(parts), exact.to(dtype))
    apply(networks, parts)
    assert changed(before, parts.unet) == set()


def test_files_in_half_precision_are_taken_as_they_are(
    networks: Networks, parts: Components, tmp_path: Path
):
    original = weight_of(parts).clone()
    tensors = {name: tensor.half() for name, tensor in both(parts).items()}
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", tensors)))
    exact = {name: tensor.float() for name, tensor in tensors.items()}
    assert_close(weight_of(parts), original + product(exact))


def test_fifty_changes_keep_no_more_than_one(networks: Networks, parts: Components, tmp_path: Path):
    before = state(parts.unet, parts.text_encoder)
    files = [write(tmp_path / f"{n}.safetensors", both(parts, seed=n)) for n in range(2)]
    for number in range(50):
        apply(networks, parts, planned(files[number % 2], number / 50))
        assert len(networks.originals(parts)) <= 1
    apply(networks, parts)
    assert changed(before, parts.unet, parts.text_encoder) == set()


def test_a_model_that_goes_takes_all_with_it(networks: Networks, tmp_path: Path):
    parts = tiny_components()
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", both(parts))))
    assert len(networks._states) == 1
    del parts
    gc.collect()
    assert len(networks._states) == 0


def test_biases_and_norms(networks: Networks, parts: Components, tmp_path: Path):
    unet: Any = parts.unet
    norm, conv = unet.get_submodule(NORM), unet.conv_out
    before = state(parts.unet)
    exact = [tensor.detach().clone() for tensor in (norm.weight, norm.bias, conv.bias)]
    gains = [random(*tensor.shape, seed=place) for place, tensor in enumerate(exact)]
    tensors = {
        f"lora_unet_{NORM.replace('.', '_')}.w_norm": gains[0],
        f"lora_unet_{NORM.replace('.', '_')}.b_norm": gains[1],
        "lora_unet_conv_out.diff": torch.zeros_like(conv.weight),
        "lora_unet_conv_out.diff_b": gains[2],
    }
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", tensors), 0.5))
    for now, was, gained in zip((norm.weight, norm.bias, conv.bias), exact, gains, strict=True):
        assert_close(now.detach(), was + 0.5 * gained)
    apply(networks, parts)
    assert changed(before, parts.unet) == set()


def test_a_network_for_inpainting_takes_those_for_pictures(networks: Networks, tmp_path: Path):
    """Its further channels stay, and a LoRA that has them changes them, too."""
    parts = tiny_components(in_channels=9)
    unet: Any = parts.unet
    weight = unet.conv_in.weight.data
    original = weight.clone()
    four = write(
        tmp_path / "four.safetensors", kohya({"lora_unet_conv_in": weight[:, :4]}, alpha=2)
    )
    nine = write(tmp_path / "nine.safetensors", kohya({"lora_unet_conv_in": weight}, alpha=2))
    apply(networks, parts, planned(four))
    up, down = factors(weight[:, :4])
    assert_close(
        weight[:, :4], original[:, :4] + (up.flatten(1) @ down.flatten(1)).reshape(-1, 4, 3, 3)
    )
    assert torch.equal(weight[:, 4:], original[:, 4:])
    apply(networks, parts, planned(nine))
    assert not torch.equal(weight[:, 4:], original[:, 4:])


def test_sdxl_has_two_text_encoders(networks: Networks, tmp_path: Path):
    parts = family_components(ModelFamily.sdxl)
    encoders: tuple[Any, Any] = (parts.text_encoder, parts.text_encoder_2)
    before = state(*encoders)
    layers = {
        f"lora_te{number}_text_model_encoder_layers_0_mlp_fc1": module.weight
        for number, encoder in enumerate(encoders, start=1)
        for name, module in encoder.named_modules()
        if name.endswith("encoder.layers.0.mlp.fc1")
    }
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", kohya(layers))))
    assert {found.split(".")[0] for found in changed(before, *encoders)} == {"0", "1"}
    apply(networks, parts)
    assert changed(before, *encoders) == set()


def peft(parts: Components, **scale: float) -> Mapping[str, torch.Tensor]:
    up, down = factors(weight_of(parts))
    return {
        f"unet.{TO_Q}.lora_A.weight": down,
        f"unet.{TO_Q}.lora_B.weight": up,
        **{f"unet.{TO_Q}.{name}": torch.tensor(value) for name, value in scale.items()},
    }


@pytest.mark.parametrize(
    ("metadata", "scale"),
    [
        ({}, 1.0),
        ({"unet.lora_alpha": 6, "unet.r": 2}, 3.0),
        ({"unet.lora_alpha": 6, "unet.r": 4, "unet.use_rslora": True}, 6.0),
        ({"text_encoder.lora_alpha": 6}, 1.0),
    ],
)
def test_peft_keeps_alpha_in_the_header(
    networks: Networks,
    parts: Components,
    tmp_path: Path,
    metadata: Mapping[str, Any],
    scale: float,
):
    original = weight_of(parts).clone()
    up, down = factors(original)
    header = {"lora_adapter_metadata": json.dumps(metadata)}
    apply(networks, parts, planned(write(tmp_path / "a.safetensors", peft(parts), header)))
    assert_close(weight_of(parts), original + scale * (up @ down))


def test_or_in_a_file_beside(networks: Networks, parts: Components, tmp_path: Path):
    original = weight_of(parts).clone()
    up, down = factors(original)
    (tmp_path / "adapter_config.json").write_text('{"lora_alpha": 4, "r": 2}')
    tensors = {
        f"base_model.model.{name.removeprefix('unet.')}": t for name, t in peft(parts).items()
    }
    apply(networks, parts, planned(write(tmp_path / "adapter_model.safetensors", tensors)))
    assert_close(weight_of(parts), original + 2.0 * (up @ down))


def test_layers_that_are_offloaded_one_by_one(
    networks: Networks, parts: Components, tmp_path: Path
):
    """--lowvram leaves empty shells in the model; what is kept aside is changed."""
    unet = parts.unet
    assert isinstance(unet, nn.Module)
    inputs = (random(1, 4, 8, 8), torch.tensor([5]), random(1, 3, 16))
    reference = tiny_components()
    path = write(tmp_path / "a.safetensors", kohya({UNET_NAME: weight_of(parts)}))
    cpu_offload(unet, execution_device=torch.device("cpu"))

    def asked(network: Any) -> torch.Tensor:
        with torch.no_grad():
            return network(*inputs).sample

    plain = asked(unet)
    apply(networks, parts, planned(path))
    apply(networks, reference, planned(path))
    torch.testing.assert_close(asked(unet), asked(reference.unet))
    assert not torch.equal(asked(unet), plain)
    apply(networks, parts)
    assert torch.equal(asked(unet), plain)


def test_parts_that_mean_nothing_are_left_out_and_told(
    networks: Networks, parts: Components, tmp_path: Path
):
    tensors = {
        **both(parts),
        **kohya({"lora_unet_elsewhere": torch.zeros(3, 3)}),
        "bundle_emb.word.string_to_param.*": torch.zeros(1, 16),
    }
    notes = apply(networks, parts, planned(write(tmp_path / "ink.safetensors", tensors))).notes
    assert notes == (
        "LoRA 'ink': 1 of its parts mean nothing to checkpoint 'tiny' and were left out, such as "
        "lora_unet_elsewhere.",
        "LoRA 'ink' brings embeddings, which are not applied.",
    )


def refused(
    networks: Networks, parts: Components, wanted: Sequence[PlannedLora], kind: type[UserError]
) -> str:
    """The sentence; nothing is left on the model."""
    before = state(parts.unet, parts.text_encoder)
    with pytest.raises(kind) as raised:
        apply(networks, parts, *wanted)
    assert changed(before, parts.unet, parts.text_encoder) == set()
    assert networks.on(parts) == NOTHING_APPLIED
    return str(raised.value)


def test_a_lora_of_another_width_is_refused_by_name(
    networks: Networks, parts: Components, tmp_path: Path
):
    sound = write(tmp_path / "sound.safetensors", both(parts))
    wide = kohya({TEXT_NAME: weight_of(parts, TEXT), UNET_NAME: torch.zeros(20, 20)})
    path = write(tmp_path / "wide.safetensors", wide)
    said = refused(networks, parts, [planned(sound), planned(path, base="SD 2")], ModelBroken)
    assert said == (
        "LoRA 'wide' does not fit checkpoint 'tiny' (it is for SD 2): its layer "
        f"{UNET_NAME} is of another size; choose two of one family."
    )


@pytest.mark.parametrize(
    "name", ["lora_te2_text_model_encoder_layers_0_mlp_fc1", "lora_unet_input_blocks_99_1_proj_in"]
)
def test_a_lora_of_another_family_is_refused_by_name(
    networks: Networks, parts: Components, tmp_path: Path, name: str
):
    tensors = kohya(
        {name: torch.zeros(4, 4), **({UNET_NAME: weight_of(parts)} if "te2" in name else {})}
    )
    path = write(tmp_path / "large.safetensors", tensors)
    said = refused(networks, parts, [planned(path, base="SDXL")], ModelBroken)
    assert said == (
        "LoRA 'large' cannot be used: it is for SDXL, whose layers checkpoint 'tiny' does not "
        "have; choose two of one family."
    )


def test_a_file_that_is_cut_short_is_refused_by_name(
    networks: Networks, parts: Components, tmp_path: Path
):
    path = write(tmp_path / "cut.safetensors", both(parts))
    path.write_bytes(path.read_bytes()[:-10])
    said = refused(networks, parts, [planned(path)], ModelBroken)
    assert said.startswith("LoRA 'cut' cannot be used: cut.safetensors holds ")


def test_a_file_of_another_kind_is_refused_by_name(
    networks: Networks, parts: Components, tmp_path: Path
):
    path = write(tmp_path / "vae.safetensors", {"decoder": torch.zeros(2)})
    said = refused(networks, parts, [planned(path)], ModelBroken)
    assert said == (
        "LoRA 'vae' cannot be used: vae.safetensors holds no LoRA, nor anything of its kind."
    )


def test_a_file_that_is_gone_is_refused_by_name(
    networks: Networks, parts: Components, tmp_path: Path
):
    said = refused(networks, parts, [planned(tmp_path / "gone.safetensors")], ModelNotFound)
    assert said.startswith("LoRA 'gone' is no longer at ")


def test_so_is_a_checkpoint_that_lies_among_them(
    networks: Networks, parts: Components, tmp_path: Path
):
    path = write(tmp_path / "whole.safetensors", {f"unet.{TO_Q}.weight": weight_of(parts)})
    assert "holds no LoRA" in refused(networks, parts, [planned(path)], ModelBroken)


@pytest.mark.parametrize("number", [float("nan"), 1e39])
def test_numbers_that_are_none_are_refused_by_name(
    networks: Networks, parts: Components, tmp_path: Path, number: float
):
    tensors = {**both(parts), f"{TEXT_NAME}.alpha": torch.tensor(number, dtype=torch.float64)}
    path = write(tmp_path / "mad.safetensors", tensors)
    said = refused(networks, parts, [planned(path)], ModelBroken)
    assert said.startswith("LoRA 'mad' makes weights of checkpoint 'tiny' that are no numbers")


def test_a_pickle_holds_a_lora_like_any_other_file(
    networks: Networks, parts: Components, tmp_path: Path
):
    original = weight_of(parts).clone()
    tensors = both(parts)
    torch.save(dict(tensors), tmp_path / "a.pt")
    apply(networks, parts, planned(tmp_path / "a.pt"))
    assert_close(weight_of(parts), original + product(tensors))
    class_in_it = replace(planned(tmp_path / "b.pt"), mentioned="b")
    torch.save({"x": nn.Linear(1, 1)}, tmp_path / "b.pt")
    with pytest.raises(ModelBroken, match="could be harmful code"):
        apply(networks, parts, class_in_it)
