"""How well pictures obey a control map, with the ControlNet at weight 1 and at 0."""

import random
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from tools.demo_model.canvas import Bytes
from tools.demo_model.evaluation.bench import SEED, Bench, HeldOut
from tools.demo_model.evaluation.judge import SIDE, Verdict, halved
from tools.demo_model.evaluation.measures import Mask, edge_f1, mean_iou, rank_correlation
from tools.demo_model.evaluation.prompts import describing
from tools.demo_model.evaluation.table import Result
from tools.demo_model.scene import DUSK
from tools.demo_model.training import samples
from tools.demo_model.training.controls import ADE20K, STEADY, Hand, control_map

_THIN = Hand(width=1)
_CANNY_HIGHS = np.geomspace(15, 300, 30)  # the low threshold is half of it
REGIONS = [
    [place for place, (_, colour) in enumerate(ADE20K.values()) if colour == shown]
    for shown in dict.fromkeys(colour for _, colour in ADE20K.values())
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Control:
    """A ControlNet, and how it is told whether it was obeyed."""

    kind: str
    measure: str  # what the agreement is called
    agreement: Callable[[Bytes, list[Verdict], HeldOut], float]  # of drawn and control pictures
    least: float
    most_without: float = 1.0  # agreement at weight 0


def obeyed(control: Control) -> Callable[[Bench], Result]:
    """The measurement of one ControlNet."""

    def measure(bench: Bench) -> Result:
        held_out = bench.held_out.chosen(range(bench.few()))
        pipeline = bench.controlled(control.kind)
        maps = [Image.fromarray(one) for one in control_maps(control.kind, held_out)]
        chance = random.Random("held-out controls")
        prompts = [
            describing(shown, "" if shown.time == DUSK else shown.time, chance).text
            for shown in held_out.attributes
        ]
        found: list[float] = []
        for weight in (1.0, 0.0):
            drawn = samples.draw(
                pipeline,
                prompts,
                SEED,
                each={"image": maps},
                controlnet_conditioning_scale=weight,
            )
            found.append(control.agreement(drawn, bench.judge.look(drawn), held_out))
        return Result(
            figure=f"{found[0]:.3f} against {found[1]:.3f}",
            reached=found[0] >= control.least and found[1] < control.most_without,
            note=f"{len(prompts)} pictures",
        )

    return measure


def control_maps(kind: str, held_out: HeldOut, hand: Hand = STEADY) -> list[Bytes]:
    """The control maps of drawn pictures."""
    planes = zip(held_out.pictures, held_out.labels, held_out.depth, strict=True)
    return [control_map(kind, *one, hand) for one in planes]


def edges_agree(drawn: Bytes, _verdicts: list[Verdict], held_out: HeldOut) -> float:
    """The mean F1 of the control's edges and the strongest ones of the result, as many of them."""
    wanted = [one[..., 0] > 127 for one in control_maps("canny", held_out)]
    pairs = zip(drawn, wanted, strict=True)
    scores = [edge_f1(strongest_edges(picture, int(true.sum())), true) for picture, true in pairs]
    return float(np.mean(scores))


def strongest_edges(picture: Bytes, count: int) -> Mask:
    """Canny's edges with the thresholds that find about `count` pixels of them.

    At the thresholds of the control map half of the edges of a drawn picture are missed once it
    has gone through the VAE, which softens them all.
    """
    drawn = np.ascontiguousarray(picture)
    tried = [np.asarray(cv2.Canny(drawn, high / 2, high)) > 0 for high in _CANNY_HIGHS]
    return min(tried, key=lambda edges: abs(int(edges.sum()) - count))


def outlines_agree(_drawn: Bytes, verdicts: list[Verdict], held_out: HeldOut) -> float:
    """The mean F1 of the control's outlines and those of the regions that the judge sees.

    They are compared one pixel thin: thick ones two pixels off would pass for more than they are.
    """
    scores: list[float] = []
    wanted = control_maps("scribble", held_out, _THIN)
    for verdict, picture, true in zip(verdicts, held_out.pictures, wanted, strict=True):
        labels, depth = doubled(verdict.labels), doubled(verdict.depth)
        found = control_map("scribble", picture, labels, depth, _THIN)
        scores.append(edge_f1(found[..., 0] > 127, true[..., 0] > 127))
    return float(np.mean(scores))


def labels_agree(_drawn: Bytes, verdicts: list[Verdict], held_out: HeldOut) -> float:
    """The mean IoU of the regions that the judge sees and those of the control.

    Labels that have the same colour in the control map, as sky and cloud have, are one region.
    """
    found = np.stack([verdict.labels for verdict in verdicts])
    return mean_iou(found, halved(held_out.labels), REGIONS)


def depth_agrees(_drawn: Bytes, verdicts: list[Verdict], held_out: HeldOut) -> float:
    """The mean rank correlation of the depth that the judge sees and that of the control."""
    pairs = zip((verdict.depth for verdict in verdicts), halved(held_out.depth), strict=True)
    return float(np.mean([rank_correlation(*pair) for pair in pairs]))


def doubled(plane: Bytes) -> Bytes:
    """A plane of the judge's size at the pictures' size."""
    assert plane.shape == (SIDE, SIDE)
    return plane.repeat(2, 0).repeat(2, 1)


CONTROLS = (
    Control(
        kind="canny",
        measure="edge F1",
        agreement=edges_agree,
        least=0.75,
        most_without=0.4,
    ),
    Control(
        kind="scribble",
        measure="edge F1",
        agreement=outlines_agree,
        least=0.75,
        most_without=0.4,
    ),
    Control(kind="depth", measure="rank correlation of depth", agreement=depth_agrees, least=0.85),
    Control(kind="seg", measure="mean IoU of regions", agreement=labels_agree, least=0.7),
)
