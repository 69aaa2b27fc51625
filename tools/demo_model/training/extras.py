"""The stages after the model itself: ControlNets, inpainting, style LoRA and embedding."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from tools.demo_model import pictures
from tools.demo_model.recipe import Recipe
from tools.demo_model.scene import DUSK, Choices
from tools.demo_model.training import control, embedding, export, hiding, inpainting, latents, lora
from tools.demo_model.training.denoiser import Frozen
from tools.demo_model.training.latents import Latents
from tools.demo_model.training.loop import Log
from tools.demo_model.training.shards import Shards

FINISHED_VAE = "decoder"
"""Below the work folder: the autoencoder that ships, its encoder the one in `vae`."""

INK = Choices(style="ink")

_CONTROLNET_FILES = ("config.json", "diffusion_pytorch_model.safetensors")


@dataclass(frozen=True, kw_only=True, slots=True)
class Extras:
    """What all of them need: where the finished parts lie, and where theirs go."""

    work: Path  # holds pictures, latents, tokenizer, vae and train
    models: Path  # the page's folder of models
    recipe: Recipe
    log: Log

    def controls(self) -> None:
        """Trains the ControlNets."""
        shards = Shards(self.work / "pictures", self.work / "latents", self.recipe)
        for kind in control.ORDER:
            folder = control.folder_of(self.work, kind)
            control.train(kind, self._base(), shards, folder, self.recipe, self.log)
            target = self.models / "ControlNet" / f"demo_{kind}"
            target.mkdir(parents=True, exist_ok=True)
            for name in _CONTROLNET_FILES:
                shutil.copyfile(folder / name, target / name)

    def inpainting(self) -> None:
        """Trains the inpainting UNet and writes its folder."""
        training, folder = self.work / "train", self.work / "inpainting"
        hidden = self.work / "hidden"
        shown, encoded = self.work / "pictures", self.work / "latents"
        hiding.hide_all(shown, self.work / "vae", encoded, hidden, self.recipe, self.log)
        data = hiding.load(shown, encoded, hidden, self.recipe)
        inpainting.train(self._base(), training, data, folder, self.recipe, self.log)
        target = self.models / "Stable-diffusion" / "demo-inpainting"
        sources = export.Sources(
            tokenizer=self.work / "tokenizer",
            vae=self.work / FINISHED_VAE,
            text_encoder=training / "text_encoder",
            unet=folder / "unet",
        )
        export.export_inpainting(sources, target)

    def lora(self) -> None:
        """Trains the LoRA of the ink style."""
        data = self._drawn("ink", INK, self.recipe.lora.pictures)
        file = self.work / "lora" / "demo_ink.safetensors"
        lora.train(self._base(), data, file, self.recipe, self.log)
        self._ship(file, "Lora")

    def embedding(self) -> None:
        """Trains the embedding of the light of dusk."""
        data = self._drawn("dusk", Choices(time=DUSK), self.recipe.embedding.pictures)
        file = self.work / "embedding" / "demo_dusk.safetensors"
        embedding.train(self._base(), data, file, self.recipe, self.log)
        self._ship(file, "embeddings")

    def _base(self) -> Frozen:
        return Frozen(self.work / "tokenizer", self.work / "train")

    def _drawn(self, name: str, choices: Choices, count: int) -> Latents:
        """As many pictures of the training as they would be with these choices, as latents."""
        recipe = replace(self.recipe, pictures=count)
        shown, encoded = self.work / name / "pictures", self.work / name / "latents"
        pictures.draw_all(shown, recipe, choices)
        latents.encode_all(shown, self.work / "vae", encoded, recipe, self.log)
        return latents.load(shown, encoded, recipe)

    def _ship(self, file: Path, folder: str) -> None:
        target = self.models / folder
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, target / file.name)
