"""Textual inversion (Gal et al. 2022): a new word for a light that the captions do not name."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from tools.demo_model.recipe import Recipe
from tools.demo_model.training import loop
from tools.demo_model.training.batches import make_batch
from tools.demo_model.training.denoiser import Frozen
from tools.demo_model.training.latents import Latents
from tools.demo_model.training.lora import losses
from tools.demo_model.training.noise import draw, fixed
from tools.demo_model.training.train import MEASURED

KEY = "emb_params"  # the name that readers of A1111's embeddings look for


class NewWords(nn.Module):
    """A text encoder's table of tokens with some more rows, the only ones that learn."""

    known: Tensor

    def __init__(self, known: Tensor, first: Tensor) -> None:
        super().__init__()
        self.register_buffer("known", known, persistent=False)
        self.vectors = nn.Parameter(first.clone())

    def forward(self, numbers: Tensor) -> Tensor:
        return functional.embedding(numbers, torch.cat([self.known, self.vectors]))


def train(base: Frozen, data: Latents, target: Path, recipe: Recipe, log: loop.Log) -> None:
    """Trains what is left on pictures in the light and writes `target`, a .safetensors file.

    The file's name is the new word.
    """
    settings = recipe.embedding
    words = add_to(base, target.stem, settings.vectors, settings.first_words)
    placeholder = " ".join(_names(target.stem, settings.vectors))
    learnt, held_out = data.split(min(MEASURED, len(data.attributes) // 2))
    batches = replace(recipe.denoiser, batch=settings.batch, crop_steps=0, crop_share_later=0.0)

    def loss_at(step: int) -> Tensor:
        batch = make_batch(learnt, batches, recipe.seed, step)
        chance = random.Random(f"{recipe.seed} embedding {step}")
        told = [with_word(one, placeholder, chance) for one in batch.captions]
        noise, timesteps = draw(batch.latents, step, settings.lateness)
        return losses(base, batch.latents, told, noise, timesteps).mean()

    def measure() -> float:
        save(words, target, settings.steps)
        shown = make_batch(held_out, batches, recipe.seed, 0)
        told = [with_word(one, placeholder, random.Random(0)) for one in shown.captions]
        with torch.no_grad():
            return losses(base, shown.latents, told, *fixed(shown.latents)).mean().item()

    optimizers = loop.optimizers((), settings, words.parameters())
    loop.run(words, optimizers, settings, target.parent, loss_at, measure, log)


def add_to(base: Frozen, word: str, count: int, first_words: Sequence[str]) -> NewWords:
    """Gives the text encoder a new word of `count` tokens, that start as `first_words`, in turn."""
    first = [base.tokenizer(first_words[i % len(first_words)]).input_ids[1] for i in range(count)]
    known = base.text_encoder.get_input_embeddings().weight
    words = NewWords(known, known[first])
    base.tokenizer.add_tokens(_names(word, count))
    base.text_encoder.set_input_embeddings(words)
    return words


def with_word(caption: str, word: str, chance: random.Random) -> str:
    """The caption with `word` among its parts, where the time of day would be said."""
    parts = [part for part in caption.split(", ") if part]
    parts.insert(chance.randint(0, len(parts)), word)
    return ", ".join(parts)


def save(words: NewWords, target: Path, steps: int) -> None:
    """Writes the vectors (tokens×width) in fp32: A1111 and diffusers both read this."""
    target.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"name": target.stem, "step": str(steps), "sd_checkpoint_name": "demo"}
    save_file({KEY: words.vectors.detach().contiguous()}, target, metadata)


def _names(word: str, count: int) -> list[str]:
    return [word, *(f"{word}_{number}" for number in range(1, count))]
