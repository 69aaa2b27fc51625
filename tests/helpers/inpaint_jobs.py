"""Jobs with a mask on tiny models: the mask, the pictures, and what the network was shown."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from PIL import Image

from pipelines.diffusion.run import Diffusion
from pipelines.diffusion.vae import encode
from pipelines.imaging.inpaint import paste_back
from pipelines.imaging.prepare import prepare
from pipelines.monitor import Unwatched
from pipelines.plan import Plan
from pipelines.requests import Inpaint
from pipelines.results import DenoisedBatch
from tests.helpers.runs import loaded

LEFT_HALF = (0, 0, 32, 64)


def mask_of(*box: int, size: tuple[int, int] = (64, 64)) -> Image.Image:
    """White in the box (left, top, right, bottom), black around it."""
    mask = Image.new("L", size)
    mask.paste(255, cast(Any, box))
    return mask


def inpaint(*box: int, **changes: Any) -> Inpaint:
    """A sharp mask over the left half, or over `box`."""
    parts: dict[str, Any] = {"mask": mask_of(*(box or LEFT_HALF)), "blur_x": 0, "blur_y": 0}
    return Inpaint(**{**parts, **changes})


def batches(diffusion: Diffusion, plan: Plan, monitor: Any = None) -> list[DenoisedBatch]:
    """A plan carried out."""
    return list(diffusion.denoise(plan, monitor or Unwatched()))


def results(diffusion: Diffusion, plan: Plan) -> list[Image.Image]:
    """Pictures laid into their source."""
    return [
        paste_back(image, masked)
        for batch in batches(diffusion, plan)
        for (_, image), masked in zip(batch.images, batch.masked or (), strict=True)
    ]


def source_latents(diffusion: Diffusion, plan: Plan) -> torch.Tensor:
    """The latents of the picture that the plan begins with."""
    vae = loaded(diffusion, plan).components.vae
    return encode(vae, prepare(plan).init_image, torch.device("cpu"))


@contextmanager
def seen_by(unet: Any) -> Iterator[list[torch.Tensor]]:
    """What the first layer of the network is given."""
    seen: list[torch.Tensor] = []
    hook = unet.conv_in.register_forward_pre_hook(lambda _, args: seen.append(args[0].clone()))
    try:
        yield seen
    finally:
        hook.remove()
