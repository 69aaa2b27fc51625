"""Makes the built-in demo model, one stage after the other: `python -m tools.demo_model`.

Stages that are finished are passed over and a training goes on where it stopped, so the same
command resumes whatever was interrupted. Everything is written into the work folder; `export` and
the stages after it write elsewhere as well: finished models, and measures into the model's card.

To look at a training that still runs: `evaluate --model WORK/train --only time,terrain --count 40`
prints those rows and writes nothing.
"""

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

import torch

from tools.demo_model import pictures
from tools.demo_model.captions import caption
from tools.demo_model.evaluate import Evaluation
from tools.demo_model.evaluation import judge_training
from tools.demo_model.evaluation.bench import Parts
from tools.demo_model.evaluation.judge_training import JudgeRecipe
from tools.demo_model.evaluation.rows import ROWS
from tools.demo_model.recipe import FULL, MINIATURE, Recipe
from tools.demo_model.training import decoder, export, latents, samples, tokenizer, train, vae
from tools.demo_model.training.extras import FINISHED_VAE, INK, Extras

ROOT = Path(__file__).resolve().parents[2]
STAGES = (
    "render",
    "tokenizer",
    "vae",
    "latents",
    "train",
    "decoder",
    "export",
    "controls",
    "inpainting",
    "lora",
    "embedding",
    "samples",
    "judge",
    "evaluate",
)


class Making:
    """The stages, with the recipe and the folders they share."""

    def __init__(self, recipe: Recipe, judge: JudgeRecipe, folders: argparse.Namespace) -> None:
        self.recipe, self.judge = recipe, judge
        self.work, self.target, self.models = folders.work, folders.target, folders.models
        self.sheet = folders.sheet
        work = self.work
        self.pictures, self.latents = work / "pictures", work / "latents"
        self.tokenizer, self.vae, self.training = work / "tokenizer", work / "vae", work / "train"
        self.finished_vae = work / FINISHED_VAE

    def render(self) -> None:
        """Draws the pictures."""
        pictures.draw_all(self.pictures, self.recipe)

    def make_tokenizer(self) -> None:
        """Learns the vocabulary from one caption of every picture."""
        if (self.tokenizer / "tokenizer_config.json").exists():
            return
        tokenizer.save(self.tokenizer, tokenizer.learn_merges(self._captions()))

    def make_vae(self) -> None:
        """Trains the autoencoder."""
        if not (self.vae / "diffusion_pytorch_model.safetensors").exists():
            vae.train(self.pictures, self.vae, self.recipe, self.log)

    def make_latents(self) -> None:
        """Encodes the pictures."""
        latents.encode_all(self.pictures, self.vae, self.latents, self.recipe, self.log)

    def train(self) -> None:
        """Trains text encoder and UNet."""
        data = latents.load(self.pictures, self.latents, self.recipe)
        train.train(data, self.tokenizer, self.training, self.recipe, self.log)

    def decoder(self) -> None:
        """Teaches the autoencoder's decoder what it has not learnt yet, the ink style included."""
        ink = self.work / "ink" / "pictures"
        pictures.draw_all(ink, replace(self.recipe, pictures=self.recipe.lora.pictures), INK)
        held_out = pictures.read_pictures(self.pictures, pictures.shard_starts(self.recipe)[-1])
        shown = [self.pictures, ink]
        decoder.train(self.vae, shown, held_out, self.finished_vae, self.recipe, self.log)

    def export(self) -> None:
        """Writes the finished folder."""
        export.export(self.tokenizer, self.finished_vae, self.training, self.target)

    def samples(self) -> None:
        """Draws a sheet of samples."""
        samples.save_sheet(samples.open_folder(self.target), self.sheet)

    def train_judge(self) -> None:
        """Trains the judge of the evaluation and finds out how often it is right."""
        self._evaluation(self.target).judge_report()

    def evaluate(self, model: Path | None, only: list[str], count: int | None) -> None:
        """Measures the finished model and writes its card; in part or elsewhere, only prints."""
        evaluation = self._evaluation(model or self.target)
        if model or count:
            print(evaluation.run(only, count))
        else:
            print(evaluation.write(self.target / "README.md", only))

    def log(self, line: str) -> None:
        """Prints a line and keeps it in the work folder, with the time."""
        stamped = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {line}"
        print(stamped, flush=True)
        with (self.work / "log.txt").open("a", encoding="utf-8") as file:
            file.write(stamped + "\n")

    def _evaluation(self, model: Path) -> Evaluation:
        parts = Parts(demo=model, models=self.models, work=self.work)
        return Evaluation(parts, self.recipe, self.judge, self.log)

    def _captions(self) -> list[str]:
        shown = pictures.every_attributes(self.pictures, self.recipe)
        return [caption(one, random.Random(number)) for number, one in enumerate(shown)]


