"""What the benchmarks share: the demo model behind the engine, a job for it, and the verdict."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from pipelines.catalog.scan import FolderCatalog
from pipelines.diffusion.device import choose_policy
from pipelines.diffusion.run import Diffusion, LoadedModel
from pipelines.engine.engine import Engine
from pipelines.plan import Plan, make_plan
from pipelines.produce import Production
from pipelines.requests import Img2ImgRequest, Prompt, ResizeTo, Sampling, Seeds
from pipelines.settings import Settings
from pipelines.storage import Storage
from pipelines.styles import StyleBook

ROOT = Path(__file__).resolve().parents[1]
PROMPT = Prompt(positive="a red house by a lake, evening", negative="night")


def source_picture() -> Image.Image:
    """A 512x512 picture, made anew as each upload makes one."""
    across = Image.linear_gradient("L").resize((512, 512))
    return Image.merge("RGB", (across, across.rotate(90), across.rotate(180)))


@dataclass(kw_only=True)
class Workshop:
    """The program's own parts from the plan to the saved file, on the demo model."""

    diffusion: Diffusion
    engine: Engine
    catalog: FolderCatalog
    settings: Settings = field(default_factory=Settings)

    def plan(self, picture: Image.Image, *, seed: int, size: int, steps: int) -> Plan:
        """A plan for the demo model at its default strength."""
        request = Img2ImgRequest(
            init_image=picture,
            prompt=PROMPT,
            size=ResizeTo(width=size, height=size),
            sampling=Sampling(steps=steps),
            seeds=Seeds(seed=seed),
        )
        return make_plan(request, self.settings, self.catalog, StyleBook(Path("no-styles.csv")))

    def run(self, *, seed: int, size: int, steps: int) -> float:
        """Seconds from the request to the end of its job: plan, queue, pictures, files."""
        picture = source_picture()
        started = time.perf_counter()
        plan = self.plan(picture, seed=seed, size=size, steps=steps)
        job = self.engine.submit(plan, "benchmark")
        job.wait()
        elapsed = time.perf_counter() - started
        if job.error is not None:
            sys.exit(job.error)
        return elapsed

    def model(self) -> LoadedModel:
        """The demo model as the jobs use it."""
        plan = self.plan(source_picture(), seed=0, size=256, steps=1)
        return self.diffusion._model(plan.checkpoint, plan.settings, None)


@contextmanager
def workshop() -> Iterator[Workshop]:
    """A Workshop whose files go to a folder that is removed afterwards."""
    with TemporaryDirectory() as folder:
        data = Path(folder)
        diffusion = Diffusion(choose_policy())
        engine = Engine(Production(diffusion.denoise, Storage(data)))
        catalog = FolderCatalog([ROOT / "models" / "Stable-diffusion"], [], data / "cache")
        settings = Settings().with_changes({"sd_model_checkpoint": "demo"})
        try:
            yield Workshop(diffusion=diffusion, engine=engine, catalog=catalog, settings=settings)
        finally:
            engine.close()


@dataclass
class Stopwatch:
    """Seconds spent in, and calls of, a function that is wrapped."""

    seconds: float = 0.0
    calls: int = 0

    def around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, timed."""

        def timed(*arguments: object, **named: object) -> object:
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - started
                self.calls += 1

        return timed


def arguments(description: str, *, repeats: int) -> argparse.Namespace:
    """--size, --steps and --repeats."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--size", type=int, default=256, help="width and height in pixels")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=repeats)
    return parser.parse_args()


def spread(seconds: list[float]) -> str:
    """Median and range in milliseconds."""
    return f"{median(seconds) * 1e3:.0f} ms ({min(seconds) * 1e3:.0f}-{max(seconds) * 1e3:.0f})"


def verdict(name: str, value: float, limit: float, unit: str = "") -> int:
    """Print the outcome; the exit status is 0 within the limit and 1 above it."""
    kept = value <= limit
    print(f"{name}: {value:.3g}{unit} (limit {limit:g}{unit}): {'kept' if kept else 'EXCEEDED'}")
    return 0 if kept else 1
