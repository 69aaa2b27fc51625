"""Draws the golden pictures of the resize modes with the slow implementation."""

from pathlib import Path

from pipelines.imaging.geometry import Size
from pipelines.requests import ResizeMode
from tests.helpers.images import gradient, noise
from tests.pipelines.imaging.slow_resize import slow_resize


def draw(folder: Path) -> None:
    """Write the source and one picture for each mode and shape into `folder`."""
    source = gradient(64, 64)
    source.paste(noise(24, 24, seed=1), (12, 28))
    source.save(folder / "resize_source.png")
    for mode in ResizeMode:
        if mode is ResizeMode.latent_upscale:
            continue
        for width, height in ((64, 40), (40, 64)):
            drawn = slow_resize(source, Size(width, height), mode)
            drawn.save(folder / f"resize_{mode.name}_{width}x{height}.png")


if __name__ == "__main__":
    draw(Path(__file__).parent)
