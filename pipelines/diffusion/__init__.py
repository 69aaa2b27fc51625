"""Everything that needs torch and diffusers: a plan in, pictures out."""

import os

# Read once, when torch loads. By default its threads spin while they wait for each other, which is
# ruinous as soon as anything else wants the cores: a demo picture took 9 to 20 s that way on two
# busy cores, 1 to 2 s with threads that sleep, which cost about a seventh on idle ones.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from pipelines.diffusion.torchvision_ops import (
    ensure_torchvision,
)

# Before any module of this package imports transformers or diffusers.
ensure_torchvision()
