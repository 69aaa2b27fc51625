"""What a preprocessor would make, without a job: the button beside its menu, and the HTTP route."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from pipelines.control.maps import RESOLUTION_MEANT_BY_NONE, resolution_for, shown_map
from pipelines.control.menus import ControlMenus
from pipelines.control.naming import named
from pipelines.control.planning import thresholds
from pipelines.control.runner import PreprocessorRunner
from pipelines.control.sources import BEHIND_TRANSPARENCY, OF_TAB, Source, own_sources
from pipelines.control.units import ControlUnit
from pipelines.errors import InvalidPicture
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.geometry import Size
from pipelines.plugins import Detected, Preprocessor
from pipelines.requests import ResizeMode
from pipelines.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """A map at its own size: `image` is RGB, or RGBA for inpainting, half clear where masked.

    `pose` is the OpenPose JSON of a detector of poses. `resolution` is what Pixel Perfect came to,
    or what was chosen; None for a preprocessor without one.
    """

    image: Image.Image
    pose: Mapping[str, object] | None = None
    resolution: int | None = None


def preview_unit(
    unit: ControlUnit,
    menus: ControlMenus,
    runner: PreprocessorRunner,
    settings: Settings,
    *,
    target: Size,
    picture: Image.Image | None = None,
    tab_mode: ResizeMode = ResizeMode.just_resize,
) -> Preview:
    """The map of the unit's first image, or of `picture` where it has none.

    `target` is the size on the page, which Pixel Perfect goes by; `tab_mode`, the resize mode on
    the page, belongs to `picture`. No crop of Only masked is made, as in A1111. UserError, in a
    sentence that begins with the unit's name, if there is no picture, or the preprocessor refuses
    it.
    """
    with named(unit):
        preprocessor = menus.plugins.find_preprocessor(unit.preprocessor)
        source = _source(unit, preprocessor, settings, picture)
        slider = preprocessor.resolution
        chosen = None if slider is None else int(slider.value(unit.resolution))
        resolution = resolution_for(
            preprocessor,
            None if unit.pixel_perfect else chosen,
            source.picture,
            target,
            unit.resize_mode if unit.images else OF_TAB[tab_mode],
        )
        values = thresholds(preprocessor, unit.threshold_a, unit.threshold_b)
        detected = _run(runner, preprocessor, source, resolution, values)
        return Preview(image=shown_map(detected.pixels), pose=detected.pose, resolution=resolution)


def detect(
    name: str,
    picture: Image.Image,
    menus: ControlMenus,
    runner: PreprocessorRunner,
    *,
    mask: Image.Image | None = None,
    resolution: float = -1,
    a: float = -1,
    b: float = -1,
) -> Detected:
    """What the preprocessor called `name` makes of `picture` (upright, any mode).

    `mask` (L) has the picture's size. Numbers off the preprocessor's sliders are presets.
    InvalidRequest for an unknown name, UserError as the preprocessor refuses.
    """
    preprocessor = menus.plugins.find_preprocessor(name)
    if mask is not None and mask.size != picture.size:
        raise InvalidPicture(
            f"The mask is {Size.of(mask.size)} and the picture {Size.of(picture.size)}; "
            "they must be alike."
        )
    source = Source(picture=to_rgb(picture, BEHIND_TRANSPARENCY), mask=mask)
    slider = preprocessor.resolution
    chosen = None if slider is None else int(slider.value(resolution))
    return _run(runner, preprocessor, source, chosen, thresholds(preprocessor, a, b))


def _source(
    unit: ControlUnit, preprocessor: Preprocessor, settings: Settings, picture: Image.Image | None
) -> Source:
    if unit.images:
        ignores = settings.controlnet_ignore_noninpaint_mask
        return own_sources(unit, preprocessor, ignores_drawing=ignores)[0]
    if picture is None:
        raise InvalidPicture("there is no image to run the preprocessor on; give it one.")
    return Source(picture=to_rgb(picture, BEHIND_TRANSPARENCY))


def _run(
    runner: PreprocessorRunner,
    preprocessor: Preprocessor,
    source: Source,
    resolution: int | None,
    values: tuple[float, float],
) -> Detected:
    a, b = values
    return runner.run(
        preprocessor,
        np.asarray(source.picture),
        resolution=RESOLUTION_MEANT_BY_NONE if resolution is None else resolution,
        a=a,
        b=b,
        mask=None if source.mask is None else np.asarray(source.mask),
    )
