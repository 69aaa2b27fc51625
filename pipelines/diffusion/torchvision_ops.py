"""Makes `import torchvision` work when its compiled operators do not match the installed torch.

The package index has one torchvision wheel per platform, compiled against the CUDA build of torch.
Beside a CPU build its library does not load, and torchvision then fails while it describes two
operators that nobody has declared. The failure takes transformers, diffusers and controlnet_aux
along. With the two declared, everything works but torchvision's compiled operators themselves
(`roi_align` and its like), which nothing here calls. `nms`, which Segment Anything calls, is done
in Python then.
"""

import logging
import re
from importlib import import_module
from typing import Any

import torch

log = logging.getLogger("redraw")

# As torchvision's compiled library declares them.
SCHEMAS = {
    "nms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms": "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
}

MISSING_OPERATOR = re.compile(r"operator torchvision::\w+ does not exist")


def ensure_torchvision() -> None:
    """Import torchvision; if that fails for want of an operator, declare it and import again.

    Call this before importing transformers, diffusers or controlnet_aux. Calling it again costs
    nothing. Any other failure of the import is raised as it is.
    """
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if not MISSING_OPERATOR.search(str(error)):
            raise
        declare_missing_operators()
        import_module("torchvision")
        boxes: Any = import_module("torchvision.ops.boxes")
        boxes.nms = nms
        log.info(
            "torchvision goes without its compiled operators beside torch %s.", torch.__version__
        )


def declare_missing_operators() -> None:
    """Declare each operator of `SCHEMAS` that torch does not know; it still cannot be called."""
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", schema)


def nms(dets: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Non-maximum suppression: indices of the boxes that stay, the best score first.

    `dets` is count x (x1, y1, x2, y2). A box falls if it overlaps a better one that stays by more
    than `iou_threshold`: the area they share, divided by the area that either covers.
    """
    areas = (dets[:, 2] - dets[:, 0]) * (dets[:, 3] - dets[:, 1])
    left = scores.argsort(descending=True, stable=True)
    kept: list[torch.Tensor] = []
    while left.numel():
        best, left = left[0], left[1:]
        kept.append(best)
        corner = torch.maximum(dets[best, :2], dets[left, :2])
        sides = (torch.minimum(dets[best, 2:], dets[left, 2:]) - corner).clamp(min=0)
        shared = sides[:, 0] * sides[:, 1]
        left = left[shared <= iou_threshold * (areas[best] + areas[left] - shared)]
    return torch.stack(kept) if kept else left
