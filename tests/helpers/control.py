"""ControlNet for tests: preprocessors that do little and are counted, models that hold nothing."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pipelines.control.menus import ControlMenus
from pipelines.control.models import ControlModels
from pipelines.control.units import ControlUnit
from pipelines.errors import MissingWeights
from pipelines.plan import Plan, make_plan
from pipelines.plugins import (
    ControlType,
    Detected,
    Given,
    Hook,
    Network,
    Pixels,
    Plugins,
    Preprocessor,
    Slider,
    Weights,
)
from pipelines.settings import Settings
from pipelines.styles import StyleBook
from tests.helpers.jobs import CREATED, OneCheckpoint, request_for
from tests.helpers.models import write_safetensors

CANNY_MODEL = "control_v11p_sd15_canny"
NOWHERE = Weights(name="nets", repository="nobody/nets", files=("net.safetensors",), licence="MIT")


class NoTools:
    """A machine without a network's weights."""

    device = "cpu"

    def folder_of(self, weights: Weights) -> Path:
        """There is never one."""
        raise MissingWeights(f"{weights.files[0]} is not here.", weights)

    def network(self, name: str, load: Callable[[], Network]) -> Network:
        """Loaded each time."""
        return load()


class Counted:
    """Preprocessors that remember what they were given, in order."""

    def __init__(self) -> None:
        self.given: list[Given] = []

    def __call__(self, make: Callable[[Given], Pixels]) -> Callable[[Given], Detected]:
        def run(given: Given) -> Detected:
            self.given.append(given)
            return Detected(pixels=make(given))

        return run


def _with_mask(given: Given) -> Pixels:
    assert given.mask is not None
    return np.dstack([given.picture, given.mask])


def _needs_weights(given: Given) -> Pixels:
    given.tools.folder_of(NOWHERE)
    return given.picture


def make_plugins(count: Counted | None = None) -> Plugins:
    """Preprocessors whose maps show what they were given; `count` remembers every call."""
    counted = count or Counted()
    same = counted(lambda given: given.picture.copy())
    edges = (
        Slider(label="Low Threshold", default=100, minimum=1, maximum=255),
        Slider(label="High Threshold", default=200, minimum=1, maximum=255),
    )

    def plain(key: str, *types: str, **more: Any) -> Preprocessor:
        return Preprocessor(**{"key": key, "label": key, "types": types, "run": same, **more})

    masked = counted(_with_mask)
    return Plugins(
        preprocessors=(
            plain("none", resolution=None),
            plain("canny", "Canny", run=counted(lambda given: 255 - given.picture), sliders=edges),
            replace(plain("lineart", "Lineart", priority=2), label="lineart (black on white)"),
            plain("invert", "Canny", "Lineart", resolution=None, priority=-1),
            plain(
                "shuffle",
                "Shuffle",
                cached=False,
                run=counted(lambda given: (given.picture + given.seed % 256).astype(np.uint8)),
            ),
            plain(
                "inpaint_only",
                "Inpaint",
                priority=3,
                run=masked,
                takes_mask=True,
                resolution=None,
                hook=Hook.inpaint_only,
            ),
            replace(
                plain(
                    "inpaint_global_harmonious",
                    "Inpaint",
                    run=masked,
                    takes_mask=True,
                    resolution=None,
                ),
                label="inpaint global",
            ),
            plain("reference_only", "Reference", needs_model=False, resolution=None),
            plain("clip", "IP-Adapter", takes_mask=True),
            plain("depth", "Depth", run=counted(_needs_weights), weights=(NOWHERE,)),
        ),
        control_types=(
            ControlType(label="Canny", fragments=("union",), union="Hard Edge"),
            ControlType(label="IP-Adapter", fragments=("ip_adapter",)),
            ControlType(label="Lineart"),
            ControlType(label="Reference"),
        ),
    )


def write_models(folder: Path, *names: str) -> Path:
    """Files of these names in `folder`, of a megabyte and a few bytes that differ."""
    for number, name in enumerate(names):
        path = write_safetensors(folder / f"{name}.safetensors")
        with path.open("r+b") as file:
            file.seek(0x100000)
            file.write(bytes([number]) * 16)
    return folder


def menus_for(folder: Path, *names: str, count: Counted | None = None) -> ControlMenus:
    """Menus with the test preprocessors and models of these names, one for canny if none."""
    write_models(folder, *(names or (CANNY_MODEL,)))
    return ControlMenus(plugins=make_plugins(count), models=ControlModels((folder,)))


def control_plan(
    menus: ControlMenus, units: Sequence[ControlUnit], *, settings: Any = None, **parts: Any
) -> Plan:
    """As `tests.helpers.jobs.plan_for`, for a job with ControlNet units."""
    return make_plan(
        request_for(**parts, control=tuple(units)),
        Settings().with_changes(settings or {}),
        OneCheckpoint(),
        StyleBook(Path("no such file.csv")),
        control=menus,
        draw_seed=lambda: 1234,
        now=lambda: CREATED,
    )


def canny(index: int = 0, **changes: Any) -> ControlUnit:
    """A unit with the canny preprocessor and model."""
    return ControlUnit(**{"index": index, "preprocessor": "canny", "model": CANNY_MODEL, **changes})


def pixels(image: Image.Image) -> np.ndarray:
    """A picture's bytes as numbers that do not overflow."""
    return np.asarray(image).astype(np.int64)
