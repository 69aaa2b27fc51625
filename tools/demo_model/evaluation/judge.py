"""The judge: a small network that says what a picture shows, learnt from drawn pictures only."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from tools.demo_model.canvas import LABELS, OBJECTS, Bytes
from tools.demo_model.palette import NAMED
from tools.demo_model.scene import DUSK, TERRAINS, TIMES, Attributes

SIDE = 128  # of what the judge sees and of its segmentation
TIME_NAMES = (*TIMES, DUSK)
STYLES = ("flat", "ink")
COLOURS = tuple(NAMED)
# The label that each thing of a scene has in the segmentation.
LABEL_OF: Mapping[str, str] = {
    **{name: name for name in ("house", "tree", "cactus", "lighthouse", "tent")},
    **{"pine tree": "pine", "pine trees": "pine"},
    **{"sailboat": "boat", "hot air balloon": "balloon"},
}
# Sky with all that hangs in it, ground near and far, water.
LAYOUT = (
    tuple(LABELS.index(name) for name in ("sky", "cloud", "sun", "moon")),
    tuple(LABELS.index(name) for name in ("far", "ground")),
    (LABELS.index("water"),),
)
_FOLD = 4  # pixels of the picture to one of the network's, each way
_FIRST_OBJECT = LABELS.index(OBJECTS[0])
_BATCH = 25
LEFT, RIGHT = 0.37, 0.63  # where the captions draw the lines between the sides


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """An object that the judge sees in a picture."""

    colour: str  # of COLOURS, the likeliest over the object's pixels
    x: float  # of the middle of its pixels, in fractions of the picture's side
    y: float

    @property
    def side(self) -> str:
        """In the captions' words: left, right or middle."""
        return side_of(self.x)


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """What one picture shows."""

    time: str  # of TIME_NAMES
    terrain: str  # of TERRAINS
    style: str  # of STYLES
    labels: Bytes  # 128×128, places in canvas.LABELS
    depth: Bytes  # 128×128, 0 is far and 255 near
    objects: dict[str, Seen]  # by their names in canvas.OBJECTS


def side_of(x: float) -> str:
    """The side of a place, in the captions' words."""
    return "left" if x < LEFT else "right" if x > RIGHT else "middle"


def told(shown: Attributes) -> set[str]:
    """The names in canvas.OBJECTS of what stands in a picture."""
    return {LABEL_OF[thing.name] for thing in shown.things if thing.name in LABEL_OF}


class Outputs:
    """What the network says about a batch: planes of 128×128 numbers, and one row a picture."""

    def __init__(self, planes: Tensor, facts: Tensor) -> None:
        sizes = (len(LABELS), len(COLOURS), 1)
        self.labels, self.colours, depth = planes.split(sizes, 1)
        self.depth = depth[:, 0].sigmoid()
        kinds = (len(TIME_NAMES), len(TERRAINS), len(STYLES))
        self.time, self.terrain, self.style = facts.split(kinds, 1)


class JudgeNetwork(nn.Module):
    """A U-Net on pictures of 128×128, with three answers about the whole."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        # A quarter of the size and sixteen times the channels: full size is slow and says little.
        self.down = nn.ModuleList(
            _block(before, after)
            for before, after in zip((3 * _FOLD**2, *widths), widths, strict=False)
        )
        self.up = nn.ModuleList(
            _block(coarse + fine, fine)
            for coarse, fine in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        planes = len(LABELS) + len(COLOURS) + 1
        self.planes = nn.Conv2d(widths[0], _FOLD**2 * planes, 1)
        self.facts = nn.Linear(sum(widths), len(TIME_NAMES) + len(TERRAINS) + len(STYLES))

    def forward(self, pictures: Tensor) -> Outputs:
        """Judges pictures of count×3×128×128, -1 to 1."""
        x = functional.pixel_unshuffle(pictures, _FOLD)
        levels: list[Tensor] = []
        for number, block in enumerate(self.down):
            x = block(functional.avg_pool2d(x, 2) if number else x)
            levels.append(x)
        facts = self.facts(torch.cat([level.mean((2, 3)) for level in levels], 1))
        for block, finer in zip(self.up, levels[-2::-1], strict=True):
            x = block(torch.cat([functional.interpolate(x, scale_factor=2.0), finer], 1))
        planes = functional.pixel_shuffle(self.planes(x), _FOLD)
        return Outputs(planes.float(), facts.float())


class Judge:
    """The network with the number of pixels from which on an object counts as there."""

    def __init__(self, network: JudgeNetwork, thresholds: Mapping[str, int]) -> None:
        self.network = network.eval()
        self.thresholds = dict(thresholds)

    @classmethod
    def open(cls, path: Path) -> "Judge":
        """The judge that `save` wrote into `path`."""
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        network = JudgeNetwork(tuple(saved["widths"]))
        network.load_state_dict(saved["network"])
        return cls(network, saved["thresholds"])

    def save(self, path: Path, widths: tuple[int, ...]) -> None:
        """Writes weights and thresholds."""
        state = {"network": self.network.state_dict(), "thresholds": self.thresholds}
        torch.save({**state, "widths": list(widths)}, path)

    @torch.no_grad()
    def look(self, pictures: Bytes) -> list[Verdict]:
        """What each of the pictures (count×height×width×3, RGB) shows."""
        verdicts: list[Verdict] = []
        for start in range(0, len(pictures), _BATCH):
            small = to_tensor(shrunk(pictures[start : start + _BATCH]))
            outputs = self.network(small)
            verdicts += [self._verdict(outputs, number) for number in range(len(small))]
        return verdicts

    def _verdict(self, outputs: Outputs, number: int) -> Verdict:
        labels = outputs.labels[number].argmax(0)
        colours = outputs.colours[number].log_softmax(0)
        objects: dict[str, Seen] = {}
        for place, name in enumerate(OBJECTS, _FIRST_OBJECT):
            pixels = labels == place
            if int(pixels.sum()) < self.thresholds[name]:
                continue
            rows, columns = pixels.nonzero(as_tuple=True)
            objects[name] = Seen(
                colour=COLOURS[int(colours[:, pixels].sum(1).argmax())],
                x=(columns.float().mean().item() + 0.5) / SIDE,
                y=(rows.float().mean().item() + 0.5) / SIDE,
            )
        return Verdict(
            time=TIME_NAMES[int(outputs.time[number].argmax())],
            terrain=TERRAINS[int(outputs.terrain[number].argmax())],
            style=STYLES[int(outputs.style[number].argmax())],
            labels=labels.to(torch.uint8).numpy(),
            depth=(outputs.depth[number] * 255).round().to(torch.uint8).numpy(),
            objects=objects,
        )


def shrunk(pictures: Bytes) -> Bytes:
    """The pictures at the judge's size, averaged."""
    size = (SIDE, SIDE)
    return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in pictures])


def to_tensor(pictures: Bytes) -> Tensor:
    """Pictures of count×128×128×3 as the network takes them."""
    tensor = torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1
    return tensor.contiguous(memory_format=torch.channels_last)


def halved(planes: Bytes) -> Bytes:
    """Every second pixel of drawn labels or depths (count×256×256): the judge's size."""
    return planes[:, ::2, ::2]


def _block(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (before, after):
        layers += [
            nn.Conv2d(channels, after, 3, padding=1, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
