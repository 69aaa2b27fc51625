"""One img2img job through the engine against the bare diffusers pipeline: `overhead.py`.

Both run in this process, in turn, on the same networks in the same precision, from the same
picture and prompt at the same size, with as many steps of DPM++ 2M Karras. The engine's side
includes the plan, the queue, resizing, saving the PNG and the infotext; what it kept of the job
before is forgotten each time, so that it encodes picture and prompt as the bare pipeline does.
"""

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.common import PROMPT, arguments, source_picture, spread, verdict, workshop  # noqa: E402 found by the line above

LIMIT = 1.05


def bare_pipeline(dtype: Any) -> Any:  # noqa: ANN401 diffusers' own loose types
    """What diffusers' documentation would have one write."""
    from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_img2img import (
        StableDiffusionImg2ImgPipeline,
    )
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler

    folder = ROOT / "models" / "Stable-diffusion" / "demo"
    pipeline: Any = StableDiffusionImg2ImgPipeline.from_pretrained(
        folder, torch_dtype=dtype, local_files_only=True, safety_checker=None
    )
    pipeline.scheduler = cast(Any, DPMSolverMultistepScheduler).from_config(
        pipeline.scheduler.config, use_karras_sigmas=True
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def main() -> int:
    """Print both medians and their ratio."""
    import torch

    options = arguments(__doc__ or "", repeats=9)
    ours: list[float] = []
    bare: list[float] = []
    with workshop() as shop:
        components = shop.model().components
        pipeline = bare_pipeline(components.unet.dtype)
        pipeline.to(next(components.unet.parameters()).device)
        if components.unet.dtype is torch.bfloat16:
            # The same memory layout as the engine's, so that only the way to the network differs.
            pipeline.unet.to(memory_format=torch.channels_last)
            pipeline.vae.to(memory_format=torch.channels_last)
        steps = shop.plan(
            source_picture(), seed=0, size=options.size, steps=options.steps
        ).steps.executed

        def run_bare(seed: int) -> float:
            source = source_picture()
            started = time.perf_counter()
            picture = source.resize((options.size, options.size))
            pipeline(
                prompt=PROMPT.positive,
                negative_prompt=PROMPT.negative,
                image=picture,
                strength=1.0,
                num_inference_steps=steps,
                guidance_scale=7.0,
                generator=torch.Generator().manual_seed(seed),
            )
            return time.perf_counter() - started

        def run_ours(seed: int) -> float:
            shop.diffusion.forget_encodings()
            return shop.run(seed=seed, size=options.size, steps=options.steps)

        for seed in range(options.repeats + 1):
            pair = (run_ours, run_bare) if seed % 2 else (run_bare, run_ours)
            taken = {run: run(seed) for run in pair}
            if seed:  # the first of each warms up
                ours.append(taken[run_ours])
                bare.append(taken[run_bare])
    print(f"{options.size}x{options.size}, {steps} steps, {options.repeats} repeats of each")
    print(f"engine   {spread(ours)}\ndiffusers {spread(bare)}")
    # Neighbours in time are compared, so that whatever else the machine does hits both.
    ratios = [mine / other for mine, other in zip(ours, bare, strict=True)]
    return verdict("engine / diffusers, median of pairs", median(ratios), LIMIT)


if __name__ == "__main__":
    sys.exit(main())
