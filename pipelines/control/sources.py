"""What a unit's map is made from: its own picture or the job's, its mask, and the same crop."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from PIL import Image

from pipelines.control.planned import PlannedUnit
from pipelines.control.units import ControlResizeMode, ControlUnit
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.crops import cut_out, find_crop
from pipelines.imaging.geometry import Box, Size
from pipelines.imaging.inpaint import repaint_mask, with_softened_strokes
from pipelines.imaging.resize import resize
from pipelines.plan import Plan
from pipelines.plugins import Preprocessor
from pipelines.requests import InpaintArea, ResizeMode

BEHIND_TRANSPARENCY = "#ffffff"
"""What a transparent picture is laid on, whatever the settings say of init pictures."""

NO_STROKES, ALL_STROKES = 5, 250
"""A drawn mask that is nowhere above the one, or nowhere below the other, is none."""

INPAINT = "Inpaint"
"""The control type whose preprocessors take the job's mask with the job's picture."""

UNCROPPED = "reference"
"""Preprocessors with this in their key look at the whole picture."""

OF_TAB: Mapping[ResizeMode, ControlResizeMode] = {
    ResizeMode.just_resize: ControlResizeMode.just_resize,
    ResizeMode.crop_and_resize: ControlResizeMode.crop_and_resize,
    ResizeMode.resize_and_fill: ControlResizeMode.resize_and_fill,
    ResizeMode.latent_upscale: ControlResizeMode.just_resize,
}
"""How the job's own picture is fitted: as its tab says, not as the unit does."""

_FOR_PICTURES: Mapping[ControlResizeMode, ResizeMode] = {
    ControlResizeMode.just_resize: ResizeMode.just_resize,
    ControlResizeMode.crop_and_resize: ResizeMode.crop_and_resize,
    ControlResizeMode.resize_and_fill: ResizeMode.resize_and_fill,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """One picture (RGB) and the mask (L, 255 = to be repainted) of the same size, if there is."""

    picture: Image.Image
    mask: Image.Image | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """All that a unit's map is made from.

    There is one source but for an IP-Adapter with several pictures. `region` (L) is the Effective
    Region Mask, and `mode` says how the map is brought to the network's size.
    """

    all: tuple[Source, ...]
    region: Image.Image | None
    mode: ControlResizeMode


class JobPicture:
    """The job's own picture and mask as units see them, each made when it is first asked for."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @cached_property
    def shown(self) -> Image.Image:
        """The picture in RGB, with what was painted on it."""
        picture, inpaint = self.plan.request.init_image, self.plan.request.inpaint
        if inpaint is None:
            return to_rgb(picture, BEHIND_TRANSPARENCY)
        return with_softened_strokes(picture, inpaint, BEHIND_TRANSPARENCY)

    @cached_property
    def mask(self) -> Image.Image | None:
        """What is repainted (L), inverted and blurred; None for a job without a mask."""
        inpaint = self.plan.request.inpaint
        return inpaint and repaint_mask(self.plan.request.init_image, inpaint)

    @cached_property
    def crop(self) -> "_Crop | None":
        """What Only masked shows of the picture; None for Whole picture."""
        inpaint, mask = self.plan.request.inpaint, self.mask
        if inpaint is None or mask is None or inpaint.area is not InpaintArea.only_masked:
            return None
        box = find_crop(mask, inpaint.padding, self.plan.size)
        assert box is not None  # blank masks have been refused
        return _Crop(canvas=Size.of(mask.size), box=box, size=self.plan.size)


def sources_of(planned: PlannedUnit, job: JobPicture) -> Sources:
    """What `planned` looks at, cut out as the job's own picture is for Only masked.

    InvalidPicture or InvalidRequest where the shapes do not go together.
    """
    unit, preprocessor, plan = planned.unit, planned.preprocessor, job.plan
    if unit.images:
        ignores = plan.settings.controlnet_ignore_noninpaint_mask
        found = own_sources(unit, preprocessor, ignores_drawing=ignores)
        mode = unit.resize_mode
    else:
        # What is repainted means something to preprocessors for inpainting alone.
        takes_mask = preprocessor.takes_mask and INPAINT in preprocessor.types
        found = (Source(picture=job.shown, mask=job.mask if takes_mask else None),)
        mode = OF_TAB[plan.request.resize_mode]
    region = None if unit.region is None else to_rgb(unit.region, "#000000").getchannel("R")
    crop = job.crop if unit.crop_to_mask and UNCROPPED not in preprocessor.key else None
    if crop is not None:
        found = tuple(crop.source(source, mode) for source in found)
        region = None if region is None else crop.cut(region, mode)
    return Sources(all=found, region=region, mode=mode)


def own_sources(
    unit: ControlUnit, preprocessor: Preprocessor, *, ignores_drawing: bool
) -> tuple[Source, ...]:
    """The unit's own pictures. What is drawn on one is its mask where the preprocessor takes one.

    Elsewhere the drawing itself, white on black, takes the picture's place ("scribble mode") unless
    `ignores_drawing`.
    """
    pictures = tuple(to_rgb(image, BEHIND_TRANSPARENCY) for image in unit.images)
    if unit.mask is None:
        return tuple(Source(picture=picture) for picture in pictures)
    if preprocessor.takes_mask:
        return (Source(picture=pictures[0], mask=unit.mask),)
    levels = np.asarray(unit.mask)
    is_blank = levels.max() <= NO_STROKES or levels.min() >= ALL_STROKES
    drawn = not (is_blank or ignores_drawing)
    return (Source(picture=unit.mask.convert("RGB") if drawn else pictures[0]),)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Crop:
    """Only masked: the `box` of a picture of `canvas` size that is brought to `size`."""

    canvas: Size
    box: Box
    size: Size

    def source(self, source: Source, mode: ControlResizeMode) -> Source:
        mask = None if source.mask is None else self.cut(source.mask, mode)
        return Source(picture=self.cut(source.picture, mode), mask=mask)

    def cut(self, image: Image.Image, mode: ControlResizeMode) -> Image.Image:
        """What lies in the box once `image` (RGB or L) is laid over the whole picture."""
        if Size.of(image.size) != self.canvas:
            image = resize(image, self.canvas, _FOR_PICTURES[mode])
        return cut_out(image, self.box, self.size)
