"""Fixtures that every folder of tests shares: tiny pictures."""

import pytest
from PIL import Image


@pytest.fixture
def tiny_picture() -> Image.Image:
    """A 64x64 RGB picture: red grows to the right, green downwards, blue is even."""
    across = Image.linear_gradient("L").resize((64, 64)).transpose(Image.Transpose.ROTATE_90)
    down = Image.linear_gradient("L").resize((64, 64))
    return Image.merge("RGB", (across, down, Image.new("L", (64, 64), 128)))
