"""Edges, lines and scribbles by networks with random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from extensions.detectors.loading import library
from extensions.preprocessors import hed, lineart, mlsd, pidinet, teed
from extensions.preprocessors.lineart_standard import lines as standard_lines
from pipelines.catalog.weights import DetectorTools
from pipelines.imaging.detection_size import at_resolution
from tests.extensions.detectors.conftest import MAP_SHAPE, PICTURE, Detect
from tests.helpers import networks


@pytest.fixture(scope="module", autouse=True)
def weights(folder: Path) -> None:
    torch.manual_seed(0)
    networks.save(folder, hed.WEIGHTS, networks.hed())
    networks.save(folder, pidinet.WEIGHTS, networks.pidinet())
    networks.save(folder, lineart.REALISTIC, networks.lineart())
    networks.save(folder, lineart.COARSE, networks.lineart())
    networks.save(folder, mlsd.WEIGHTS, networks.mlsd())
    networks.save(folder, teed.TEED, networks.teed())
    networks.save(folder, teed.ANYLINE, networks.teed())


@pytest.mark.parametrize(
    "key",
    [
        *("hed", "hed_safe", "scribble_hed"),
        *("pidinet", "pidinet_safe", "pidinet_scribble", "pidinet_sketch"),
        *("lineart", "lineart_coarse", "mlsd", "softedge_teed", "softedge_anyline"),
    ],
)
def test_a_map_has_the_aspect_of_the_picture(detect: Detect, key: str):
    made = detect(key).pixels
    assert made.shape == MAP_SHAPE
    assert made.dtype == np.uint8
    assert (made == made[..., :1]).all(), "edges are grey"


@pytest.mark.parametrize(("key", "levels"), [("hed_safe", 3), ("pidinet_safe", 3)])
def test_safe_edges_have_two_levels_above_black(detect: Detect, key: str, levels: int):
    assert len(np.unique(detect(key).pixels)) <= levels


@pytest.mark.parametrize("key", ["scribble_hed", "pidinet_scribble", "pidinet_sketch", "mlsd"])
def test_scribbles_sketches_and_lines_are_black_and_white(detect: Detect, key: str):
    assert set(np.unique(detect(key).pixels)) <= {0, 255}


def test_the_two_linearts_are_two_networks(detect: Detect):
    assert (detect("lineart").pixels != detect("lineart_coarse").pixels).any()


def test_safe_steps_are_levels(detect: Detect):
    assert len(np.unique(detect("softedge_teed", a=0).pixels)) > 20
    assert set(np.unique(detect("softedge_teed", a=1).pixels)) <= {0, 255}


def test_straight_lines_are_those_of_controlnet_aux(tools: DetectorTools, folder: Path):
    network = tools.network("mlsd", lambda: mlsd.load(folder / mlsd.WEIGHTS.name, "cpu"))
    pixels = np.random.default_rng(1).integers(0, 256, (64, 128, 3), np.uint8)
    theirs = library("controlnet_aux.mlsd.utils").pred_lines
    with torch.no_grad():
        expected = theirs(pixels, network, [64, 128], 0.4, 0.05)
    found = mlsd.lines(network, pixels, strength=0.4, length=0.05)
    assert len(found) > 3
    np.testing.assert_array_equal(found, expected)


def test_a_picture_without_straight_lines_gives_a_black_map(detect: Detect):
    assert not detect("mlsd", a=2.0).pixels.any()


def test_anyline_takes_out_patches_of_the_faintest_lineart(detect: Detect, folder: Path):
    # Darker than its surroundings by so little that the standard lineart has 1 here and there.
    picture = np.full((64, 96, 3), 200, np.uint8)
    picture[10:50, 10:80] -= np.uint8(1)
    picture[20, 90] -= np.uint8(1)
    labelled: Any = ndimage.label(standard_lines(picture) == 1)
    patches, count = labelled
    areas = ndimage.sum_labels(patches > 0, patches, range(1, count + 1))
    large = np.isin(patches, 1 + np.flatnonzero(areas >= 12))
    assert large.any()
    detector = teed.loading(teed.ANYLINE)(folder / teed.ANYLINE.name, "cpu")
    edges = at_resolution(picture, 64, lambda pixels: teed.edges(detector, pixels, 0))
    made = detect("softedge_anyline", picture=picture, a=0).pixels
    assert (made == np.where(large[..., None], 1, edges)).all()


def test_anime_lineart_has_the_aspect_of_the_picture(detect: Detect, folder: Path):
    networks.save(folder, lineart.ANIME, networks.lineart_anime())
    made = detect("lineart_anime", picture=PICTURE).pixels
    assert made.shape == MAP_SHAPE
    assert len(np.unique(made)) > 20
