"""Handlers of the PNG Info tab."""

import html

from PIL import Image

from pipelines.errors import UserError
from pipelines.imaging.opening import open_picture
from pipelines.storage import read_infotext
from ui.form_events import FormEvents, Updates
from ui.kept_drawings import on_inpaint
from ui.messages import error_html, infotext_html
from ui.sources import SourceTab
from ui.values import Raw, picture_path

LONGEST_ITEM = 2000
"""Characters of a remaining item that are shown."""

HINT = "<p>Drop a picture to see its parameters.</p>"
SHOWN_APART = ("parameters", "exif", "icc_profile")
HOW_IT_IS_STORED = frozenset((
    "jfif", "jfif_version", "jfif_unit", "jfif_density", "adobe", "adobe_transform", "dpi",
    "progressive", "progression", "interlace", "gamma", "chromaticity", "srgb", "transparency",
    "background", "loop", "duration", "timestamp", "extension", "compression", "version",
))  # fmt: skip
"""Items by Pillow's names that say nothing about the picture."""


class InfoEvents:
    """Reading a file, and sending what it says to the form."""

    def __init__(self, form: FormEvents) -> None:
        self._form = form

    def describe(self, image: Raw) -> tuple[str, str]:
        """Parameter text, and everything the file says as HTML."""
        path = picture_path(image)
        if path is None:
            return "", HINT
        try:
            picture = open_picture(path, max_pixels=self._form.max_pixels)
        except UserError as error:
            return "", error_html(str(error))
        infotext = read_infotext(picture) or ""
        return infotext, describe_html(picture, infotext)

    def send(self, image: Raw, infotext: Raw) -> tuple[Updates, str]:
        """The form's fields from the parameters, and the picture as the new source."""
        path = picture_path(image)
        updates, message = self._apply(infotext)
        updates["mode"] = SourceTab.img2img
        if path is not None:
            updates["image"] = str(path)
            updates |= self._form.pictures_of_units(path, updates)
        return updates, message

    def send_to_inpaint(self, image: Raw, infotext: Raw) -> tuple[Updates, str]:
        """The form's fields from the parameters, and picture and drawing for their canvas."""
        path = picture_path(image)
        updates, message = self._apply(infotext)
        if path is not None:
            updates |= self._form.pictures_of_units(path, updates)
            updates |= on_inpaint(path, max_pixels=self._form.max_pixels)
        return updates, message

    def _apply(self, infotext: Raw) -> tuple[Updates, str]:
        return self._form.apply(infotext) if infotext else ({}, "")


def describe_html(picture: Image.Image, infotext: str) -> str:
    """Parameters first, then the picture's size, then what else the file says about it."""
    parts = [f"<h4>parameters</h4>{infotext_html(infotext)}"] if infotext else []
    if not infotext:
        parts.append("<p>No generation parameters are written in this file.</p>")
    parts.append(f"<h4>size</h4><p>{picture.width}x{picture.height}</p>")
    for name, value in picture.info.items():
        hidden = name in SHOWN_APART or name in HOW_IT_IS_STORED
        if not hidden and not isinstance(value, bytes):
            text = html.escape(str(value)[:LONGEST_ITEM])
            parts.append(f"<h4>{html.escape(str(name))}</h4><p>{text}</p>")
    return "".join(parts)
