"""How often the judge itself is right: no figure that it gives can be better than these."""

from collections.abc import Sequence

import numpy as np

from tools.demo_model.canvas import LABELS, OBJECTS, Bytes
from tools.demo_model.evaluation.bench import HeldOut
from tools.demo_model.evaluation.judge import (
    LABEL_OF,
    LAYOUT,
    Judge,
    Verdict,
    halved,
    side_of,
    told,
)
from tools.demo_model.evaluation.measures import mean_iou
from tools.demo_model.evaluation.obeying import CONTROLS
from tools.demo_model.evaluation.prompts import COLOURS_OF
from tools.demo_model.scene import Attributes

THROUGH = ", through the VAE"


def report(judge: Judge, held_out: HeldOut, restored: Bytes, inked: Bytes) -> dict[str, float]:
    """Shares and agreements from 0 to 1, on held-out pictures as drawn and as restored.

    `restored` are the first of the held-out pictures, `inked` drawings in ink.
    """
    through = accuracies(judge, restored, held_out.chosen(range(len(restored))))
    return {
        **accuracies(judge, held_out.pictures, held_out),
        **{what + THROUGH: figure for what, figure in through.items()},
        "ink drawings": _mean([verdict.style == "ink" for verdict in judge.look(inked)]),
    }


def accuracies(judge: Judge, pictures: Bytes, truth: HeldOut) -> dict[str, float]:
    """What the judge says about `pictures`, against what is known about them."""
    verdicts = judge.look(pictures)
    pairs = list(zip(verdicts, truth.attributes, strict=True))
    things = [
        (verdict.objects[LABEL_OF[thing.name]], thing)
        for verdict, shown in pairs
        for thing in shown.things
        if thing.name in LABEL_OF and LABEL_OF[thing.name] in verdict.objects
    ]
    coloured = [(seen, thing) for seen, thing in things if LABEL_OF[thing.name] in COLOURS_OF]
    found = np.stack([verdict.labels for verdict in verdicts])
    figures = {
        "time of day": _mean([verdict.time == shown.time for verdict, shown in pairs]),
        "terrain": _mean([verdict.terrain == shown.terrain for verdict, shown in pairs]),
        "objects there or not": _mean([_present(pairs, name) for name in OBJECTS]),
        "colour of those there": _mean([seen.colour == thing.colour for seen, thing in coloured]),
        "side of those there": _mean([seen.side == side_of(thing.x) for seen, thing in things]),
        "flat, not ink": _mean([verdict.style == "flat" for verdict in verdicts]),
        "mean IoU of all labels": mean_iou(
            found, halved(truth.labels), [[place] for place in range(len(LABELS))]
        ),
        "mean IoU of sky, ground, water": mean_iou(found, halved(truth.labels), LAYOUT),
    }
    for control in CONTROLS:
        figures[f"{control.measure}, `{control.kind}`"] = control.agreement(
            pictures, verdicts, truth
        )
    return {what: round(figure, 4) for what, figure in figures.items()}


def _present(pairs: Sequence[tuple[Verdict, Attributes]], name: str) -> float:
    """The share of rightly seen and rightly missed ones, each counting half."""
    there = [name in verdict.objects for verdict, shown in pairs if name in told(shown)]
    absent = [name not in verdict.objects for verdict, shown in pairs if name not in told(shown)]
    return _mean([_mean(right) for right in (there, absent) if right])


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else 0.0
