"""What each tab of the page starts from: a picture, and which part of it is repainted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from PIL import Image

from pipelines.errors import InvalidPicture, InvalidRequest
from pipelines.imaging.colours import to_rgb
from pipelines.imaging.masks import changed_pixels, mask_from_picture
from pipelines.imaging.sketches import paint
from pipelines.requests import Inpaint, InpaintArea, MaskedContent, MaskMode, SoftInpainting
from ui import fields
from ui.canvas.canvas import Mode, Painting, read_painting
from ui.fields import OpenFile
from ui.values import Values


class SourceTab(IntEnum):
    """Values of the hidden field `mode`: A1111's order of the tabs."""

    img2img = 0
    sketch = 1
    inpaint = 2
    inpaint_sketch = 3
    inpaint_upload = 4
    batch = 5  # no single picture: see `ui.batch_forms`


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """`picture` as it was opened, or in RGB with strokes on it; both are read-only."""

    picture: Image.Image
    inpaint: Inpaint | None = None


Background = str
"""The colour behind transparency, "#rrggbb"."""


def read_source(values: Values, open_file: OpenFile, background: Background) -> Source:
    """The source of the tab in front; a UserError says what is missing or wrong."""
    tab = fields.integer("Tab", values["mode"])
    if tab not in _READERS:
        raise InvalidRequest(f"Tab {tab} is not known; there are 0 to {max(_READERS)}.")
    return _READERS[SourceTab(tab)](values, open_file, background)


def _from_img2img(values: Values, open_file: OpenFile, background: Background) -> Source:
    missing = "There is no picture to start from; drop one on the img2img tab."
    return Source(picture=fields.picture(values["image"], open_file, missing=missing))


def _from_sketch(values: Values, open_file: OpenFile, background: Background) -> Source:
    painting = _painting("Sketch", "sketch", "sketch", values, open_file)
    if not painting.is_drawn:
        return Source(picture=painting.picture)
    return Source(picture=paint(painting.picture, painting.drawing, background))


def _from_inpaint(values: Values, open_file: OpenFile, background: Background) -> Source:
    options = read_inpaint_options(values)
    painting = _painting("Inpaint", "inpaint", "mask", values, open_file)
    return Source(picture=painting.picture, inpaint=Inpaint(mask=painting.drawing, **options))


def _from_inpaint_sketch(values: Values, open_file: OpenFile, background: Background) -> Source:
    options = read_inpaint_options(values)
    transparency = fields.number("Mask transparency", values["mask_transparency"])
    painting = _painting("Inpaint sketch", "inpaint_sketch", "sketch", values, open_file)
    painted = paint(painting.picture, painting.drawing, background)
    inpaint = Inpaint(
        mask=changed_pixels(painted, to_rgb(painting.picture, background)),
        painted=painted,
        transparency=transparency,
        **options,
    )
    return Source(picture=painting.picture, inpaint=inpaint)


def _from_inpaint_upload(values: Values, open_file: OpenFile, background: Background) -> Source:
    options = read_inpaint_options(values)
    picture = fields.picture(
        values["inpaint_base"],
        open_file,
        missing="There is no picture to inpaint; drop one on the Inpaint upload tab.",
    )
    mask = fields.picture(
        values["inpaint_mask"],
        open_file,
        missing="There is no mask; drop one on the field called Mask.",
    )
    # Soft inpainting takes a mask's half tones as they are.
    mask = mask_from_picture(mask, rounded=options["soft"] is None)
    return Source(picture=picture, inpaint=Inpaint(mask=mask, **options))


_Reader = Callable[[Values, OpenFile, Background], Source]

_READERS: Mapping[SourceTab, _Reader] = {
    SourceTab.img2img: _from_img2img,
    SourceTab.sketch: _from_sketch,
    SourceTab.inpaint: _from_inpaint,
    SourceTab.inpaint_sketch: _from_inpaint_sketch,
    SourceTab.inpaint_upload: _from_inpaint_upload,
}


def _painting(title: str, field: str, mode: Mode, values: Values, open_file: OpenFile) -> Painting:
    painting = read_painting(
        values[f"{field}_picture"], values[f"{field}_drawing"], mode=mode, open_file=open_file
    )
    if painting is None:
        raise InvalidPicture(
            f"There is no picture on the {title} tab; drop one there, or copy one to it."
        )
    return painting


def read_inpaint_options(values: Values) -> dict[str, Any]:
    """The fields of the inpaint group and of Soft inpainting, by the names that Inpaint has."""
    blur = fields.integer("Mask blur", values["mask_blur"])
    return {
        "blur_x": blur,
        "blur_y": blur,
        "mode": fields.choice("Mask mode", values["mask_mode"], MaskMode),
        "content": fields.choice("Masked content", values["masked_content"], MaskedContent),
        "area": fields.choice("Inpaint area", values["inpaint_area"], InpaintArea),
        "padding": fields.integer("Only masked padding", values["inpaint_padding"]),
        "opaque": bool(values["repaint_opaque"]),
        "soft": _soft_inpainting(values) if values["soft_inpainting"] else None,
    }


def _soft_inpainting(values: Values) -> SoftInpainting:
    def read(name: str) -> float:
        label = name.replace("_", " ").capitalize()
        return fields.number(label, values[f"soft_{name}"])

    return SoftInpainting(
        schedule_bias=read("schedule_bias"),
        preservation_strength=read("preservation_strength"),
        transition_contrast_boost=read("transition_contrast_boost"),
        mask_influence=read("mask_influence"),
        difference_threshold=read("difference_threshold"),
        difference_contrast=read("difference_contrast"),
    )
