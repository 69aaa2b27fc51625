"""The contract that every preprocessor keeps, whatever it detects.

Those with weights are held to it as far as their data go: their own tests run them.
"""

import subprocess
import sys
from collections import Counter
from pathlib import PurePosixPath

import numpy as np
import pytest

from extensions.controlnet.types import CONTROL_TYPES
from extensions.discovery import problem_of
from extensions.preprocessors import BUILT_IN
from pipelines.plugins import Given, Hook, Preprocessor
from tests.helpers.preprocessors import NoTools

every_preprocessor = pytest.mark.parametrize("preprocessor", BUILT_IN, ids=lambda found: found.key)
every_weight_free = pytest.mark.parametrize(
    "preprocessor", [found for found in BUILT_IN if not found.weights], ids=lambda found: found.key
)
RNG = np.random.default_rng(0)
PICTURES = {
    "1x1": RNG.integers(0, 256, (1, 1, 3), np.uint8),
    "200x3": RNG.integers(0, 256, (3, 200, 3), np.uint8),
    "129x65": RNG.integers(0, 256, (65, 129, 3), np.uint8),
    "gray": np.repeat(RNG.integers(0, 256, (40, 30, 1), np.uint8), 3, axis=-1),
    "white": np.full((70, 64, 3), 255, np.uint8),
    "black": np.zeros((64, 70, 3), np.uint8),
}
every_picture = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES)


def given(
    preprocessor: Preprocessor, picture: np.ndarray, *, seed: int = 7, slider: str = "default"
) -> Given:
    """With a low resolution, and both sliders at their default, minimum or maximum."""
    values = [float(getattr(found, slider)) for found in preprocessor.sliders]
    a, b, *_ = *values, 0.5, 0.5
    picture = picture.copy()
    picture.flags.writeable = False
    mask = None
    if preprocessor.takes_mask:
        mask = np.resize(np.array([0, 128, 255], np.uint8), picture.shape[:2])
    lowest = 64 if preprocessor.resolution is None else int(preprocessor.resolution.minimum)
    return Given(
        picture=picture, resolution=lowest, a=a, b=b, seed=seed, tools=NoTools(), mask=mask
    )


def test_no_two_preprocessors_share_a_name():
    names = Counter(name for found in BUILT_IN for name in {found.key.lower(), found.label.lower()})
    assert [name for name, count in names.items() if count > 1] == []


@every_preprocessor
def test_the_data_are_consistent(preprocessor: Preprocessor):
    assert problem_of(preprocessor) is None
    assert set(preprocessor.types) <= {kind.label for kind in CONTROL_TYPES}
    assert preprocessor.key == preprocessor.key.strip()
    for slider in preprocessor.sliders:
        for nonsense in (-1000, float("nan"), float("inf")):
            assert slider.value(nonsense) == slider.default


@every_preprocessor
def test_weights_say_where_they_come_from_and_on_which_terms(preprocessor: Preprocessor):
    for weights in preprocessor.weights:
        assert PurePosixPath(weights.name).name == weights.name not in ("", ".", "..")
        assert weights.repository.count("/") == 1
        assert weights.files
        assert weights.licence
        for file in map(PurePosixPath, weights.files):
            assert not file.is_absolute()
            assert ".." not in file.parts


@every_weight_free
@every_picture
def test_a_map_has_the_shape_of_its_picture(preprocessor: Preprocessor, picture: np.ndarray):
    asked = given(preprocessor, picture)
    pixels = preprocessor.run(asked).pixels
    height, width = picture.shape[:2]
    if preprocessor.resolution is not None:
        ratio = asked.resolution / min(height, width)
        height, width = round(height * ratio), round(width * ratio)
    assert pixels.dtype == np.uint8
    assert pixels.shape == (height, width, 4 if "Inpaint" in preprocessor.types else 3)
    assert (asked.picture == picture).all()


@every_weight_free
@pytest.mark.parametrize("slider", ["minimum", "maximum"])
def test_the_ends_of_the_sliders_work(preprocessor: Preprocessor, slider: str):
    for picture in (PICTURES["1x1"], PICTURES["200x3"], PICTURES["white"]):
        pixels = preprocessor.run(given(preprocessor, picture, slider=slider)).pixels
        assert pixels.dtype == np.uint8
        assert min(pixels.shape) > 0


@every_weight_free
def test_the_same_picture_and_seed_give_the_same_map(preprocessor: Preprocessor):
    first, again, other = (
        preprocessor.run(given(preprocessor, PICTURES["129x65"], seed=seed)).pixels.tolist()
        for seed in (7, 7, 8)
    )
    assert first == again
    if preprocessor.cached:
        assert first == other, "a map that depends on the seed must not be cached"


def test_each_effect_while_sampling_belongs_to_one_preprocessor():
    hooks = Counter(found.hook for found in BUILT_IN)
    assert {hook for hook in Hook if hooks[hook] != 1} == {Hook.none}


def test_preprocessors_and_control_types_are_there_before_anything_heavy_is_imported():
    heavy = "torch", "cv2", "scipy", "transformers", "controlnet_aux", "gradio", "timm"
    code = (
        "import sys, extensions.discovery; plugins = extensions.discovery.discover()\n"
        f"print(len(plugins.preprocessors) > 0, [n for n in {heavy!r} if n in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "True []\n"
