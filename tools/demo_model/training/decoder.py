"""Teaches the autoencoder's decoder more; the encoder, and so every latent, stays as it is."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.demo_model import pictures
from tools.demo_model.recipe import Recipe
from tools.demo_model.training import loop, vae
from tools.demo_model.training.library import AutoencoderKL, Part

_MEASURED = 32  # held-out pictures


def train(
    start: Path,
    shown: list[Path],
    held_out: np.ndarray,
    folder: Path,
    recipe: Recipe,
    log: loop.Log,
) -> None:
    """Trains what is left of the decoder in `start` and writes the whole autoencoder to `folder`.

    `shown` are folders of pictures; from each, the shards that are trained on are read. `held_out`
    is count×256×256×3, 0 to 255.
    """
    settings = recipe.decoder
    torch.manual_seed(recipe.seed)
    network = AutoencoderKL.from_pretrained(start, torch_dtype=torch.float32)
    network = network.to(memory_format=torch.channels_last).requires_grad_(False)
    for part in (network.post_quant_conv, network.decoder):
        part.requires_grad_(True)
    shards = [shard for one in shown for shard in _shards(one, recipe)]

    def loss_at(step: int) -> Tensor:
        batch = vae.crops(shards, settings, np.random.default_rng((recipe.seed, step)))
        generator = torch.Generator().manual_seed(step)
        return _loss(network, batch, settings.latent_noise, generator)

    def measure() -> float:
        _save(network, folder)
        # Less is better, as with every other part's loss.
        return -vae.psnr(network, held_out[:_MEASURED])

    learning = [parameter for parameter in network.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        learning, settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4, fused=True
    )
    loop.run(network, [optimizer], settings, folder, loss_at, measure, log)


def _shards(folder: Path, recipe: Recipe) -> list[np.ndarray]:
    """The shards of a folder that are trained on, which its last one never is."""
    starts = pictures.shard_starts(recipe)
    there = [start for start in starts if pictures.attributes_path(folder, start).exists()]
    return [pictures.read_pictures(folder, start) for start in there[:-1]]


def _loss(network: Part, batch: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """The squared error, which PSNR measures, and the error of edges, which the eye sees."""
    with torch.autocast("cpu", torch.bfloat16):
        with torch.no_grad():
            latents = network.encode(batch).latent_dist.mean
            latents = latents + torch.randn(latents.shape, generator=generator) * noise
        restored = network.decode(latents).sample
    restored = restored.float()
    edges = vae.gradient_loss(restored, batch)
    return 10 * functional.mse_loss(restored, batch) + functional.l1_loss(restored, batch) + edges


def _save(network: Part, folder: Path) -> None:
    """Writes the autoencoder in fp16 and goes on in float32."""
    half = AutoencoderKL.from_config(network.config)
    half.load_state_dict(network.state_dict())
    half.to(torch.float16).save_pretrained(folder)
