"""Latents to small RGB pictures without the VAE: one linear map per model, fitted when it loads."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from pipelines.diffusion.parts import Vae
from pipelines.diffusion.vae import encode

LONGEST_SIDE = 512
"""Pixels; a larger preview would cost transfer and show no more."""

PATCH = 16
"""Pixels along a side of one colour of the chart: two latents, so that no border fills it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PreviewMap:
    """RGB in [0, 1] from latents: `matrix` is 4x3, `offset` 3; both float32 on the processor."""

    matrix: torch.Tensor
    offset: torch.Tensor

    def draw(self, latents: torch.Tensor) -> Image.Image:
        """Pictures of BxCxHxW float32 latents on the processor, side by side in rows, RGB."""
        colours = torch.einsum("bchw,cr->bhwr", latents, self.matrix) + self.offset
        pixels = (torch.nan_to_num(colours).clamp(0, 1) * 255).to(torch.uint8)
        sheet = Image.fromarray(_side_by_side(pixels).numpy())
        factor = min(8, LONGEST_SIDE / max(sheet.size))
        width, height = (max(round(side * factor), 1) for side in sheet.size)
        return sheet.resize((width, height), Image.Resampling.BILINEAR)


def colour_chart() -> Image.Image:
    """128x128: the 64 colours of a 4x4x4 lattice, neighbours far apart in colour."""
    levels = np.array([(r, g, b) for r in range(4) for g in range(4) for b in range(4)]) * 85
    # A step of 27 visits all 64, since it shares no factor with them.
    mixed = levels[np.arange(64) * 27 % 64].reshape(8, 8, 3).astype(np.uint8)
    return Image.fromarray(mixed.repeat(PATCH, axis=0).repeat(PATCH, axis=1))


def fit_preview(vae: Vae, device: torch.device) -> PreviewMap:
    """The map that explains best, in least squares, how this VAE encodes the colour chart."""
    chart = colour_chart()
    latents = encode(vae, chart, device)[0].cpu()
    points = latents.flatten(1).T
    points = torch.cat([points, torch.ones(len(points), 1)], dim=1)
    small = chart.resize((latents.shape[2], latents.shape[1]), Image.Resampling.BOX)
    colours = torch.from_numpy(np.asarray(small, np.float32) / 255).reshape(-1, 3)
    solution = torch.linalg.lstsq(points, colours).solution
    return PreviewMap(matrix=solution[:-1], offset=solution[-1])


def _side_by_side(pictures: torch.Tensor) -> torch.Tensor:
    """BxHxWx3 to one sheet, as square as possible, black where there is none."""
    count, height, width, _ = pictures.shape
    columns = math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    sheet = torch.zeros(rows * height, columns * width, 3, dtype=pictures.dtype)
    for index, picture in enumerate(pictures):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height, left : left + width] = picture
    return sheet
