"""Makes `import torchvision` work when its compiled operators do not match the installed torch.

The package index has one torchvision wheel per platform, compiled against the CUDA build of torch.
Beside a CPU build its library does not load, and torchvision then fails while it describes two
operators that nobody has declared. The failure takes transformers, diffusers and controlnet_aux
along. With the two declared, everything works but torchvision's compiled operators themselves
(`nms`, `roi_align` and their like), which nothing here calls.
"""

import logging
import re
from importlib import import_module

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
        log.info(
            "torchvision goes without its compiled operators beside torch %s.", torch.__version__
        )


def declare_missing_operators() -> None:
    """Declare each operator of `SCHEMAS` that torch does not know; it still cannot be called."""
    for name, schema in SCHEMAS.items():
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", schema)
