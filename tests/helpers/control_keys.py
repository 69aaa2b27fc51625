"""Control models under their authors' names, made by walking through diffusers' networks."""

from typing import Any

import torch

Tensors = dict[str, torch.Tensor]

_RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}


def original_controlnet(network: Any, *, prefix: str = "") -> Tensors:
    """A ControlNet's tensors as its authors number them."""
    places = {
        "conv_in": "input_blocks.0.0",
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "add_embedding.linear_1": "label_emb.0.0",
        "add_embedding.linear_2": "label_emb.0.2",
        "controlnet_mid_block": "middle_block_out.0",
        "mid_block.attentions.0": "middle_block.1",
        "controlnet_cond_embedding.conv_in": "input_hint_block.0",
    }
    resnets = {"mid_block.resnets.0": "middle_block.0", "mid_block.resnets.1": "middle_block.2"}
    number = 0
    for level, block in enumerate(network.down_blocks):
        attentions = getattr(block, "attentions", [])
        for layer in range(len(block.resnets)):
            number += 1
            resnets[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{number}.0"
            if len(attentions) > 0:
                places[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{number}.1"
        if block.downsamplers is not None:
            number += 1
            places[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
    for residual in range(len(network.controlnet_down_blocks)):
        places[f"controlnet_down_blocks.{residual}"] = f"zero_convs.{residual}.0"
    hint = network.controlnet_cond_embedding
    for step in range(len(hint.blocks)):
        places[f"controlnet_cond_embedding.blocks.{step}"] = f"input_hint_block.{2 + 2 * step}"
    places["controlnet_cond_embedding.conv_out"] = f"input_hint_block.{2 + 2 * len(hint.blocks)}"
    for diffusers, original in resnets.items():
        places |= {f"{diffusers}.{name}": f"{original}.{part}" for name, part in _RESNET.items()}
    return {prefix + _renamed(key, places): tensor for key, tensor in network.state_dict().items()}


def _renamed(key: str, places: dict[str, str]) -> str:
    for diffusers, original in places.items():
        if key.startswith(f"{diffusers}."):
            return original + key.removeprefix(diffusers)
    return key


def original_adapter(network: Any) -> Tensors:
    """A T2I-Adapter's tensors as its authors number them: two blocks a level, or as it is."""
    light = network.config["adapter_type"] == "light_adapter"
    tensors: Tensors = {}
    for key, tensor in network.state_dict().items():
        parts = key.removeprefix("adapter.").split(".")
        if parts[0] == "body" and "resnets" in parts and light:
            parts[2] = "body"
        elif parts[0] == "body" and not light:
            number = 2 * int(parts[1])
            if parts[2] == "resnets":
                parts = ["body", str(number + int(parts[3])), *parts[4:]]
            else:
                parts[1] = str(number)
        tensors[".".join(parts)] = tensor
    return tensors


def control_lora(network: Any, unet: Any, *, rank: int = 2) -> tuple[Tensors, Any]:
    """A Control-LoRA of random small changes, and the ControlNet that it comes to.

    `network` lends its control branch; the rest becomes the UNet's, changed.
    """
    draw = torch.Generator().manual_seed(8)
    base = unet.state_dict()
    own = network.state_dict()
    changes: Tensors = {}
    for key, weight in own.items():
        if key not in base:
            continue
        own[key] = base[key][:, : weight.shape[1]].clone() if weight.ndim > 1 else base[key].clone()
        if key.endswith(".weight") and weight.ndim > 1 and "norm" not in key:
            up = torch.randn(len(weight), rank, generator=draw) * 0.1
            down = torch.randn(rank, *weight.shape[1:], generator=draw) * 0.1
            own[key] += (up @ down.flatten(1)).reshape(weight.shape)
            stem = key.removesuffix(".weight")
            changes |= {f"{stem}.up": up, f"{stem}.down": down}
    network.load_state_dict(own)
    whole = original_controlnet(network)
    renamed = dict(zip(network.state_dict(), whole, strict=True))
    lora = {
        original: tensor
        for original, tensor in whole.items()
        if original.startswith(("input_hint_block", "zero_convs", "middle_block_out"))
    }
    for key, tensor in changes.items():
        stem, part = key.rsplit(".", 1)
        lora[renamed[f"{stem}.weight"].removesuffix("weight") + part] = tensor
    return {**lora, "lora_controlnet": torch.zeros(1)}, network


def ip_adapter(unet: Any, *, width: int, texts: int) -> Tensors:
    """A plain IP-Adapter for `unet`, for image embeddings of this width; small random weights."""
    draw = torch.Generator().manual_seed(3)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw) * 0.3

    tensors = {
        "image_proj.proj.weight": random(4 * texts, width),
        "image_proj.proj.bias": random(4 * texts),
        "image_proj.norm.weight": torch.ones(texts),
        "image_proj.norm.bias": torch.zeros(texts),
    }
    return tensors | _layers(unet, random, texts)


def ip_adapter_plus(unet: Any, *, width: int, texts: int) -> Tensors:
    """One that looks at patches of this width."""
    draw = torch.Generator().manual_seed(4)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=draw) * 0.3

    inside = 64  # of one attention head, which diffusers takes for granted
    tensors = {
        "latents": random(1, 4, inside),
        "proj_in.weight": random(inside, width),
        "proj_in.bias": random(inside),
        "proj_out.weight": random(texts, inside),
        "proj_out.bias": random(texts),
        "norm_out.weight": torch.ones(texts),
        "norm_out.bias": torch.zeros(texts),
    }
    for layer in range(4):
        for norm in ("0.norm1", "0.norm2", "1.0"):
            tensors[f"layers.{layer}.{norm}.weight"] = torch.ones(inside)
            tensors[f"layers.{layer}.{norm}.bias"] = torch.zeros(inside)
        tensors[f"layers.{layer}.0.to_q.weight"] = random(inside, inside)
        tensors[f"layers.{layer}.0.to_kv.weight"] = random(2 * inside, inside)
        tensors[f"layers.{layer}.0.to_out.weight"] = random(inside, inside)
        tensors[f"layers.{layer}.1.1.weight"] = random(4 * inside, inside)
        tensors[f"layers.{layer}.1.3.weight"] = random(inside, 4 * inside)
    named = {f"image_proj.{name}": tensor for name, tensor in tensors.items()}
    return named | _layers(unet, random, texts)


def _layers(unet: Any, random: Any, texts: int) -> Tensors:
    """Keys and values of every attention to texts, by odd numbers: down, up, middle."""
    layers: Tensors = {}
    number = 1
    for block in (*unet.down_blocks, *unet.up_blocks, unet.mid_block):
        for transformer in getattr(block, "attentions", []):
            for inner in transformer.transformer_blocks:
                width = inner.attn2.to_k.weight.shape[0]
                layers[f"ip_adapter.{number}.to_k_ip.weight"] = random(width, texts)
                layers[f"ip_adapter.{number}.to_v_ip.weight"] = random(width, texts)
                number += 2
    return layers
