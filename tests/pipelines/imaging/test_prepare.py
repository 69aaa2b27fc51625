"""The source picture on its way to the network."""

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.prepare import prepare_init_image
from pipelines.requests import ResizeBy, ResizeMode, ResizeTo
from tests.helpers.images import assert_same_picture, noise
from tests.helpers.jobs import plan_for


@pytest.mark.parametrize("mode", ResizeMode, ids=lambda mode: mode.name)
def test_the_picture_has_the_processing_size_except_for_a_latent_upscale(mode):
    prepared = prepare_init_image(plan_for(noise(50, 30), resize_mode=mode))
    assert prepared.mode == "RGB"
    assert prepared.size == ((50, 30) if mode is ResizeMode.latent_upscale else (64, 64))


def test_resize_by_keeps_odd_sizes():
    prepared = prepare_init_image(plan_for(noise(101, 67), size=ResizeBy(scale=1.5)))
    assert prepared.size == (151, 100)


def test_transparency_is_flattened_before_resizing():
    image = Image.new("RGBA", (128, 128), (0, 0, 0, 0))
    plan = plan_for(image, settings={"img2img_background_color": "#aabbcc"})
    assert_same_picture(prepare_init_image(plan), Image.new("RGB", (64, 64), "#aabbcc"))


def test_the_request_is_not_changed():
    image = noise(channels=4)
    before = image.tobytes()
    prepare_init_image(plan_for(image))
    assert image.tobytes() == before


def test_a_sliver_is_refused():
    plan = plan_for(
        Image.fromarray(np.zeros((2, 1000, 3), np.uint8)),
        size=ResizeTo(width=64, height=64),
        resize_mode=ResizeMode.resize_and_fill,
    )
    with pytest.raises(InvalidPicture, match="nothing would be left"):
        prepare_init_image(plan)
