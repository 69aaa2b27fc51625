"""What a file is, told from made-up lists of keys of every kind there is."""

import pytest

from pipelines.catalog.families import ModelFamily
from pipelines.diffusion.control.kinds import ControlKind, Depth, Facts, KeyLayout, tell_kind
from pipelines.errors import ModelBroken

HINT = "input_hint_block.0.weight"
TO_K = "input_blocks.5.1.transformer_blocks.0.attn2.to_k.weight"
DEEPEST = "input_blocks.8.1.transformer_blocks.{}.norm3.weight"
EMBEDDING = "controlnet_cond_embedding.conv_in.weight"
ORIGINAL = KeyLayout.original

Shapes = dict[str, tuple[int, ...]]

SD1: Shapes = {HINT: (16, 3, 3, 3), TO_K: (640, 768)}
SDXL: Shapes = {HINT: (16, 3, 3, 3), "label_emb.0.0.bias": (1280,)}
IP: Shapes = {"image_proj.proj.weight": (3072, 1024), "ip_adapter.1.to_k_ip.weight": (320, 768)}


def prefixed(shapes: Shapes, prefix: str) -> Shapes:
    return {prefix + key: shape for key, shape in shapes.items()}


def net(family: ModelFamily, layout: KeyLayout = ORIGINAL, **more: object) -> Facts:
    return Facts(**{"kind": ControlKind.controlnet, "layout": layout, "family": family, **more})


KNOWN: dict[str, tuple[Shapes, Facts]] = {
    "sd15 bare": (SD1, net(ModelFamily.sd1)),
    "sd15 prefixed": (
        prefixed(SD1, "control_model."),
        net(ModelFamily.sd1, prefix="control_model."),
    ),
    "sd21": ({**SD1, TO_K: (640, 1024)}, net(ModelFamily.sd2)),
    "sd15 shuffle": (SD1, net(ModelFamily.sd1, pooled=True)),
    "sd15 difference": ({**SD1, "difference": ()}, net(ModelFamily.sd1, difference=True)),
    "sdxl full": ({**SDXL, DEEPEST.format(9): (1280,)}, net(ModelFamily.sdxl)),
    "sdxl mid": ({**SDXL, DEEPEST.format(0): (1280,)}, net(ModelFamily.sdxl, depth=Depth.mid)),
    "sdxl small": (SDXL, net(ModelFamily.sdxl, depth=Depth.small)),
    "diffusers sd15": (
        {EMBEDDING: (16, 3, 3, 3), "down_blocks.0.attentions.0.attn2.to_k.weight": (320, 768)},
        net(ModelFamily.sd1, KeyLayout.diffusers),
    ),
    "diffusers sdxl small": (
        {EMBEDDING: (16, 3, 3, 3), "add_embedding.linear_1.weight": (1280, 2816)},
        net(ModelFamily.sdxl, KeyLayout.diffusers, depth=Depth.small),
    ),
    "union": (
        {
            EMBEDDING: (48, 3, 3, 3),
            "add_embedding.linear_1.weight": (1280, 2816),
            "control_add_embedding.linear_1.bias": (1280,),
            "down_blocks.2.attentions.1.transformer_blocks.9.norm3.weight": (1280,),
        },
        net(ModelFamily.sdxl, KeyLayout.diffusers, kind=ControlKind.union),
    ),
    "control lora": (
        {"lora_controlnet": (), "input_blocks.1.0.in_layers.2.up": (320, 128), HINT: (16, 3, 3, 3)},
        net(ModelFamily.sdxl, kind=ControlKind.control_lora),
    ),
    "control lora of sd15": (
        {"lora_controlnet": (), "input_blocks.11.0.in_layers.0.weight": (1280,)},
        net(ModelFamily.unknown, kind=ControlKind.control_lora),
    ),
    "t2i": (
        {"conv_in.weight": (320, 192, 3, 3), "body.0.block1.weight": (320, 320, 3, 3)},
        net(ModelFamily.sd1, kind=ControlKind.adapter),
    ),
    "t2i prefixed xl": (
        {
            "adapter.conv_in.weight": (320, 768, 3, 3),
            "adapter.body.0.block1.weight": (320, 320, 3, 3),
        },
        net(ModelFamily.sdxl, kind=ControlKind.adapter, prefix="adapter."),
    ),
    "t2i light": (
        {"body.0.in_conv.weight": (80, 192, 1, 1)},
        net(ModelFamily.sd1, kind=ControlKind.adapter, light=True),
    ),
    "diffusers t2i": (
        {
            "adapter.conv_in.weight": (320, 64, 3, 3),
            "adapter.body.0.resnets.0.block1.weight": (320, 320, 3, 3),
        },
        net(ModelFamily.sd1, KeyLayout.diffusers, kind=ControlKind.adapter),
    ),
    "ip adapter": (IP, net(ModelFamily.sd1, kind=ControlKind.ip_adapter)),
    "ip adapter xl": (
        {**IP, "ip_adapter.1.to_k_ip.weight": (640, 2048)},
        net(ModelFamily.sdxl, kind=ControlKind.ip_adapter),
    ),
}

REFUSED: dict[str, tuple[Shapes, str]] = {
    "x": ({"lllite_unet_input_blocks_4_1.conditioning1.0.weight": ()}, "ControlLLLite"),
    "sparse": (
        {"down_blocks.0.motion_modules.0.temporal_transformer.norm.weight": (), EMBEDDING: ()},
        "SparseCtrl",
    ),
    "ip-adapter_instant_id_sdxl": (IP, "InstantID"),
    "control_instant_id_sdxl": (SDXL, "InstantID"),
    "ip-adapter_pulid_sdxl_fp16": (IP, "PuLID"),
    "ip-adapter-faceid_sd15": (IP, "FaceID"),
    "renamed": ({**IP, "ip_adapter.0.to_q_lora.down.weight": ()}, "FaceID"),
    "t2iadapter_style": ({"style_embedding": ()}, "T2I style"),
    "v1-5": ({"model.diffusion_model.input_blocks.0.0.weight": ()}, "whole checkpoint"),
    "detail": ({"lora_unet_down_blocks_0.lora_up.weight": ()}, "LoRA"),
    "flux": ({"double_blocks.0.img_attn.qkv.weight": ()}, "Flux"),
    "half": ({"ip_adapter.1.to_k_ip.weight": (320, 768)}, "lacks"),
    "unet": ({"conv_in.weight": (320, 4, 3, 3)}, "no control model"),
    "nothing": ({}, "no control model"),
}


@pytest.mark.parametrize("name", KNOWN)
def test_every_kind_is_told_from_its_keys(name: str):
    shapes, facts = KNOWN[name]
    assert tell_kind(shapes, f"{name}.safetensors") == facts


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_by_name(name: str):
    shapes, reason = REFUSED[name]
    with pytest.raises(ModelBroken, match=reason) as refusal:
        tell_kind(shapes, f"{name}.safetensors")
    assert str(refusal.value).startswith(f"{name}.safetensors ")
