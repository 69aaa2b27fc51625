"""Peak memory of one large upload: a 4096x4096 picture opened, resized and generated at 512.

`python benchmarks/memory.py` prints how much memory, above what the loaded model takes after a
first small job, the process needs at its peak; at most 600 MB is wanted. Linux only, since it
reads and resets the kernel's own high-water mark.
"""

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pipelines.catalog.folders import Kind, folders_for
from pipelines.catalog.scan import FolderCatalog
from pipelines.diffusion.device import choose_policy
from pipelines.diffusion.run import Diffusion
from pipelines.engine.engine import Engine
from pipelines.imaging.opening import open_picture
from pipelines.plan import make_plan
from pipelines.produce import Production
from pipelines.requests import Img2ImgRequest, Prompt, ResizeTo
from pipelines.settings import Settings
from pipelines.storage import Storage
from pipelines.styles import StyleBook

ROOT = Path(__file__).resolve().parent.parent
WANTED_MEGABYTES = 600
SIDE = 4096


def main() -> int:
    """Run the jobs and print the figures; 0 when within the mark, else 1."""
    with tempfile.TemporaryDirectory() as folder:
        generate, close = _prepare(Path(folder))
        upload = _large_picture()
        generate(_small_picture())
        before = _memory("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
        generate(upload)
        peak = _memory("VmHWM") - before
        close()
    verdict = "within" if peak <= WANTED_MEGABYTES else "OVER"
    print(f"model and libraries    {before:7.0f} MB")
    print(f"4096x4096 upload above {peak:7.0f} MB, {verdict} {WANTED_MEGABYTES} MB")
    return 0 if peak <= WANTED_MEGABYTES else 1


def _prepare(folder: Path) -> tuple[Callable[[bytes], None], Callable[[], None]]:
    """What generates at 512x512 from an uploaded file's bytes, and what ends the engine."""
    settings, styles = Settings(), StyleBook(folder / "styles.csv")
    catalog = FolderCatalog(folders_for(Kind.checkpoint, [ROOT / "models"]), [], folder / "cache")
    policy = choose_policy(medvram=False, lowvram=False, no_half_vae=False)
    engine = Engine(Production(Diffusion(policy).denoise, Storage(folder)))

    def generate(upload: bytes) -> None:
        path = folder / "upload.png"
        path.write_bytes(upload)
        picture = open_picture(path, max_pixels=int(settings.max_picture_megapixels * 1e6))
        request = Img2ImgRequest(
            init_image=picture,
            prompt=Prompt(positive="a red house by a river at sunset"),
            size=ResizeTo(width=512, height=512),
        )
        job = engine.submit(make_plan(request, settings, catalog, styles), "")
        job.wait()
        if job.error:
            raise RuntimeError(job.error)

    return generate, engine.close


def _large_picture() -> bytes:
    """A PNG of 4096x4096 pixels whose content compresses like a photograph's, roughly."""
    coarse = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return _png(image)


def _small_picture() -> bytes:
    return _png(Image.new("RGB", (512, 512), (90, 140, 200)))


def _png(image: Image.Image) -> bytes:
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
