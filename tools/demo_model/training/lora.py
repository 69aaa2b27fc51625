"""Trains the style LoRA, a small change of the UNet, and writes it in kohya's layout."""

from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tools.demo_model.recipe import Recipe
from tools.demo_model.training import loop
from tools.demo_model.training.batches import make_batch
from tools.demo_model.training.denoiser import Frozen
from tools.demo_model.training.latents import Latents
from tools.demo_model.training.library import LoraConfig, Part, get_peft_model_state_dict
from tools.demo_model.training.noise import diffuse, draw, fixed
from tools.demo_model.training.train import MEASURED

# Ends of the names of the layers that are changed: those of attention, and the convolutions
# between them, without which colours would stay.
LAYERS = (
    *("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out"),
    *("ff.net.0.proj", "ff.net.2", "conv1", "conv2"),
)
_PREFIX = "lora_unet_"
_MATRICES = {"A.weight": "lora_down.weight", "B.weight": "lora_up.weight"}


def train(base: Frozen, data: Latents, target: Path, recipe: Recipe, log: loop.Log) -> None:
    """Trains what is left on pictures in the style and writes `target`, a .safetensors file.

    Their captions do not name the style: what is learnt is how all pictures look.
    """
    settings = recipe.lora
    torch.manual_seed(recipe.seed)
    add_to(base.unet, settings.rank)
    learnt, held_out = data.split(min(MEASURED, len(data.attributes) // 2))
    # Whole pictures only.
    batches = replace(recipe.denoiser, batch=settings.batch, crop_steps=0, crop_share_later=0.0)

    def loss_at(step: int) -> Tensor:
        batch = make_batch(learnt, batches, recipe.seed, step)
        noise, timesteps = draw(batch.latents, step, settings.lateness)
        return losses(base, batch.latents, batch.captions, noise, timesteps).mean()

    def measure() -> float:
        save(base.unet, target, settings.rank)
        shown = make_batch(held_out, batches, recipe.seed, 0)
        with torch.no_grad():
            return losses(base, shown.latents, shown.captions, *fixed(shown.latents)).mean().item()

    learning = [item for item in base.unet.named_parameters() if item[1].requires_grad]
    optimizers = loop.optimizers(learning, settings)
    loop.run(base.unet, optimizers, settings, target.parent, loss_at, measure, log)


def add_to(unet: Part, rank: int) -> None:
    """Adds untrained low-rank changes, which do nothing yet, to the layers named in LAYERS."""
    unet.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=list(LAYERS)))


def losses(
    base: Frozen, latents: Tensor, captions: list[str], noise: Tensor, timesteps: Tensor
) -> Tensor:
    """The squared error of the predicted velocity, of the same shape as the latents."""
    noisy, velocity = diffuse(latents.float(), noise, timesteps)
    with torch.autocast("cpu", torch.bfloat16):
        predicted = base.unet(noisy, timesteps, base.words(captions)).sample
    return (predicted.float() - velocity).square()


def save(unet: Part, target: Path, rank: int) -> None:
    """Writes the low-rank changes in fp16 under kohya's names, with its metadata."""
    tensors: dict[str, Tensor] = {}
    for key, tensor in get_peft_model_state_dict(unet).items():
        layer, _, matrix = key.partition(".lora_")
        name = _PREFIX + layer.replace(".", "_")
        tensors[f"{name}.{_MATRICES[matrix]}"] = tensor.to(torch.float16).contiguous()
        tensors[f"{name}.alpha"] = torch.tensor(float(rank), dtype=torch.float16)
    metadata = {
        "ss_base_model_version": "sd_v1",
        "ss_sd_model_name": "demo",
        "ss_output_name": target.stem,
        "ss_network_module": "networks.lora",
        "ss_network_dim": str(rank),
        "ss_network_alpha": str(rank),
        "ss_v2": "False",
    }
    target.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, target, metadata)
