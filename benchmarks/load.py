"""From a checkpoint's file to a model that is ready, against what reading its weights alone takes.

A single file of Stable Diffusion 1.5 in full size, fp16 and 2.13 GB, or one of SDXL, with random
weights, is written to a temporary folder. Reading alone is safetensors' own: every tensor into
memory, in the number format that this machine's models compute in. Ready is the program's whole
way from the catalogue's entry to the placed pipeline; both from a warm page cache. Then another
model is used and the first again, as often as `--switches` says. Needs up to 12 GB of memory and
2.2 GB of disk; with `--family sdxl`, whose file has 6.94 GB, up to 40 GB and 7 GB.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch
from safetensors import safe_open
from safetensors.torch import save_file

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.common import verdict  # noqa: E402 found by the line above
from pipelines.catalog.checkpoints import Checkpoint, Layout  # noqa: E402 as above
from pipelines.catalog.families import ModelFamily  # noqa: E402 as above
from pipelines.diffusion.configs import stored_config  # noqa: E402 as above
from pipelines.diffusion.device import DevicePolicy, choose_policy  # noqa: E402 as above
from pipelines.diffusion.models import Checkpoints  # noqa: E402 as above
from pipelines.imaging.geometry import Size  # noqa: E402 as above
from pipelines.settings import Settings  # noqa: E402 as above
from tests.helpers.ldm import published_tensors  # noqa: E402 as above

RATIO_LIMIT = 1.5
SWITCH_LIMIT_SECONDS = 0.3
GROWTH_LIMIT_PERCENT = 2.0
FAMILIES = (ModelFamily.sd1.name, ModelFamily.sdxl.name)
SETTINGS = Settings().with_changes({"model_cache_gigabytes": 64.0})


def main() -> int:
    """Print the three figures; 0 when all are within their limits, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--switches", type=int, default=50)
    parser.add_argument("--family", choices=FAMILIES, default="sd1")
    options = parser.parse_args()
    policy = choose_policy()
    print(f"models run on {policy}")
    with TemporaryDirectory() as folder:
        path = Path(folder) / "full.safetensors"
        family = ModelFamily[options.family]
        _write(path, family)
        # Made by hand, since the catalogue would be hashing the file meanwhile.
        full = Checkpoint(
            name="full",
            path=path,
            layout=Layout.file,
            short_hash="",
            default_size=Size(512, 512),
            family=family,
        )
        demo = ROOT / "models" / "Stable-diffusion" / "demo"
        small = replace(full, name="demo", path=demo, layout=Layout.folder)
        _read(path, policy)  # once for the page cache
        reading, loading = [], []
        for _ in range(options.repeats):
            reading.append(_seconds(lambda: _read(path, policy)))
            loading.append(
                _seconds(lambda: Checkpoints(policy).get(full, None, SETTINGS, _nothing))
            )
        print(f"reading alone: {median(reading):.2f} s, ready: {median(loading):.2f} s")
        status = verdict("ready / reading", median(loading) / median(reading), RATIO_LIMIT)
        kept = Checkpoints(policy)
        for checkpoint in (full, small):
            kept.get(checkpoint, None, SETTINGS, _nothing)
        before = _resident()
        back = [0.0]
        for _ in range(options.switches):
            kept.get(small, None, SETTINGS, _nothing)
            back.append(_seconds(lambda: kept.get(full, None, SETTINGS, _nothing)))
        grown = (_resident() / before - 1) * 100
    status |= verdict("switch back", max(back), SWITCH_LIMIT_SECONDS, " s")
    return status | verdict(
        f"memory after {options.switches} switches", grown, GROWTH_LIMIT_PERCENT, " %"
    )


def _write(path: Path, family: ModelFamily) -> None:
    """The file, one tensor's random numbers repeated, since making them all takes a while."""
    noise = torch.randn(1 << 20).half()
    tensors = {
        name: noise.repeat(-(-shape.numel() // len(noise)))[: shape.numel()].reshape(shape)
        for name, shape in published_tensors(stored_config(family)).items()
    }
    save_file(tensors, path)
    print(f"{path.name}: {path.stat().st_size / 1e9:.2f} GB")


def _read(path: Path, policy: DevicePolicy) -> list[torch.Tensor]:
    """Every tensor in the number format of its part, all of them at once in memory."""
    formats = {"model": policy.dtype, "first_stage_model": policy.vae_dtype}
    with safe_open(path, framework="pt") as file:
        return [
            file.get_tensor(name).to(
                policy.device, formats.get(name.split(".")[0], policy.text_dtype), copy=True
            )
            for name in file.keys()  # noqa: SIM118 no dictionary
        ]


def _seconds(work: Callable[[], object]) -> float:
    """How long `work` takes, without what was left over from before."""
    gc.collect()
    started = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - started


def _resident() -> float:
    """Memory that this process holds, in megabytes; Linux only."""
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not report VmRSS")


def _nothing(text: str) -> None:
    """Nobody is told."""


if __name__ == "__main__":
    sys.exit(main())