def main(arguments: list[str] | None = None) -> None:
    """Runs the chosen stages in order, all of them by default."""
    options = _options(arguments)
    recipe = MINIATURE if options.miniature else FULL
    torch.set_num_threads(recipe.threads)
    options.work.mkdir(parents=True, exist_ok=True)
    judge = judge_training.MINIATURE_JUDGE if options.miniature else judge_training.JUDGE
    making = Making(recipe, judge, options)
    extras = Extras(work=options.work, models=options.models, recipe=recipe, log=making.log)
    actions: dict[str, Callable[[], None]] = {
        "render": making.render,
        "tokenizer": making.make_tokenizer,
        "vae": making.make_vae,
        "latents": making.make_latents,
        "train": making.train,
        "decoder": making.decoder,
        "export": making.export,
        "controls": extras.controls,
        "inpainting": extras.inpainting,
        "lora": extras.lora,
        "embedding": extras.embedding,
        "samples": making.samples,
        "judge": making.train_judge,
        "evaluate": lambda: making.evaluate(options.model, options.only, options.count),
    }
    making.log(f"recipe {asdict(recipe)}")
    for stage in STAGES:
        if stage in (options.stages or STAGES):
            began = time.monotonic()
            actions[stage]()
            making.log(f"{stage} took {time.monotonic() - began:.0f} s")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tools.demo_model",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    stages = f"of {', '.join(STAGES)}; all where none is named"
    rows = f"of {', '.join(row.name for row in ROWS)}"
    parser.add_argument("stages", nargs="*", type=_stage, metavar="stage", help=stages)
    parser.add_argument("--miniature", action="store_true", help="a toy that takes seconds")
    parser.add_argument("--work", type=Path, help="folder for all that can be made again")
    parser.add_argument("--target", type=Path, help="folder of the finished model")
    parser.add_argument("--sheet", type=Path, help="file for the sheet of samples")
    evaluation = parser.add_argument_group("evaluate")
    evaluation.add_argument("--only", type=_rows, default=[], metavar="row,...", help=rows)
    evaluation.add_argument("--count", type=int, help="prompts or pictures of a row, for a glance")
    evaluation.add_argument("--model", type=Path, help="another folder, or a training's")
    options = parser.parse_args(arguments)
    # A toy must not replace the model that the project ships.
    mini = options.miniature
    options.work = options.work or ROOT / "tmp" / ("demo_miniature" if mini else "demo_model")
    folder, sheet = ROOT / "models" / "Stable-diffusion" / "demo", ROOT / "docs"
    options.count = options.count or (2 if mini else None)
    options.models = options.work / "models" if mini else ROOT / "models"
    options.target = options.target or (options.work / "demo" if mini else folder)
    options.sheet = options.sheet or (options.work if mini else sheet) / "demo_model_samples.jpg"
    return options


def _stage(name: str) -> str:
    if name not in STAGES:
        raise argparse.ArgumentTypeError(f"{name!r} is no stage; there are {', '.join(STAGES)}")
    return name


def _rows(names: str) -> list[str]:
    chosen, known = names.split(","), [row.name for row in ROWS]
    for name in chosen:
        if name not in known:
            raise argparse.ArgumentTypeError(f"{name!r} is no row; there are {', '.join(known)}")
    return chosen


if __name__ == "__main__":
    main()
