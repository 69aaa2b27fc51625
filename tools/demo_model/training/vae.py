"""The autoencoder: its shape and its training, led at first by principal components."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.demo_model import pictures
from tools.demo_model.recipe import DecoderRecipe, Recipe, VaeRecipe
from tools.demo_model.training.checkpoint import Ema, load_checkpoint, save_checkpoint
from tools.demo_model.training.library import AutoencoderKL, Part

FACTOR = 8  # pixels to a latent
CHANNELS = 4
_LOG_VARIANCE = -6.0  # at 0 the latents would drown in noise of their own size


def build(recipe: VaeRecipe) -> Part:
    """An untrained autoencoder without attention, its latents nearly free of noise."""
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * len(recipe.channels),
        up_block_types=("UpDecoderBlock2D",) * len(recipe.channels),
        block_out_channels=recipe.channels,
        layers_per_block=1,
        norm_num_groups=recipe.groups,
        latent_channels=CHANNELS,
        mid_block_add_attention=False,
        sample_size=256,
    )
    with torch.no_grad():
        vae.quant_conv.weight[CHANNELS:] = 0
        vae.quant_conv.bias[CHANNELS:] = _LOG_VARIANCE
    return vae


def train(pictures_folder: Path, folder: Path, recipe: Recipe, log: Callable[[str], None]) -> None:
    """Trains the autoencoder, resuming where it stopped, and saves it in fp16 in `folder`."""
    settings = recipe.vae
    torch.manual_seed(recipe.seed)
    vae = build(settings).to(memory_format=torch.channels_last)
    parameters = list(vae.parameters())
    optimizer = torch.optim.AdamW(
        parameters, settings.learning_rate, betas=(0.9, 0.99), weight_decay=1e-4
    )
    ema = Ema(parameters, settings.ema)
    state = {"model": vae, "optimizer": optimizer, "ema": ema}
    checkpoint = folder / "checkpoint.pt"
    first = load_checkpoint(checkpoint, state)
    starts = pictures.shard_starts(recipe)
    training = starts[: (recipe.pictures - recipe.held_out) // recipe.shard]
    shards = [pictures.read_pictures(pictures_folder, start) for start in training]
    components = principal_components(shards[0][:256], recipe.seed)
    began = time.monotonic()
    for step in range(first, settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * _rate(step, settings)
        batch = crops(shards, settings, np.random.default_rng((recipe.seed, step)))
        noise = torch.Generator().manual_seed(step)
        loss = _loss(vae, batch, components, _anchor_weight(step, settings), settings, noise)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ema.update(step)
        if (step + 1) % 100 == 0:
            log(f"vae step {step + 1} loss {loss.item():.4f} {time.monotonic() - began:.0f} s")
            save_checkpoint(checkpoint, state, step + 1)
    ema.copy_to_model()
    held_out = pictures.read_pictures(pictures_folder, starts[-1])[:32]
    vae.register_to_config(scaling_factor=scaling_factor(vae, held_out))
    log(f"vae PSNR {psnr(vae, held_out):.2f} dB on held-out pictures")
    vae.to(torch.float16).save_pretrained(folder)
    checkpoint.unlink(missing_ok=True)


def to_tensor(batch: np.ndarray) -> Tensor:
    """Pictures (count×height×width×3, 0 to 255) as the autoencoder takes them, -1 to 1."""
    tensor = torch.from_numpy(np.ascontiguousarray(batch)).permute(0, 3, 1, 2).float()
    return (tensor / 127.5 - 1).contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def psnr(vae: Part, batch: np.ndarray) -> float:
    """The mean peak signal-to-noise ratio of the reconstructions, in dB."""
    ratios: list[Tensor] = []
    for picture in to_tensor(batch).split(4):
        restored = vae.decode(vae.encode(picture).latent_dist.mean).sample.clamp(-1, 1)
        ratios.append(10 * torch.log10(4 / (restored - picture).square().mean((1, 2, 3))))
    return torch.cat(ratios).mean().item()


@torch.no_grad()
def scaling_factor(vae: Part, batch: np.ndarray) -> float:
    """What the latents are multiplied by so that their variance is 1."""
    means = [vae.encode(part).latent_dist.mean for part in to_tensor(batch).split(4)]
    return round(1 / torch.cat(means).std().item(), 5)


def principal_components(batch: np.ndarray, seed: int) -> tuple[Tensor, Tensor]:
    """Mean and first four components of 8×8 patches, scaled so that each has variance 1."""
    generator = np.random.default_rng(seed)
    tensor = to_tensor(batch)
    patches = functional.unfold(tensor, FACTOR, stride=FACTOR).transpose(1, 2).flatten(0, 1)
    chosen = torch.from_numpy(generator.permutation(len(patches))[:50_000])
    patches = patches[chosen]
    mean = patches.mean(0)
    _, values, vectors = torch.linalg.svd(patches - mean, full_matrices=False)
    deviation = values[:CHANNELS] / (len(patches) - 1) ** 0.5
    return mean, vectors[:CHANNELS] / deviation[:, None]


def crops(
    shards: list[np.ndarray], settings: VaeRecipe | DecoderRecipe, chance: np.random.Generator
) -> Tensor:
    """Random square windows, half of them mirrored."""
    crops: list[np.ndarray] = []
    for _ in range(settings.batch):
        shard = shards[chance.integers(len(shards))]
        picture = shard[chance.integers(len(shard))]
        top, left = chance.integers(0, picture.shape[0] - settings.crop + 1, 2)
        crop = picture[top : top + settings.crop, left : left + settings.crop]
        crops.append(crop[:, ::-1] if chance.random() < 0.5 else crop)
    return to_tensor(np.stack(crops))


def _loss(
    vae: Part,
    batch: Tensor,
    components: tuple[Tensor, Tensor],
    anchor_weight: float,
    settings: VaeRecipe,
    noise: torch.Generator,
) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        moments = vae.encode(batch).latent_dist
        jitter = torch.randn(moments.mean.shape, generator=noise) * settings.latent_noise
        restored = vae.decode(moments.mean + jitter).sample
    mean, restored = moments.mean.float(), restored.float()
    loss = functional.l1_loss(restored, batch) + 2 * functional.mse_loss(restored, batch)
    small, target = restored, batch
    for scale in range(4):
        loss = loss + 0.1 * gradient_loss(small, target)
        if scale < 3:
            small, target = functional.avg_pool2d(small, 2), functional.avg_pool2d(target, 2)
            loss = loss + 0.1 * functional.l1_loss(small, target)
    spread = 1e-3 * (moments.logvar.float() - _LOG_VARIANCE).square().mean()
    anchor = functional.mse_loss(mean, _projected(batch, components))
    return loss + anchor_weight * anchor + spread


def gradient_loss(restored: Tensor, target: Tensor) -> Tensor:
    """How far the differences between neighbouring pixels are from the target's."""
    difference = restored - target
    return difference.diff(dim=2).abs().mean() + difference.diff(dim=3).abs().mean()


def _projected(batch: Tensor, components: tuple[Tensor, Tensor]) -> Tensor:
    mean, vectors = components
    patches = functional.unfold(batch, FACTOR, stride=FACTOR).transpose(1, 2)
    rows, columns = batch.shape[2] // FACTOR, batch.shape[3] // FACTOR
    return ((patches - mean) @ vectors.T).transpose(1, 2).unflatten(2, (rows, columns))


def _rate(step: int, settings: VaeRecipe) -> float:
    """Warm-up, then a cosine down to 3 %."""
    progress = torch.tensor(torch.pi * step / settings.steps)
    return min(1.0, (step + 1) / settings.warmup) * (0.515 + 0.485 * progress.cos().item())


def _anchor_weight(step: int, settings: VaeRecipe) -> float:
    """From 1 to its floor over the first quarter, and the floor from then on."""
    share = min(1.0, step / (settings.steps / 4))
    return 1 + (settings.anchor_floor - 1) * share
