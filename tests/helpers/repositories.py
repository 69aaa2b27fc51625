"""A few repositories for the hub of `tests.helpers.hub`: a LoRA, a VAE, a diffusers pipeline."""

import json
from collections.abc import Mapping

from tests.helpers.hub import Hub

LORA, LORA_FILE = "somebody/Style", "style.safetensors"
VAE, VAE_FILE = "somebody/Colours", "diffusion_pytorch_model.safetensors"
CHECKPOINT, CHECKPOINT_FILE = "somebody/Painter", "painter.safetensors"
PIPELINE = "somebody/Whole-Model"


def safetensors(shapes: Mapping[str, tuple[int, ...]], weights: int = 0) -> bytes:
    """A whole file of so many bytes of weights, all of which the first tensor says are its own."""
    header = {
        name: {"dtype": "U8", "shape": list(shape), "data_offsets": [0, 0]}
        for name, shape in shapes.items()
    }
    next(iter(header.values()))["data_offsets"] = [0, weights]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + b"w" * weights


LORA_CONTENT = safetensors(
    {"lora_unet_down_blocks_0_attentions_0_attn2_to_k.lora_down.weight": (4, 768)}, 300_000
)
VAE_CONTENT = safetensors({"encoder.conv_in.weight": (128, 3, 3, 3)})
CHECKPOINT_CONTENT = safetensors(
    {
        "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
        "cond_stage_model.transformer.text_model.embeddings.position_ids": (1, 77),
    }
)

PIPELINE_FILES = {
    "model_index.json": b'{"_class_name": "StableDiffusionPipeline"}',
    "unet/config.json": b"{}",
    "unet/diffusion_pytorch_model.safetensors": b"unet, full",
    "unet/diffusion_pytorch_model.fp16.safetensors": b"unet, half",
    "unet/diffusion_pytorch_model.bin": b"a pickle",
    "vae/config.json": b"{}",
    "vae/diffusion_pytorch_model.safetensors": b"vae, full",
    "text_encoder/config.json": b"{}",
    "text_encoder/model.safetensors": b"text, full",
    "text_encoder/model.fp16.safetensors": b"text, half",
    "tokenizer/vocab.json": b"{}",
    "tokenizer/merges.txt": b"merges",
    "scheduler/scheduler_config.json": b"{}",
    "safety_checker/model.safetensors": b"large and of no use",
    "README.md": b"read me",
    "v1-pruned.ckpt": b"a pickle of everything",
}


def fill(hub: Hub) -> None:
    """Put all of them there."""
    hub.files |= {
        f"{LORA}/{LORA_FILE}": LORA_CONTENT,
        f"{VAE}/{VAE_FILE}": VAE_CONTENT,
        f"{CHECKPOINT}/{CHECKPOINT_FILE}": CHECKPOINT_CONTENT,
    }
    hub.tags[LORA] = ["lora", "license:mit"]
    for path, content in PIPELINE_FILES.items():
        hub.files[f"{PIPELINE}/{path}"] = content
        if not path.endswith((".safetensors", ".bin", ".ckpt")):
            hub.small.add(f"{PIPELINE}/{path}")
