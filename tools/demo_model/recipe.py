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
class Pace:
    """How long, how fast and how much at once something is trained."""

    steps: int
    batch: int  # pictures a step
    learning_rate: float
    muon_rate: float = 0.02  # the learning rate of what Muon trains
    warmup: int
    decay: int  # the last steps, over which the learning rate falls
    floor: float = 0.02  # of the learning rate at the end
    ema: float
    save_every: int


@dataclass(frozen=True, kw_only=True, slots=True)
class DecoderRecipe(Pace):
    """The autoencoder's decoder alone, once the latents are settled."""

    steps: int = 3200
    batch: int = 8
    crop: int = 128  # pixels
    learning_rate: float = 6e-4
    warmup: int = 50
    decay: int = 2000
    ema: float = 0.995
    save_every: int = 200
    latent_noise: float = 0.02  # added to the latents, since sampled ones are never exact


@dataclass(frozen=True, kw_only=True, slots=True)
class SideRecipe:
    """How the words left and right are taught, see training/sides.py."""

    start: int = 6500  # the first of the denoiser's steps that teach them
    batch: int = 28  # pictures of the ordinary kind in each of these
    pictures: int = 16  # that are shown with two captions
    earliest: int = 800  # timestep, from which on a picture's layout is decided
    sharpness: float = 16.0  # of the question which caption is the right one
    weight: float = 0.2  # of that question
    plain_weight: float = 0.3  # of the ordinary loss on these pictures


@dataclass(frozen=True, kw_only=True, slots=True)
class DenoiserRecipe(Pace):
    """The UNet and the text encoder: their shape and how they learn together."""

    channels: tuple[int, ...] = (48, 96, 160)
    heads: tuple[int, ...] = (2, 3, 5)
    groups: int = 16
    text_width: int = 160
    text_layers: int = 3
    text_heads: int = 4
    steps: int = 7260
    batch: int = 32  # whole pictures a step; crops come in larger batches of the same area
    learning_rate: float = 1.2e-3
    warmup: int = 100
    decay: int = 1600
    ema: float = 0.99  # short, since the sides are learnt last and fast
    lateness: float = 1.5  # of the timesteps, see training/noise.py
    caption_dropout: float = 0.1
    object_weight: float = 5.0  # how much more the loss counts on objects
    crop_steps: int = 500  # the first steps, that learn mostly from crops around objects
    crop_share_first: float = 0.4
    crop_share_later: float = 0.25
    sides: SideRecipe = field(default_factory=SideRecipe)
    save_every: int = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlRecipe(Pace):
    """A ControlNet of one kind."""

    hint_channels: tuple[int, ...] = (8, 16, 48, 96)
    steps: int = 550
    warm_steps: int = 350  # of one that starts from another one
    batch: int = 16
    learning_rate: float = 2e-3
    muon_rate: float = 0.03
    warmup: int = 20
    decay: int = 250
    ema: float = 0.99
    save_every: int = 100
    lateness: float = 1.5  # of the timesteps, see training/noise.py
    caption_dropout: float = 0.5  # so that the control, and not the words, carries the layout

    def shortened(self) -> Pace:
        """The pace of one that starts from another one."""
        return replace(self, steps=self.warm_steps)


@dataclass(frozen=True, kw_only=True, slots=True)
class InpaintingRecipe(Pace):
    """The UNet that also sees a mask and what is outside of it."""

    steps: int = 600
    batch: int = 16
    learning_rate: float = 1e-3
    muon_rate: float = 0.004  # at 0.02, what is known is forgotten first
    warmup: int = 20
    decay: int = 300
    ema: float = 0.99
    save_every: int = 100
    lateness: float = 1.3
    caption_dropout: float = 0.1
    shards: int = 8  # of pictures that it learns from
    mask_weight: float = 2.0  # how much more the loss counts under the mask


@dataclass(frozen=True, kw_only=True, slots=True)
class LoraRecipe(Pace):
    """The style of ink, as a small change of the UNet."""

    pictures: int = 1000
    rank: int = 8
    steps: int = 300
    batch: int = 16
    learning_rate: float = 2e-3
    warmup: int = 20
    decay: int = 150
    ema: float = 0.98
    save_every: int = 50
    lateness: float = 1.3


@dataclass(frozen=True, kw_only=True, slots=True)
class EmbeddingRecipe(Pace):
    """The light of dusk, as a new word."""

    pictures: int = 1000
    vectors: int = 4
    first_words: tuple[str, ...] = ("sunset", "night")  # where the vectors start
    steps: int = 300
    batch: int = 16
    learning_rate: float = 2e-2
    warmup: int = 10
    decay: int = 150
    ema: float = 0.95
    save_every: int = 50
    lateness: float = 2.0


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
    decoder: DecoderRecipe = field(default_factory=DecoderRecipe)
    denoiser: DenoiserRecipe = field(default_factory=DenoiserRecipe)
    control: ControlRecipe = field(default_factory=ControlRecipe)
    inpainting: InpaintingRecipe = field(default_factory=InpaintingRecipe)
    lora: LoraRecipe = field(default_factory=LoraRecipe)
    embedding: EmbeddingRecipe = field(default_factory=EmbeddingRecipe)


FULL = Recipe()
_MINIATURE: dict[str, int] = {"steps": 4, "batch": 2, "warmup": 2, "decay": 2, "save_every": 2}
MINIATURE = Recipe(
    pictures=24,
    held_out=8,
    shard=8,
    processes=1,
    threads=1,
    vae=replace(FULL.vae, channels=(8, 8, 16, 16), steps=4, batch=2, crop=64, warmup=2),
    decoder=replace(FULL.decoder, crop=64, **_MINIATURE),
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
        sides=SideRecipe(start=4, batch=2, pictures=1),
        save_every=2,
    ),
    control=replace(FULL.control, hint_channels=(8, 8, 8, 8), warm_steps=2, **_MINIATURE),
    inpainting=replace(FULL.inpainting, shards=2, **_MINIATURE),
    lora=replace(FULL.lora, pictures=16, **_MINIATURE),
    embedding=replace(FULL.embedding, pictures=16, **_MINIATURE),
)
