"""Control models that hold only what differs from the UNet: Control-LoRA and `difference` files.

Both become whole ControlNets when they are loaded. What they do not hold is the UNet's: a
ControlNet is a copy of a UNet's encoder, under the same names in diffusers, with a control branch
of its own.
"""

from collections.abc import Mapping

import torch

from pipelines.diffusion.parts import Unet
from pipelines.errors import ModelBroken

_LATENT_CHANNELS = 4
_ENCODER = ("conv_in.", "time_embedding.", "add_embedding.", "down_blocks.", "mid_block.")
_UP, _DOWN = ".up", ".down"
_MARKS = frozenset({"difference", "lora_controlnet"})


def from_differences(
    tensors: Mapping[str, torch.Tensor], base: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """Each tensor plus that of the same name in `base`, the `encoder_weights`, if there is one."""
    return {
        name: tensor.float() + base[name].float() if name in base else tensor
        for name, tensor in tensors.items()
        if name not in _MARKS
    }


def from_lora(
    tensors: Mapping[str, torch.Tensor], base: Mapping[str, torch.Tensor]
) -> dict[str, torch.Tensor]:
    """The `encoder_weights`, each plus its product of `up` and `down`; the rest as it is given.

    Given whole are the control branch, and biases and norms that were trained.
    """
    whole = dict(base)
    for name, tensor in tensors.items():
        if name.endswith(_UP):
            weight = f"{name.removesuffix(_UP)}.weight"
            down = tensors[name.removesuffix(_UP) + _DOWN]
            change = tensor.float().flatten(1) @ down.float().flatten(1)
            whole[weight] = whole[weight].float() + change.reshape(whole[weight].shape)
        elif not name.endswith(_DOWN) and name not in _MARKS:
            whole[name] = tensor
    return whole


def encoder_weights(unet: Unet, originals: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Of everything a ControlNet has, too; the network's first layer without extra channels.

    Of weights that LoRAs have changed, the `originals`: a control model is kept for other jobs.
    """
    weights = {
        name: originals.get(name, tensor).detach().cpu()
        for name, tensor in unet.state_dict().items()
        if name.startswith(_ENCODER)
    }
    if any(tensor.is_meta for tensor in weights.values()):
        raise ModelBroken(
            "this control model is built on the checkpoint's weights, which --lowvram keeps out of "
            "reach; start without it."
        )
    # A network for inpainting takes more than latents; its ControlNets do not.
    weights["conv_in.weight"] = weights["conv_in.weight"][:, :_LATENT_CHANNELS]
    return weights
