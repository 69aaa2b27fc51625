"""The demo model obeys its ControlNets, from the request to the picture."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from extensions.discovery import discover
from pipelines.catalog.folders import Kind, folders_for
from pipelines.catalog.scan import FolderCatalog
from pipelines.control.menus import ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.runner import PreprocessorRunner
from pipelines.control.units import ControlUnit
from pipelines.diffusion.device import choose_policy
from pipelines.diffusion.run import Diffusion
from pipelines.monitor import Unwatched
from pipelines.plan import make_plan
from pipelines.requests import (
    Img2ImgRequest,
    Inpaint,
    InpaintArea,
    Prompt,
    ResizeTo,
    Sampling,
    Seeds,
)
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.control import NoTools
from tools.demo_model.evaluation.measures import edge_f1
from tools.demo_model.evaluation.obeying import strongest_edges
from tools.demo_model.render import render

MODELS = Path(__file__).parents[3] / "models"
GRAY = Image.new("RGB", (256, 256), "gray")
HELD_OUT = (15_502, 15_507, 15_511)
"""Seeds of pictures that the model was not trained on."""

SKY, EARTH = (6, 230, 230), (120, 120, 70)
"""Of ADE20K's palette."""

Draw = Callable[..., NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def draw(tmp_path_factory: pytest.TempPathFactory) -> Draw:
    """What the program makes of units, as an array; strength 1, so that they alone matter."""
    folder = tmp_path_factory.mktemp("cache")
    catalog = FolderCatalog(folders_for(Kind.checkpoint, [MODELS]), (), folder)
    menus = ControlMenus(
        plugins=discover(), models=ControlModels(folders_for(Kind.controlnet, [MODELS]))
    )
    diffusion = Diffusion(
        choose_policy(), runner=PreprocessorRunner(NoTools()), models_dirs=(MODELS,)
    )

    def made(prompt: str, *units: ControlUnit, **changes: Any) -> NDArray[np.uint8]:
        request = Img2ImgRequest(
            init_image=GRAY,
            prompt=Prompt(positive=prompt),
            size=ResizeTo(width=256, height=256),
            sampling=Sampling(steps=12, cfg_scale=5.0, denoising_strength=1.0),
            seeds=Seeds(seed=7),
            control=units,
            model="demo",
        )
        plan = make_plan(
            replace(request, **changes), Settings(), catalog, StyleBook(folder), control=menus
        )
        (batch,) = diffusion.denoise(plan, Unwatched())
        return np.asarray(batch.images[0][1])

    return made


def canny(picture: Image.Image, **values: Any) -> ControlUnit:
    values = {"weight": 1.0, **values}
    return ControlUnit(
        index=0,
        preprocessor="canny",
        model="demo_canny",
        images=(picture,),
        pixel_perfect=True,
        **values,
    )


@cache
def scene(seed: int) -> Image.Image:
    return Image.fromarray(render(seed).picture)


def follows(drawn: NDArray[np.uint8], picture: Image.Image) -> float:
    """F1 of the strongest edges of `drawn` and the edges of `picture`, two pixels allowed."""
    wanted = np.asarray(cv2.Canny(np.asarray(picture), 100, 200)) > 0
    return edge_f1(strongest_edges(drawn, int(wanted.sum())), wanted)


def test_edges_follow_the_map_at_weight_1_and_not_at_0(draw: Draw):
    obeyed, ignored = (
        float(
            np.mean(
                [
                    follows(draw("day", canny(scene(seed), weight=weight)), scene(seed))
                    for seed in HELD_OUT
                ]
            )
        )
        for weight in (1.0, 0.0)
    )
    assert obeyed >= 0.75
    assert ignored < 0.4


def test_a_unit_that_ends_at_a_third_is_obeyed_less(draw: Draw):
    picture = scene(HELD_OUT[0])
    to_the_end, loosened = (
        follows(draw("day", canny(picture, end=end)), picture) for end in (1.0, 0.3)
    )
    assert loosened < to_the_end - 0.05


def painted(horizon: int) -> Image.Image:
    """A segmentation map painted with the palette: sky above `horizon`, earth below."""
    areas = Image.new("RGB", (256, 256), SKY)
    ImageDraw.Draw(areas).rectangle((0, horizon, 255, 255), fill=EARTH)
    return areas


def segmentation(horizon: int, **values: Any) -> ControlUnit:
    return ControlUnit(index=1, model="demo_seg", images=(painted(horizon),), **values)


def green_begins(drawn: NDArray[np.uint8]) -> int:
    """The first row below which the picture is a meadow: most of its pixels are green."""
    red, green, blue = (drawn[..., place].astype(int) for place in range(3))
    rows = ((green > blue + 15) & (green > red)).mean(axis=1) > 0.5
    return int(np.argmax(rows)) if rows.any() else len(rows)


@pytest.mark.parametrize("horizon", [120, 180])
def test_a_painted_segmentation_map_places_the_horizon(draw: Draw, horizon: int):
    assert abs(green_begins(draw("green hills, day", segmentation(horizon))) - horizon) <= 10


def test_two_units_are_obeyed_at_once(draw: Draw):
    square = Image.new("RGB", (256, 256))
    ImageDraw.Draw(square).rectangle((90, 30, 160, 100), outline="white")
    lines = replace(canny(square), preprocessor="none", pixel_perfect=False)
    both = draw("green hills, day", lines, segmentation(180))
    alone = draw("green hills, day", segmentation(180))
    assert abs(green_begins(both) - 180) <= 14
    sky = (slice(20, 110), slice(80, 170))
    assert follows(both, square) > follows(alone, square)
    assert np.abs(both[sky].astype(int) - alone[sky]).mean() > 5


def test_only_masked_shows_the_control_the_same_crop_as_the_network(draw: Draw):
    picture = scene(HELD_OUT[0])
    mask = Image.new("L", (256, 256))
    ImageDraw.Draw(mask).rectangle((64, 96, 191, 223), fill=255)
    inpaint = Inpaint(mask=mask, area=InpaintArea.only_masked, padding=0, blur_x=0, blur_y=0)
    crop = picture.crop((64, 96, 192, 224)).resize((256, 256), Image.Resampling.LANCZOS)
    unit = replace(canny(picture), images=())  # the job's own picture
    drawn = draw("day", unit, init_image=picture, inpaint=inpaint)
    free = draw("day", init_image=picture, inpaint=inpaint)
    assert follows(drawn, crop) > follows(free, crop) + 0.2
