"""Device and precision, from what the machine says it has."""

import pytest
import torch

from pipelines.diffusion.device import Offload, choose_policy


@pytest.fixture
def processor_only(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine without graphics card and without bf16."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return monkeypatch


@pytest.fixture
def cuda(processor_only: pytest.MonkeyPatch) -> None:
    """A machine with an NVIDIA card."""
    processor_only.setattr(torch.cuda, "is_available", lambda: True)
    processor_only.setattr(torch.cuda, "get_device_name", lambda: "a card")


@pytest.mark.usefixtures("cuda")
def test_a_card_computes_in_fp16():
    policy = choose_policy()
    assert policy.device.type == "cuda"
    assert policy.dtype is policy.vae_dtype is policy.text_dtype is torch.float16
    assert str(policy) == "cuda, float16 (a card)"


@pytest.mark.usefixtures("cuda")
@pytest.mark.parametrize(
    ("medvram", "lowvram", "expected"),
    [
        (False, False, Offload.none),
        (True, False, Offload.whole_models),
        (False, True, Offload.layers),
        (True, True, Offload.layers),
    ],
)
def test_models_leave_the_card_as_the_flags_say(medvram: bool, lowvram: bool, expected: Offload):
    assert choose_policy(medvram=medvram, lowvram=lowvram).offload is expected


@pytest.mark.usefixtures("cuda")
def test_the_vae_alone_may_be_kept_in_fp32():
    policy = choose_policy(no_half_vae=True)
    assert (policy.dtype, policy.vae_dtype) == (torch.float16, torch.float32)


@pytest.mark.usefixtures("processor_only")
def test_an_ordinary_processor_computes_in_fp32_and_offloads_nothing():
    policy = choose_policy(medvram=True)
    assert policy.device.type == "cpu"
    assert policy.dtype is torch.float32
    assert policy.offload is Offload.none


@pytest.mark.parametrize("feature", ["_is_amx_tile_supported", "_is_avx512_bf16_supported"])
def test_a_processor_with_bf16_uses_it_but_reads_prompts_in_fp32(
    processor_only: pytest.MonkeyPatch, feature: str
):
    processor_only.setattr(torch.cpu, feature, lambda: True)
    policy = choose_policy()
    assert policy.dtype is policy.vae_dtype is torch.bfloat16
    assert policy.text_dtype is torch.float32
