"""Only masked: the box, against the slow arithmetic at tolerance 0, and the cut and return."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.crops import cut_out, find_crop, lay_back
from pipelines.imaging.geometry import Box, Size
from pipelines.requests import ResizeMode
from tests.helpers.examples import examples
from tests.helpers.images import assert_same_picture, noise
from tests.pipelines.imaging.slow_inpaint import slow_crop
from tests.pipelines.imaging.slow_resize import slow_resize

MASK_SIDES = st.integers(1, 60)
PROCESSING_SIDES = st.integers(8, 256).map(lambda steps: steps * 8)
PADDINGS = st.one_of(st.integers(0, 64).map(lambda steps: steps * 4), st.integers(0, 20))


BOXES_PER_EXAMPLE = 10


@examples(400)
@given(MASK_SIDES, MASK_SIDES, PADDINGS, PROCESSING_SIDES, PROCESSING_SIDES, st.integers(0, 10**6))
def test_the_box_is_found_as_described(
    mask_width: int, mask_height: int, padding: int, width: int, height: int, seed: int
):
    rng = np.random.default_rng(seed)
    for _ in range(BOXES_PER_EXAMPLE):
        left, right = sorted(rng.integers(0, mask_width, 2).tolist())
        top, bottom = sorted(rng.integers(0, mask_height, 2).tolist())
        mask = Image.new("L", (mask_width, mask_height))
        mask.paste(1, (left, top, right + 1, bottom + 1))
        found = find_crop(mask, padding, Size(width, height))
        corners = [(left, top), (right, bottom)]
        assert found is not None
        assert found.corners == slow_crop(corners, mask.size, padding, width, height)
        assert 0 <= found.left <= left < right + 1 <= found.right <= mask_width
        assert 0 <= found.top <= top < bottom + 1 <= found.bottom <= mask_height


@examples(200)
@given(
    st.integers(200, 1500),
    st.integers(200, 1500),
    st.integers(0, 256),
    PROCESSING_SIDES,
    PROCESSING_SIDES,
    st.integers(0, 10**6),
)
def test_a_dot_in_a_large_picture_is_found_as_described(
    mask_width: int, mask_height: int, padding: int, width: int, height: int, seed: int
):
    rng = np.random.default_rng(seed)
    x, y = int(rng.integers(mask_width)), int(rng.integers(mask_height))
    mask = Image.new("L", (mask_width, mask_height))
    mask.putpixel((x, y), 1)
    found = find_crop(mask, padding, Size(width, height))
    assert found is not None
    assert found.corners == slow_crop([(x, y)], mask.size, padding, width, height)


def test_a_blank_mask_has_no_box():
    assert find_crop(Image.new("L", (20, 20)), 32, Size(64, 64)) is None


@pytest.mark.parametrize(
    ("rectangle", "padding", "processing", "expected"),
    [
        ((100, 100, 110, 110), 0, (512, 512), (100, 100, 110, 110)),
        ((100, 100, 110, 110), 32, (512, 512), (68, 68, 142, 142)),
        ((100, 100, 121, 110), 0, (512, 512), (100, 95, 121, 116)),  # 11 more: 5 up, 6 down
        ((100, 100, 110, 110), 0, (1024, 512), (95, 100, 115, 110)),
        ((0, 0, 10, 10), 32, (512, 512), (0, 0, 42, 42)),
        ((0, 0, 40, 10), 0, (512, 512), (0, 0, 40, 40)),  # at the corner: shifted, not cut
        ((160, 190, 200, 200), 0, (512, 512), (160, 160, 200, 200)),
        ((0, 0, 200, 200), 256, (512, 512), (0, 0, 200, 200)),
        ((50, 50, 60, 60), 256, (512, 512), (0, 0, 200, 200)),
        ((100, 100, 104, 104), 0, (64, 2048), (100, 38, 104, 166)),
        ((100, 100, 110, 110), 0, (64, 2048), (100, 0, 110, 200)),  # too high: clamped
        ((100, 100, 110, 110), 0, (2048, 64), (0, 100, 200, 110)),
    ],
)
def test_boxes_worked_out_by_hand(rectangle, padding, processing, expected):
    mask = Image.new("L", (200, 200))
    mask.paste(255, rectangle)
    found = find_crop(mask, padding, Size(*processing))
    assert found is not None
    assert found.corners == expected


def test_the_faintest_pixel_counts():
    mask = Image.new("L", (100, 100))
    mask.putpixel((50, 60), 1)
    assert find_crop(mask, 0, Size(64, 64)) == Box(50, 60, 51, 61)


@examples(150)
@given(st.integers(0, 9), st.tuples(*[st.integers(1, 20)] * 4), st.booleans())
def test_cutting_out_and_laying_back_use_the_described_resize_modes(
    seed: int, sides: tuple[int, int, int, int], gray: bool
):
    width, height, new_width, new_height = sides
    image = noise(24, 24, seed=seed, channels=1 if gray else 3)
    box, size = Box(2, 3, 2 + width, 3 + height), Size(new_width, new_height)
    if min(height * new_width // width, width * new_height // height) == 0:
        with pytest.raises(InvalidPicture, match="too narrow"):
            cut_out(image, box, size)
        return
    part = image.crop(box.corners).convert("RGB")
    expected = slow_resize(part, size, ResizeMode.resize_and_fill).convert(image.mode)
    assert_same_picture(cut_out(image, box, size), expected)
    returned = slow_resize(expected.convert("RGB"), box.size, ResizeMode.crop_and_resize)
    canvas = Image.new(image.mode, (30, 28))
    canvas.paste(returned.convert(image.mode), (2, 3))
    assert_same_picture(lay_back(expected, box, Size(30, 28)), canvas)
