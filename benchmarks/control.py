"""What one ControlNet unit costs beside its network's own forward passes: `control.py`.

Two jobs run in turn in this process, with and without the unit, and the network alone on what it
is given in the job: the same rows, size and precision, as often as it is asked, its map embedded
each time as diffusers does it. The map is made once; a second click with the same one does not run
its preprocessor, and this counts as a second click.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.common import (  # noqa: E402 found by the line above
    Workshop,
    arguments,
    source_picture,
    spread,
    verdict,
    workshop,
)

LIMIT = 1.05


def controlnet_like(unet: Any, folder: Path) -> Any:  # noqa: ANN401 diffusers' own loose types
    """A ControlNet of the UNet's size, saved as a folder; the unit that uses it."""
    import torch
    from diffusers.models.controlnets.controlnet import ControlNetModel

    from pipelines.catalog.checkpoints import Layout
    from pipelines.catalog.models import ModelFile
    from pipelines.control.planned import PlannedUnit
    from pipelines.control.units import ControlUnit
    from pipelines.plugins import NO_PREPROCESSOR, Detected, Preprocessor

    network: Any = cast(Any, ControlNetModel).from_unet(unet)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(torch.randn_like(weight) * 1e-3)
    network.save_pretrained(folder)
    nothing = Preprocessor(
        key=NO_PREPROCESSOR,
        label=NO_PREPROCESSOR,
        run=lambda given: Detected(pixels=given.picture),
        resolution=None,
    )
    return PlannedUnit(
        unit=ControlUnit(index=0, images=(source_picture(),)),
        preprocessor=nothing,
        model=ModelFile(name=folder.name, path=folder, layout=Layout.folder),
        model_title=folder.name,
        resolution=None,
        a=0.5,
        b=0.5,
    )


def timed_job(shop: Workshop, units: tuple[Any, ...], *, seed: int, size: int, steps: int) -> float:
    """Seconds from the plan to the end of its job."""
    picture = source_picture()
    started = time.perf_counter()
    plan = replace(shop.plan(picture, seed=seed, size=size, steps=steps), control=units)
    job = shop.engine.submit(plan, "benchmark")
    job.wait()
    elapsed = time.perf_counter() - started
    if job.error is not None:
        sys.exit(job.error)
    return elapsed


def main() -> int:
    """Print the medians and how the unit's cost compares with its network's."""
    import torch

    options = arguments(__doc__ or "", repeats=9)
    steered: list[float] = []
    plain: list[float] = []
    alone: list[float] = []
    with workshop() as shop, TemporaryDirectory() as folder:
        model = shop.model()
        unet: Any = model.components.unet
        unit = controlnet_like(unet, Path(folder) / "like_demo")
        size, steps = options.size, options.steps
        executed = shop.plan(source_picture(), seed=0, size=size, steps=steps).steps.executed
        timed_job(shop, (unit,), seed=0, size=size, steps=steps)
        # The very network of the jobs, in their precision and memory layout.
        (loaded,) = shop.diffusion._controls._models.values()
        network: Any = loaded.network
        side = size // 8
        rows = torch.zeros(2, 4, side, side, dtype=unet.dtype)
        texts = torch.zeros(2, 77, unet.config.cross_attention_dim, dtype=unet.dtype)
        hint = torch.zeros(2, 3, size, size, dtype=unet.dtype)

        def run_alone() -> float:
            started = time.perf_counter()
            with torch.no_grad():
                for _ in range(executed):
                    network(rows, 500, texts, hint, return_dict=False)
            return time.perf_counter() - started

        for seed in range(options.repeats + 1):
            taken = (
                timed_job(shop, (unit,), seed=seed, size=size, steps=steps),
                timed_job(shop, (), seed=seed, size=size, steps=steps),
                run_alone(),
            )
            if seed:  # the first of each warms up
                for seconds, kept in zip(taken, (steered, plain, alone), strict=True):
                    kept.append(seconds)
    print(f"{size}x{size}, {executed} steps, {options.repeats} repeats of each")
    print(f"with the unit {spread(steered)}\nwithout       {spread(plain)}")
    print(f"network alone {spread(alone)}")
    # Neighbours in time are compared, so that whatever else the machine does hits all three.
    ratios = [whole / (rest + own) for whole, rest, own in zip(steered, plain, alone, strict=True)]
    return verdict("with / (without + network), median", median(ratios), LIMIT)


if __name__ == "__main__":
    sys.exit(main())
