"""The training loop that every part shares: rate, clipping, average, checkpoints, log."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from pipelines.files import write_atomically
from tools.demo_model.recipe import Pace
from tools.demo_model.training.checkpoint import Ema, load_checkpoint, save_checkpoint
from tools.demo_model.training.muon import Muon

Log = Callable[[str], None]
_NOT_MUONS = ("conv_in.", "conv_out.", "time_embedding.")


def optimizers(
    named: Iterable[tuple[str, nn.Parameter]], pace: Pace, others: Iterable[nn.Parameter] = ()
) -> list[torch.optim.Optimizer]:
    """Muon for the weights of `named` that are matrices or kernels, AdamW for all else.

    What a network begins and ends with, and its embeddings, are AdamW's, too.
    """
    rows: list[nn.Parameter] = []
    rest = list(others)
    for name, parameter in named:
        belongs = parameter.ndim > 1 and not name.startswith(_NOT_MUONS)
        (rows if belongs else rest).append(parameter)
    made: list[torch.optim.Optimizer] = []
    if rows:
        made.append(Muon(rows, pace.muon_rate))
    if rest:
        betas = (0.9, 0.99)
        speed = pace.learning_rate
        made.append(torch.optim.AdamW(rest, speed, betas, weight_decay=0.01, fused=True))
    return made


def run(
    network: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    pace: Pace,
    folder: Path,
    loss_at: Callable[[int], Tensor],
    measure: Callable[[], float],
    log: Log,
) -> None:
    """Runs the steps that are left, each on the loss of its number.

    Every `pace.save_every` steps, and at the end, the state of `network` and optimizers goes into
    `folder`/checkpoint.pt. Then, with the averaged weights in place, `measure` saves what is worth
    saving and returns the held-out loss, which is logged and added to `folder`/losses.json.
    """
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    peaks = [group["lr"] for group in groups]
    parameters = [parameter for group in groups for parameter in group["params"]]
    ema = Ema(parameters, pace.ema)
    numbered = {f"optimizer {number}": one for number, one in enumerate(optimizers)}
    state = {"model": network, "ema": ema, **numbered}
    first = load_checkpoint(folder / "checkpoint.pt", state)
    # Loading puts other groups into an optimizer.
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    for begin, end in pairwise(_stops(first, pace)):
        began = time.monotonic()
        total = 0.0
        for step in range(begin, end):
            for group, peak in zip(groups, peaks, strict=True):
                group["lr"] = peak * rate(step, pace)
            loss = loss_at(step)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            ema.update(step)
            total += loss.item()
        pause = (time.monotonic() - began) / (end - begin)
        save_checkpoint(folder / "checkpoint.pt", state, end)
        ema.swap()
        measured = measure()
        ema.swap()
        _note(folder / "losses.json", end, measured)
        log(
            f"{folder.name} step {end} of {pace.steps}: loss {total / (end - begin):.4f}, "
            f"held out {measured:.4f}, {pause:.2f} s a step"
        )


def rate(step: int, pace: Pace) -> float:
    """Warm-up, then constant, then a straight fall to the floor over the last steps."""
    warm = min(1.0, (step + 1) / pace.warmup)
    left = (pace.steps - step) / pace.decay
    return warm * max(pace.floor, min(1.0, left))


def _stops(first: int, pace: Pace) -> list[int]:
    """The steps at which something is saved, after `first`, the one that is gone on from."""
    between = [step for step in range(first + 1, pace.steps) if step % pace.save_every == 0]
    return [first, *between, pace.steps] if first < pace.steps else [first]


def _note(path: Path, step: int, loss: float) -> None:
    """Adds one measurement to the list of (step, loss) in `path`."""
    losses = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
    write_atomically(path, json.dumps([*losses, (step, loss)]).encode())
