"""Trains the judge and sets its thresholds."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from tools.demo_model import pictures
from tools.demo_model.canvas import LABELS, OBJECTS
from tools.demo_model.evaluation import judge_data
from tools.demo_model.evaluation.judge import Judge, JudgeNetwork, Outputs, Verdict, told
from tools.demo_model.evaluation.judge_data import UNKNOWN, Batch, Drawn
from tools.demo_model.recipe import Recipe
from tools.demo_model.training.checkpoint import load_checkpoint, save_checkpoint
from tools.demo_model.training.muon import Muon

# Objects are small: without this, what is told about them would wait until the sky is perfect.
_WEIGHTS = torch.tensor([2.0 if name in ("sun", "moon", *OBJECTS) else 1.0 for name in LABELS])
_LEAST_PIXELS = 20  # of 16,384: no threshold is lower


@dataclass(frozen=True, kw_only=True, slots=True)
class JudgeRecipe:
    """The judge: its shape and how it learns."""

    widths: tuple[int, ...] = (64, 96, 128)
    shards: int = 20  # of the pictures that the model learns from, too
    softened: int = 1000  # of them are seen through the VAE as well
    ink: int = 250
    steps: int = 400
    batch: int = 24
    muon_rate: float = 0.05  # of the convolutions
    learning_rate: float = 3e-3  # of all else
    save_every: int = 50


JUDGE = JudgeRecipe()
MINIATURE_JUDGE = JudgeRecipe(
    widths=(16, 16, 16), shards=1, softened=4, ink=4, steps=12, batch=4, save_every=4
)


def open_or_train(
    work: Path, recipe: Recipe, settings: JudgeRecipe, log: Callable[[str], None]
) -> Judge:
    """The judge in `work`/judge, trained now if it is not there yet."""
    path = judge_path(work)
    if not path.exists():
        train(work, recipe, settings, log).save(path, settings.widths)
    return Judge.open(path)


def judge_path(work: Path) -> Path:
    """The trained judge."""
    return work / "judge" / "judge.pt"


def train(work: Path, recipe: Recipe, settings: JudgeRecipe, log: Callable[[str], None]) -> Judge:
    """Learns from drawn pictures only, going on where the last run stopped."""
    drawn, special = _material(work, recipe, settings)
    torch.manual_seed(recipe.seed)
    network = JudgeNetwork(settings.widths)
    # Muon learns in 60 steps here what AdamW does not in 500.
    kernels = [weights for weights in network.parameters() if weights.ndim == 4]
    others = [weights for weights in network.parameters() if weights.ndim != 4]
    optimizers: list[torch.optim.Optimizer] = [
        Muon(kernels, settings.muon_rate),
        torch.optim.AdamW(others, settings.learning_rate, weight_decay=0.01, fused=True),
    ]
    peaks = (settings.muon_rate, settings.learning_rate)
    muon, adamw = optimizers
    state = {"network": network, "muon": muon, "adamw": adamw}
    checkpoint = work / "judge" / "checkpoint.pt"
    began = time.monotonic()
    for step in range(load_checkpoint(checkpoint, state), settings.steps):
        for optimizer, peak in zip(optimizers, peaks, strict=True):
            optimizer.param_groups[0]["lr"] = peak * _rate(step, settings)
        batch = judge_data.make_batch(drawn, settings.batch, step, only=special)
        with torch.autocast("cpu", torch.bfloat16):
            outputs = network(batch.pictures)
        loss = loss_of(outputs, batch)
        loss.backward()
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        if (step + 1) % settings.save_every == 0:
            seconds = time.monotonic() - began
            log(f"judge step {step + 1} loss {loss.item():.4f} {seconds:.0f} s")
            save_checkpoint(checkpoint, state, step + 1)
    judge = Judge(network, dict.fromkeys(OBJECTS, _LEAST_PIXELS))
    tuned = judge_data.read(work / "pictures", [judge_data.parts(recipe)[1]])
    return Judge(network, _thresholds(judge, tuned))


def _material(work: Path, recipe: Recipe, settings: JudgeRecipe) -> tuple[Drawn, np.ndarray]:
    """All that is learnt from, and the places of what is rare in it."""
    folder, learnt = work / "pictures", judge_data.parts(recipe)[0][: settings.shards]
    drawn = judge_data.read(folder, learnt)
    some = learnt[: -(-settings.softened // recipe.shard)]
    whole = np.concatenate([pictures.read_pictures(folder, start) for start in some])
    file = work / "judge" / "softened.npy"
    soft = judge_data.softened(drawn, file, work / "vae", whole[: settings.softened])
    everything = judge_data.joined([drawn, soft, judge_data.draw_ink(settings.ink)])
    return everything, np.arange(len(drawn.pictures), len(everything.pictures))


def loss_of(outputs: Outputs, batch: Batch) -> Tensor:
    """The weighted sum of the losses of all answers; of ink drawings only their style counts."""
    flat = batch.coloured
    time_of_day, terrain, style = batch.facts.unbind(1)
    loss = functional.cross_entropy(outputs.style, style) * 0.2
    if not flat.any():
        return loss
    labels = functional.cross_entropy(outputs.labels[flat], batch.labels[flat], _WEIGHTS)
    known = (batch.colours != UNKNOWN) & flat[:, None, None]
    colours = functional.cross_entropy(
        outputs.colours.movedim(1, -1)[known], batch.colours[known], reduction="sum"
    )
    depth = functional.l1_loss(outputs.depth[flat], batch.depth[flat])
    facts = functional.cross_entropy(outputs.time[flat], time_of_day[flat])
    facts = facts + functional.cross_entropy(outputs.terrain[flat], terrain[flat])
    return loss + 2 * labels + 0.5 * colours / known.sum().clamp(min=1) + 2 * depth + 0.3 * facts


def _rate(step: int, settings: JudgeRecipe) -> float:
    """Warm-up over a twentieth of the steps, then a cosine down to nothing."""
    progress = step / settings.steps
    return min(1.0, 20 * (step + 1) / settings.steps) * (
        0.5 + 0.5 * float(np.cos(np.pi * progress))
    )


def _thresholds(judge: Judge, drawn: Drawn) -> dict[str, int]:
    """For each object the number of pixels that best divides the pictures with and without it."""
    counted = np.stack([_counts(verdict) for verdict in judge.look(drawn.pictures)])
    there = np.array([[name in told(shown) for name in OBJECTS] for shown in drawn.attributes])
    return {
        name: best_threshold(counted[:, place], there[:, place])
        for place, name in enumerate(OBJECTS)
    }


def best_threshold(counts: np.ndarray, there: np.ndarray) -> int:
    """The count from which on most are rightly taken as there; the middle of equally good ones."""
    candidates = np.unique(np.geomspace(_LEAST_PIXELS, 1000, 80).round())
    right = np.array([((counts >= one) == there).mean() for one in candidates])
    best = candidates[right == right.max()]
    return int(np.sqrt(best[0] * best[-1]))


def _counts(verdict: Verdict) -> np.ndarray:
    found = np.bincount(verdict.labels.ravel(), minlength=len(LABELS))
    return found[LABELS.index(OBJECTS[0]) :]
