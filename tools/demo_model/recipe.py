"""Every number of the training: the full recipe, and a miniature of it that takes seconds."""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, kw_only=True, slots=True)
class VaeRecipe:
    """The autoencoder: its shape and how it learns."""

    channels: tuple[int, ...] = (16, 32, 96, 160)
    groups: int = 8
    steps: int = 3107
    batch: int = 8
    crop: int = 128  # pixels
    learning_rate: float = 1e-3
    warmup: int = 100
    ema: float = 0.998
    latent_noise: float = 0.05  # added to the latents instead of sampling them
    anchor_floor: float = 0.05  # of the pull towards the principal components


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoiserRecipe:
    """The UNet and the text encoder: their shape and how they learn together."""

    channels: tuple[int, ...] = (48, 96, 160)
    heads: tuple[int, ...] = (2, 3, 5)
    groups: int = 16
    text_width: int = 160
    text_layers: int = 3
    text_heads: int = 4
    steps: int = 3750
    batch: int = 16  # whole pictures a step; crops come in larger batches of the same area
    learning_rate: float = 1.2e-3
    warmup: int = 200
    decay: int = 1200  # the last steps, over which the learning rate falls
    floor: float = 0.02  # of the learning rate at the end
    ema: float = 0.999
    caption_dropout: float = 0.1
    snr_cap: float = 5.0  # min-SNR weighting, Hang et al. 2023
    crop_steps: int = 700  # the first steps, that learn mostly from crops around objects
    crop_share_first: float = 0.7
    crop_share_later: float = 0.25
    save_every: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """All stages together."""

    seed: int = 0
    pictures: int = 16_000
    held_out: int = 500  # the last of the pictures, never trained on
    shard: int = 500  # pictures in a file
    processes: int = 2  # that draw
    threads: int = 2  # that train
    vae: VaeRecipe = field(default_factory=VaeRecipe)
    denoiser: DenoiserRecipe = field(default_factory=DenoiserRecipe)


FULL = Recipe()
MINIATURE = Recipe(
    pictures=24,
    held_out=8,
    shard=8,
    processes=1,
    threads=1,
    vae=replace(FULL.vae, channels=(8, 8, 16, 16), steps=4, batch=2, crop=64, warmup=2),
    denoiser=replace(
        FULL.denoiser,
        channels=(16, 16, 32),
        heads=(1, 1, 2),
        groups=8,
        text_width=16,
        text_layers=1,
        text_heads=2,
        steps=6,
        batch=2,
        warmup=2,
        decay=2,
        crop_steps=3,
        save_every=2,
    ),
)
