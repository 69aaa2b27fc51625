"""Painting on a picture, and A1111's soft strokes, at tolerance 0."""

import numpy as np
import pytest
from PIL import Image

from pipelines.errors import InvalidPicture
from pipelines.imaging.masks import changed_pixels, with_transparency
from pipelines.imaging.sketches import paint, soften
from tests.helpers.images import assert_same_picture, gradient, noise
from tests.pipelines.imaging.slow_inpaint import slow_composite, slow_pillow_blur


def stroke(width: int = 20, height: int = 16) -> Image.Image:
    layer = Image.new("RGBA", (width, height))
    layer.paste((255, 0, 0, 255), (6, 4, 12, 9))
    return layer


def test_nothing_drawn_changes_nothing():
    picture = gradient(20, 16)
    painted = paint(picture, Image.new("RGBA", picture.size, (1, 2, 3, 0)))
    assert_same_picture(painted, picture)


def test_full_strokes_replace_and_half_strokes_mix():
    layer = Image.new("RGBA", (3, 1))
    layer.putdata([(200, 0, 0, 255), (200, 0, 0, 128), (200, 0, 0, 0)])
    painted = paint(Image.new("RGB", (3, 1), (0, 100, 0)), layer)
    assert np.asarray(painted).tolist() == [[[200, 0, 0], [100, 50, 0], [0, 100, 0]]]


def test_strokes_lie_over_the_background_of_a_transparent_picture():
    picture = Image.new("RGBA", (20, 16))
    painted = paint(picture, stroke(), "#00ff00")
    assert painted.getpixel((0, 0)) == (0, 255, 0)
    assert painted.getpixel((8, 6)) == (255, 0, 0)


def test_a_drawing_of_another_size_is_refused():
    with pytest.raises(InvalidPicture, match="is 20x16 and the picture below it 21x16"):
        paint(gradient(21, 16), stroke())


@pytest.mark.parametrize("transparency", [0, 30, 100])
@pytest.mark.parametrize("sigma", [0, 1, 4, 64])
def test_strokes_are_softened_as_described(sigma: int, transparency: int):
    picture = noise(20, 16)
    painted = paint(picture, stroke())
    mask = with_transparency(changed_pixels(painted, picture), transparency)
    expected = slow_composite(
        slow_pillow_blur(np.asarray(painted), sigma),
        np.asarray(picture),
        slow_pillow_blur(np.asarray(mask)[..., None], sigma)[..., 0],
    )
    softened = soften(painted, picture, mask, (sigma, sigma))
    assert_same_picture(softened, Image.fromarray(expected.astype(np.uint8)))


def test_a_stroke_in_the_colour_below_it_is_no_change():
    picture = Image.new("RGB", (20, 16), (255, 0, 0))
    assert changed_pixels(paint(picture, stroke()), picture).getbbox() is None
