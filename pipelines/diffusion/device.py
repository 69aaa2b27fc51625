"""Where models run, in which number format, and how they share memory; decided at the start."""

from dataclasses import dataclass
from enum import Enum

import torch


class Offload(Enum):
    """What leaves the graphics card while it is not needed; values are A1111's flags."""

    none = ""
    whole_models = "--medvram"
    layers = "--lowvram"


@dataclass(frozen=True, kw_only=True, slots=True)
class DevicePolicy:
    """The decision; `reason` says in a few words why, for the log.

    `dtype` is the denoising network's, `vae_dtype` and `text_dtype` the other two's.
    `channels_last`: keep convolution weights in NHWC order.
    """

    device: torch.device
    dtype: torch.dtype
    vae_dtype: torch.dtype
    text_dtype: torch.dtype
    offload: Offload = Offload.none
    channels_last: bool = False
    reason: str = ""

    def __str__(self) -> str:
        offload = f", {self.offload.value[2:]}" if self.offload is not Offload.none else ""
        return f"{self.device}, {str(self.dtype).removeprefix('torch.')}{offload} ({self.reason})"


def choose_policy(
    *, medvram: bool = False, lowvram: bool = False, no_half_vae: bool = False
) -> DevicePolicy:
    """The best device there is: CUDA, then Apple's MPS, both fp16, then the processor.

    The flags are A1111's; `lowvram` wins over `medvram`, and both mean nothing on a processor,
    whose memory the models never leave.
    """
    if torch.cuda.is_available():
        device, dtype, reason = torch.device("cuda"), torch.float16, torch.cuda.get_device_name()
    elif torch.backends.mps.is_available():
        device, dtype, reason = torch.device("mps"), torch.float16, "Apple graphics"
    else:
        device = torch.device("cpu")
        dtype, reason = _cpu_precision()
    on_cpu = device.type == "cpu"
    offload = Offload.none
    if not on_cpu and (medvram or lowvram):
        offload = Offload.layers if lowvram else Offload.whole_models
    return DevicePolicy(
        device=device,
        dtype=dtype,
        vae_dtype=torch.float32 if no_half_vae else dtype,
        # A processor encodes a prompt in a moment at any precision, so it takes the exact one.
        text_dtype=torch.float32 if on_cpu else dtype,
        offload=offload,
        channels_last=on_cpu,
        reason=reason,
    )


def _cpu_precision() -> tuple[torch.dtype, str]:
    """bf16 where the processor multiplies it in hardware, else fp32, and why.

    Measured on 2 Zen 5 cores (avx512_bf16) with the demo model's layers, channels last: UNet at
    512x512 190 ms in bf16 against 308 ms in fp32, VAE decode 382 against 1231. Without the
    instructions bf16 is emulated and several times slower; fp16 on a processor always is.
    """
    if torch.cpu._is_amx_tile_supported():
        return torch.bfloat16, "the processor has AMX"
    if torch.cpu._is_avx512_bf16_supported():
        return torch.bfloat16, "the processor has avx512_bf16"
    return torch.float32, "the processor has no bf16 instructions"
