"""Peak memory of one large upload: a 4096x4096 picture opened, resized and generated at 512.

`python benchmarks/memory.py` prints how much memory, above what the loaded model takes after a
first small job, the process needs at its peak; at most 600 MB is wanted. Linux only, since it
reads and resets the kernel's own high-water mark.
"""

import io
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.common import Workshop, source_picture, verdict, workshop  # noqa: E402 found by the line above
from pipelines.imaging.opening import open_picture  # noqa: E402 as above

LIMIT_MEGABYTES = 600
SIDE = 4096


def main() -> int:
    """Run the jobs and print the figures; 0 when within the limit, else 1."""
    upload = _large_upload()
    with workshop() as shop:
        _generate(shop, source_picture())
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
        limit = int(shop.settings.max_picture_megapixels * 1e6)
        _generate(shop, open_picture(upload, max_pixels=limit))
        peak = _memory("VmHWM") - before
    print(f"model and libraries: {before:.0f} MB")
    return verdict(f"{SIDE}x{SIDE} upload above that", peak, LIMIT_MEGABYTES, " MB")


def _generate(shop: Workshop, picture: Image.Image) -> None:
    job = shop.engine.submit(shop.plan(picture, seed=1, size=512, steps=20), "benchmark")
    job.wait()
    if job.error is not None:
        sys.exit(job.error)


def _large_upload() -> bytes:
    """A PNG of 4096x4096 pixels that compresses like a photograph, roughly."""
    coarse = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


def _memory(name: str) -> float:
    """One of the kernel's figures for this process, in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the kernel does not report {name}")


if __name__ == "__main__":
    sys.exit(main())
