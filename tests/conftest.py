"""What every folder of tests shares: one thread for each process, and tiny pictures."""

import os

import pytest
from PIL import Image

# Before anybody imports torch, numpy or OpenCV. Tests run beside each other, on networks a few
# channels wide; more threads would wait for one another, and add up numbers in another order.
for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
    os.environ[threads] = "1"


@pytest.fixture
def tiny_picture() -> Image.Image:
    """A 64x64 RGB picture: red grows to the right, green downwards, blue is even."""
    across = Image.linear_gradient("L").resize((64, 64)).transpose(Image.Transpose.ROTATE_90)
    down = Image.linear_gradient("L").resize((64, 64))
    return Image.merge("RGB", (across, down, Image.new("L", (64, 64), 128)))
