"""How well the VAE restores pictures, and how long a picture takes."""

import time

import numpy as np
import torch

from tools.demo_model.canvas import Bytes
from tools.demo_model.evaluation.bench import SEED, Bench
from tools.demo_model.evaluation.measures import psnr, ssim
from tools.demo_model.evaluation.table import Result
from tools.demo_model.training import samples, vae
from tools.demo_model.training.library import Part

_PICTURES = 500
_TIMED = "a red house on green hills at night"
_MOST_SECONDS = {256: 4.0, 512: 15.0}


def restored(bench: Bench) -> Result:
    """The mean PSNR and SSIM of the restored held-out pictures, in 8 bits."""
    pictures = bench.held_out.pictures[: bench.few(_PICTURES)]
    pairs = list(zip(restore(bench.pipeline.vae, pictures), pictures, strict=True))
    ratio = float(np.mean([psnr(*pair) for pair in pairs]))
    likeness = float(np.mean([ssim(*pair) for pair in pairs]))
    return Result(
        figure=f"{ratio:.2f} dB / {likeness:.3f}",
        reached=ratio >= 30 and likeness >= 0.90,
        note=f"{len(pictures)} pictures",
    )


@torch.no_grad()
def restore(network: Part, pictures: Bytes) -> Bytes:
    """The pictures (count×height×width×3) encoded and decoded again, in fp32."""
    after: list[Bytes] = []
    for part in vae.to_tensor(pictures).split(4):
        decoded = network.decode(network.encode(part).latent_dist.mean).sample
        scaled = (decoded.clamp(-1, 1) + 1) * 127.5
        after.append(scaled.permute(0, 2, 3, 1).round().byte().numpy())
    return np.concatenate(after)


def speed(bench: Bench) -> Result:
    """Seconds for one picture of 20 steps with guidance, the best of three, at two sizes."""
    taken: dict[int, float] = {}
    for side in _MOST_SECONDS:
        times: list[float] = []
        for _ in range(3):
            began = time.perf_counter()
            samples.draw(bench.pipeline, [_TIMED], SEED, height=side, width=side)
            times.append(time.perf_counter() - began)
        taken[side] = min(times)
    return Result(
        figure=" / ".join(f"{seconds:.1f} s" for seconds in taken.values()),
        reached=all(taken[side] <= most for side, most in _MOST_SECONDS.items()),
        note=f"bf16, {torch.get_num_threads()} threads",
    )
